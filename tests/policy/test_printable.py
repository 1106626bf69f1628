from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b", "a b"),
        ("grün", "grün"),
        ("\x00", r"\x00"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("abcdef", "ab..."),
    ],
)
def test_text_is_escaped_and_cut(text: str, shown: str) -> None:
    assert printable(text, 5 if text == "abcdef" else 96) == shown


@settings(deadline=None)
@given(st.text(), st.integers(3, 50))
def test_printable_text_is_printable_and_short(text: str, length: int) -> None:
    shown = printable(text, length)

    assert shown.isprintable()
    assert len(shown) <= length
