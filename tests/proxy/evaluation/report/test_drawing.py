"""What drawings have in common."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib", reason="needs the extra `report`")

from proxy.evaluation.report.drawing import figure, plain, png, tidy


def drawn(title: str) -> bytes:
    whole = figure(2.0)
    axes = whole.subplots()
    tidy(axes)
    axes.set_title(plain(title))
    return png(whole)


def test_the_same_drawing_gives_the_same_bytes() -> None:
    assert drawn("one") == drawn("one")
    assert drawn("one").startswith(b"\x89PNG")


def test_no_name_is_taken_for_a_formula() -> None:
    assert drawn("$\\frac{$") != drawn("")
