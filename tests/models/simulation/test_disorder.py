"""Rows out of order."""

from __future__ import annotations

from itertools import pairwise

import pytest

from models.simulation.disorder import disordered
from models.simulation.floorplan import family_home
from models.simulation.trace import Observed, Trace


@pytest.fixture(scope="module")
def rows() -> list[Observed]:
    return list(Trace(family_home(), seed=1, start=0).until(3_600_000))


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_about_the_share_is_late_or_has_anothers_time(rows: list[Observed], share: float) -> None:
    times = [row.access.time for row in disordered(rows, share, 3)]
    back = sum(later < earlier for earlier, later in pairwise(times))
    same = sum(later == earlier for earlier, later in pairwise(times))
    assert 0.3 * share < back / len(rows) < 0.7 * share
    assert 0.3 * share < same / len(rows) < 0.7 * share


def test_nothing_is_lost(rows: list[Observed]) -> None:
    def what(row: Observed) -> tuple[str, str, str | None]:
        return row.access.source, row.access.node, row.access.value

    assert sorted(map(str, map(what, disordered(rows, 0.3, 3)))) == sorted(map(str, map(what, rows)))


def test_without_a_share_nothing_changes(rows: list[Observed]) -> None:
    assert list(disordered(rows, 0.0, 3)) == rows
