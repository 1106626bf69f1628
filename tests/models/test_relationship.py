from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import Operation
from models.categorical import Counts
from models.clustering_feature import ClusteringFeature
from models.relationship import Key, Relationship, key_of
from tests.models.accesses import START, access

POINTS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**8)), max_size=5)

TALLIES = st.dictionaries(st.integers(-5, 5), st.integers(1, 9), max_size=3)


def summary(points: list[tuple[int, int]]) -> ClusteringFeature:
    feature = ClusteringFeature()
    for value, minute in points:
        feature.observe(value, minute)
    return feature


@st.composite
def relationships(draw: st.DrawFn) -> Relationship:
    rooms = Counts()
    rooms.observe("same", draw(st.integers(0, 3)))
    rooms.observe("other", draw(st.integers(0, 3)))
    gaps = draw(st.dictionaries(st.integers(0, 5), POINTS.filter(bool), max_size=3))
    return Relationship(
        weight=draw(st.integers(0, 9)),
        instances=draw(st.integers(0, 9)),
        rooms=rooms,
        fast=summary(draw(POINTS)),
        slow=summary(draw(POINTS)),
        gaps={index: summary(points) for index, points in gaps.items()},
        written=draw(TALLIES),
        falls=draw(st.integers(0, 9)),
        before=draw(TALLIES),
        newcomers=draw(st.integers(0, 9)),
    )


def total(*parts: Relationship) -> Relationship:
    result = Relationship()
    for part in parts:
        result.absorb(part)
    return result


@given(relationships(), relationships(), relationships())
def test_sum_does_not_depend_on_order(one: Relationship, two: Relationship, three: Relationship) -> None:
    assert total(one, two, three) == total(three, two, one) == total(total(two, one), three)


@given(relationships(), relationships())
def test_what_was_added_can_be_taken_out(one: Relationship, other: Relationship) -> None:
    both = total(one, other)
    both.release(other)
    assert both == one


@given(relationships(), relationships(), relationships())
def test_what_was_added_can_be_replaced(others: Relationship, before: Relationship, after: Relationship) -> None:
    found = total(others, before)
    found.exchange(before, after)
    assert found == total(others, after)


@given(relationships(), relationships())
def test_adding_leaves_the_parts_alone(one: Relationship, other: Relationship) -> None:
    before = copy.deepcopy(other)
    result = total(one, other)
    result.absorb(result)
    assert other == before


@given(relationships())
def test_taking_out_too_much_changes_nothing(one: Relationship) -> None:
    more = total(one, Relationship(weight=1))
    before = copy.deepcopy(one)
    with pytest.raises(ValueError, match="never added"):
        one.release(more)
    assert one == before


def test_key_holds_types_and_no_addresses() -> None:
    assert key_of(access(START)) == Key("/movement", False, "get", "/derived/boolean")
    own = access(START, destination="/agent1/light1", destination_type="/light", operation=Operation.SET)
    assert key_of(own) == Key("/light", True, "set", "/derived/boolean")
    assert key_of(access(START, destination_type=None, data_type=None)) == Key("", False, "get", "")
