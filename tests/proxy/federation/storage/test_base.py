from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.federation.storage.base import MAX_CURSOR, Cursor


@given(st.dictionaries(st.text(max_size=16), st.integers(0, 2**62), max_size=20))
def test_a_cursor_travels_in_a_url(read: dict[str, int]) -> None:
    text = Cursor(read).text()
    assert Cursor.parse(text) == Cursor(read)
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(st.text(max_size=40))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except ValueError:
        return
    assert all(isinstance(writer, str) and isinstance(number, int) for writer, number in cursor.read.items())


@pytest.mark.parametrize("text", ["", "gg", "gaFhoWI", "$$$$", "A" * (MAX_CURSOR + 1), "ü"])
def test_what_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a cursor|at most"):
        Cursor.parse(text)
