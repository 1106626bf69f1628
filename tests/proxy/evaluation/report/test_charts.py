"""Drawings, as far as a program can look at them."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra `report`")

from PIL import Image

from proxy.evaluation.report import charts, drawing
from proxy.evaluation.report.compare import Run
from proxy.evaluation.report.decomposition import Decomposition, Flow, decompose
from proxy.evaluation.trace import Trace


def colours(png: bytes) -> set[tuple[int, ...]]:
    """The colours of a drawing; also says that it is one, of a size that a phone shows."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    assert image.format is None or image.format == "PNG"
    assert 800 <= image.width <= 1400
    found = image.getcolors(1 << 24)
    assert found is not None
    return {tuple(colour) for _, colour in found}  # type: ignore[arg-type]


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def test_a_decomposition_shows_normal_and_anomalous_accesses(path: Path) -> None:
    data = decompose(Trace(path))
    assert data is not None
    drawn = colours(charts.decomposition(data))
    assert rgb(drawing.VERMILION) in drawn
    assert rgb(drawing.BLUE) in drawn


def test_errors_have_bars_in_both_directions(made: list[Run]) -> None:
    drawn = colours(charts.errors(made[:3]))
    assert rgb(drawing.BLUE) in drawn
    assert rgb(drawing.VERMILION) in drawn


def test_curves_of_all_runs_are_drawn(made: list[Run]) -> None:
    drawn = colours(charts.roc(made))
    assert rgb(drawing.BLACK) in drawn
    assert rgb(drawing.GREY) in drawn


def test_the_same_figures_give_the_same_picture(made: list[Run]) -> None:
    assert charts.errors(made[:3]) == charts.errors(made[:3])


@pytest.mark.parametrize("name", ["$\\frac{$", "x" * 5000, "\x00\x1b[2J\n\n", "日本語 🏠", ""])
def test_names_from_the_trace_cannot_break_a_drawing(name: str) -> None:
    none = np.array([], dtype=np.float64)
    flow = Flow(name, name, "get", np.array([0.0, 1.0]), none, np.array([3600.0]), ())
    charts.decomposition(Decomposition(name, name, 1.0, (flow,)))


def test_nothing_but_one_access_is_drawn_as_well() -> None:
    none = np.array([], dtype=np.float64)
    flow = Flow("/a", "b", "get", np.array([0.0]), none, none, ())
    charts.decomposition(Decomposition("/s", None, 0.0, (flow,)))


def test_labels_keep_their_distance() -> None:
    heights = charts._apart([100, 99.9, 99.8, 60, 59], 5, 50, 101)
    assert all(one - other >= 5 - 1e-9 for one, other in pairwise(heights))
    assert 50 <= min(heights) <= max(heights) <= 101
