from __future__ import annotations

import math
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clustering_feature import ClusteringFeature, merged

POINTS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**8)), max_size=20)


def summary(points: list[tuple[int, int]]) -> ClusteringFeature:
    feature = ClusteringFeature()
    for value, minute in points:
        feature.observe(value, minute)
    return feature


def cluster(*values: int) -> ClusteringFeature:
    return summary([(value, 0) for value in values])


def test_sums_by_hand() -> None:
    # Points 2, 4, 9 at minutes 10, 20, 30: LS = 2+4+9, SS = 4+16+81, t = 60, tt = 100+400+900.
    feature = summary([(2, 10), (4, 20), (9, 30)])
    assert feature.sums == (3, 15, 101, 60, 1400)
    assert feature.mean == 5
    assert feature.variance == pytest.approx((9 + 1 + 16) / 3)
    assert feature.std == pytest.approx(math.sqrt(26 / 3))
    assert feature.distance(3) == 2


@given(POINTS, POINTS)
def test_summary_of_all_is_sum_of_summaries(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    assert summary(one + other) == summary(one) + summary(other)


@given(POINTS, POINTS, POINTS)
def test_adding_is_commutative_associative_and_undone_by_subtraction(
    one: list[tuple[int, int]], two: list[tuple[int, int]], three: list[tuple[int, int]]
) -> None:
    a, b, c = summary(one), summary(two), summary(three)
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert (a + b) - b == a


@given(POINTS, POINTS)
def test_absorbing_is_adding(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    total = summary(one)
    total.absorb(summary(other))
    assert total == summary(one) + summary(other)


def test_what_was_never_added_cannot_be_taken_out() -> None:
    with pytest.raises(ValueError, match="never added"):
        cluster(1, 2) - cluster(1, 2, 3)
    with pytest.raises(ValueError, match="never added"):
        cluster(1, 2) - cluster(1, 50)


def test_variance_of_large_equal_values_is_exactly_zero() -> None:
    # In floats, SS/N - mean^2 cancels to noise here.
    assert cluster(*[10**9 + 1] * 7).variance == 0


def test_staleness_of_regular_times() -> None:
    # 1000 points, one a minute: mean 499.5, deviation 288.7. The 10 newest: percentile 10/2000 from the top, 2.576
    # deviations: minute 1243 as a normal distribution has longer tails than a uniform one; never an age below 0.
    feature = summary([(0, minute) for minute in range(1000)])
    assert feature.relevance(10) == pytest.approx(499.5 + 2.5758 * 288.675, rel=1e-3)
    assert feature.staleness(1000, 10) == 0
    assert feature.staleness(5000, 10) == pytest.approx(5000 - 1243.1, rel=1e-3)


def test_staleness_of_few_points_is_their_mean_age() -> None:
    assert summary([(0, 100), (0, 200)]).staleness(250, 10) == 100


def test_clusters_within_three_deviations_merge() -> None:
    # 10 and 20: mean 15, deviation 5, so it reaches from 0 to 30. 29 lies within it, 31 does not.
    near, far = cluster(10, 20), cluster(29, 29)
    assert merged([near, far]) == [near + far]
    assert merged([cluster(10, 20), cluster(31, 31)]) == [cluster(10, 20), cluster(31, 31)]


def test_single_point_is_judged_by_the_others_deviation() -> None:
    assert merged([cluster(25), cluster(10, 20)]) == [cluster(10, 20, 25)]
    assert merged([cluster(25), cluster(26)]) == [cluster(25), cluster(26)]
    assert merged([cluster(25), cluster(25)]) == [cluster(25, 25)]


def test_least_deviation_lets_equal_points_merge_with_their_neighbours() -> None:
    assert merged([cluster(2, 2), cluster(3, 3), cluster(5)], least=0.4) == [cluster(2, 2, 3, 3), cluster(5)]
    assert merged([cluster(2, 2), cluster(3, 3)], least=0.3) == [cluster(2, 2), cluster(3, 3)]


def test_merging_does_not_depend_on_order() -> None:
    features = [cluster(10, 20), cluster(29, 29), cluster(100), cluster(104, 108), cluster(500, 500)]
    assert len({repr(merged(order)) for order in permutations(features)}) == 1


def test_merging_leaves_its_input_alone() -> None:
    given_features = [cluster(10, 20), cluster(12, 18)]
    merged(given_features)
    assert given_features == [cluster(10, 20), cluster(12, 18)]
