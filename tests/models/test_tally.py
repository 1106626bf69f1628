from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tally import add, difference, exchange, scaled

TALLIES = st.dictionaries(st.integers(-5, 5), st.integers(1, 99), max_size=5)


@given(TALLIES, TALLIES)
def test_what_was_added_can_be_taken_out(one: dict[int, int], other: dict[int, int]) -> None:
    both = dict(one)
    add(both, other)
    assert difference(both, other) == one
    assert difference(both, one) == other


def test_what_was_never_added_cannot_be_taken_out() -> None:
    with pytest.raises(ValueError, match="never added"):
        difference({1: 2}, {1: 3})
    with pytest.raises(ValueError, match="never added"):
        difference({1: 2}, {2: 1})


@given(TALLIES, TALLIES, TALLIES)
def test_what_was_added_can_be_replaced(others: dict[int, int], before: dict[int, int], after: dict[int, int]) -> None:
    tally, wanted = dict(others), dict(others)
    add(tally, before)
    exchange(tally, before, after)
    add(wanted, after)
    assert tally == wanted


def test_what_was_seen_stays_seen() -> None:
    assert scaled({1: 100, 2: 1}, 1, 10) == {1: 10, 2: 1}
