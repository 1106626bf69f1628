"""What all pages have in common."""

from __future__ import annotations

import pytest

from proxy.evaluation.report.layout import Picture, environment, percent


@pytest.mark.parametrize(("share", "text"), [(None, "–"), (0.0, "0.00 %"), (0.9994, "99.94 %"), (1.0, "100.00 %")])
def test_shares_are_told_as_percentages(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_the_picture_itself_is_in_the_page() -> None:
    assert Picture("a.png", b"abc", "").uri == "data:image/png;base64,YWJj"


def test_whatever_is_told_is_text() -> None:
    assert environment().from_string("{{ name }}").render(name="<b>") == "&lt;b&gt;"
