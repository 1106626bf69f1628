from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.categorical import Counts, room

WORDS = st.lists(st.sampled_from(["get", "set", "lock"]), max_size=20)


def counts(words: list[str]) -> Counts:
    result = Counts()
    for word in words:
        result.observe(word)
    return result


@given(WORDS, WORDS)
def test_adding_counts_is_counting_everything_and_is_undone(one: list[str], other: list[str]) -> None:
    total = counts(one)
    total.absorb(counts(other))
    assert total == counts(other + one)
    assert total.total == len(one) + len(other)
    total.release(counts(other))
    assert total == counts(one)


def test_taking_out_too_much_changes_nothing() -> None:
    total = counts(["get", "set"])
    with pytest.raises(ValueError, match="set"):
        total.release(counts(["get", "set", "set"]))
    assert total == counts(["get", "set"])


def test_shares_by_hand() -> None:
    assert counts(["get", "get", "get", "set"]).shares() == [("get", 0.75), ("set", 0.25)]


def test_never_seen_leaves_no_trace() -> None:
    total = Counts()
    total.observe("get", 0)
    assert total == Counts()


@pytest.mark.parametrize(
    ("source", "destination", "category"),
    [("kitchen", "kitchen", "same"), ("kitchen", "hall", "other"), (None, "hall", None), ("hall", None, None)],
)
def test_room(source: str | None, destination: str | None, category: str | None) -> None:
    assert room(source, destination) == category
