from __future__ import annotations

import pytest
from hypothesis import given

from models.clustering_feature import ClusteringFeature
from models.paper.relationship import MAX_SETS, Relationship, at_minute, shown_once
from tests.models.paper.reports import RELATIONSHIPS


def total(*parts: Relationship) -> Relationship:
    result = Relationship()
    for part in parts:
        result.absorb(part)
    return result


def test_sums_by_hand() -> None:
    # Two descriptors, minutes 7 and 9: one reads, one reads and writes. Of 20 gaps of 1000 ms the sums are
    # N 20, LS 20 000, SS 20 000 000, t = 20 * 7, tt = 20 * 49.
    first = Relationship(weight=1, operations=shown_once(("get",), 7))
    first.periods["get", 80] = at_minute(ClusteringFeature(20, 20_000, 20_000_000), 7)
    second = Relationship(weight=1, operations=shown_once(("get", "set"), 9))
    both = total(first, second)
    assert both.weight == 2
    assert both.operations["get",].sums == (1, 1, 1, 7, 49)
    assert both.operations["get", "set"].sums == (1, 1, 1, 9, 81)
    assert both.periods["get", 80].sums == (20, 20_000, 20_000_000, 140, 980)


@given(RELATIONSHIPS, RELATIONSHIPS, RELATIONSHIPS)
def test_adding_is_commutative_associative_and_undone_by_subtraction(
    a: Relationship, b: Relationship, c: Relationship
) -> None:
    assert total(a, b) == total(b, a)
    assert total(total(a, b), c) == total(a, total(b, c))
    assert total(a, b).without(b) == a


@given(RELATIONSHIPS, RELATIONSHIPS)
def test_adding_leaves_what_is_added_alone(a: Relationship, b: Relationship) -> None:
    before = total(b)
    summed = total(a, b)
    summed.absorb(b)
    assert b == before


def test_what_was_never_added_cannot_be_taken_out() -> None:
    once = Relationship(weight=1, rooms=shown_once(("same",), 7))
    with pytest.raises(ValueError, match="cannot be taken out"):
        Relationship().without(once)
    with pytest.raises(ValueError, match="never added"):
        Relationship(weight=3).without(once)


def test_categories_without_end_fill_a_bounded_place() -> None:
    relationship = Relationship()
    for number in range(MAX_SETS + 5):
        relationship.fold(Relationship(weight=1, data_types=shown_once((f"/t{number}",), 7)))
    relationship.fold(Relationship(weight=1, data_types=shown_once(("/t0",), 7)))
    assert len(relationship.data_types) == MAX_SETS
    assert relationship.data_types["/t0",].n == 2
    assert relationship.weight == MAX_SETS + 6


def showing(prefix: str) -> Relationship:
    """As many sets of categories as one origin may know."""
    relationship = Relationship()
    for number in range(MAX_SETS):
        relationship.fold(Relationship(weight=1, data_types=shown_once((f"{prefix}{number}",), 7)))
    return relationship


def test_a_sum_holds_the_categories_of_all_and_gives_them_back() -> None:
    a, b, c = showing("/a"), showing("/b"), showing("/c")
    assert total(a, b, c) == total(c, a, b) == total(a, total(b, c))
    assert len(total(a, b, c).data_types) == 3 * MAX_SETS
    assert total(a, b, c).without(b) == total(a, c)
