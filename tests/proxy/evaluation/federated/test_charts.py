"""Drawings, as far as a program can look at them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("matplotlib", reason="needs the extra `report`")

from proxy.evaluation.federated import charts
from proxy.evaluation.report import drawing
from tests.proxy.evaluation.federated import canned
from tests.proxy.evaluation.report.test_charts import colours, rgb

DRAWN: dict[str, Callable[[], bytes]] = {
    "convergence": lambda: charts.convergence(canned.convergence()),
    "healing": lambda: charts.healing(canned.healing()),
    "poisoning": lambda: charts.poisoning(canned.poisoning()),
    "updates": lambda: charts.updates(canned.updates()),
}


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_figures_give_the_same_picture(name: str) -> None:
    png = DRAWN[name]()
    assert png == DRAWN[name]()
    assert rgb(drawing.BLUE) in colours(png)


def test_both_places_are_in_the_picture_of_healing() -> None:
    assert {rgb(drawing.VERMILION), rgb(drawing.BLUE)} <= colours(DRAWN["healing"]())


def test_every_number_of_sites_has_its_mark() -> None:
    found = colours(DRAWN["poisoning"]())
    assert {rgb(colour) for colour in drawing.COLOURS[:2]} <= found
