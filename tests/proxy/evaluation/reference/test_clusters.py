"""Clusters without time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.evaluation.reference.clusters import Cluster, Shares


def cluster(*values: float) -> Cluster:
    made = Cluster()
    for value in values:
        made.observe(value)
    return made


def test_centre_and_spread_are_those_of_the_population() -> None:
    assert cluster(2, 4, 4, 4, 5, 5, 7, 9).centre == 5
    assert cluster(2, 4, 4, 4, 5, 5, 7, 9).spread == 2


def test_next_to_no_spread_becomes_a_thousandth() -> None:
    assert cluster(1, 1, 1).spread == 0.001
    assert cluster(1.0, 1.018).spread == 0.001
    assert cluster(1.0, 1.022).spread == pytest.approx(0.011)


points = st.lists(st.integers(0, 100), max_size=20)


@given(first=points, second=points)
def test_adding_is_having_seen_both(first: list[int], second: list[int]) -> None:
    added = cluster(*first)
    added.add(cluster(*second))
    assert added == cluster(*first, *second)


def test_shares_are_coordinates_of_the_centre() -> None:
    shares, other = Shares.of(4), Shares.of(4)
    shares.observe(0)
    other.observe(0)
    other.observe(1)
    other.observe(1)
    shares.add(other)
    assert [shares.share(category) for category in range(4)] == [0.5, 0.5, 0, 0]
    assert other.share(0) == pytest.approx(1 / 3)
