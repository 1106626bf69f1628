"""The first keys are found as if all were sorted, however they come, go and change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.exchange import ranking
from models.exchange.ranking import Ranking

CHANGES = st.lists(
    st.one_of(
        st.dictionaries(st.integers(0, 40), st.none() | st.integers(0, 9), max_size=20),
        st.integers(1, 8),
    ),
    max_size=30,
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_LEAST", 3)
    monkeypatch.setattr(ranking, "_MOST", 16)


@given(CHANGES)
def test_whoever_asks_gets_what_sorting_all_would_give(changes: list[dict[int, int | None] | int]) -> None:
    weights: dict[int, int] = {}
    found = Ranking(weights.keys(), lambda key: (weights[key], key))
    for change in changes:
        if isinstance(change, dict):
            for key, weight in change.items():
                weights.pop(key, None)
                if weight is not None:
                    weights[key] = weight
            found.note(change.keys())
            continue
        expected = sorted(weights, key=lambda key: (weights[key], key), reverse=True)[:change]
        first = found.first(change)
        assert sorted(first) == sorted(expected)
        if len(weights) > change:
            assert list(first) == expected


def test_what_is_behind_costs_nothing_when_it_changes() -> None:
    weights = dict.fromkeys(range(1000), 1) | dict.fromkeys(range(1000, 1010), 9)
    asked = []

    def rank(key: int) -> tuple[int, int]:
        asked.append(key)
        return weights[key], key

    found = Ranking(weights.keys(), rank)
    assert list(found.first(4)) == [1009, 1008, 1007, 1006]
    asked.clear()
    weights[5] = 2
    found.note([5])
    assert list(found.first(4)) == [1009, 1008, 1007, 1006]
    assert asked == [5], "neither all of them nor the front are looked at again"
