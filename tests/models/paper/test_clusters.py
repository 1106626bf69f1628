from __future__ import annotations

import math
from itertools import permutations

import pytest

from models.clustering_feature import ClusteringFeature
from models.paper.clusters import ROUNDING, STALE, category_clusters, number_clusters
from models.paper.relationship import Categories, Sums, add_to, shown_once


def points(*values: int, minute: int = 0) -> ClusteringFeature:
    feature = ClusteringFeature()
    for value in values:
        feature.observe(value, minute)
    return feature


def shown(counts: dict[Categories, int], minute: int = 0) -> Sums[Categories]:
    sums: Sums[Categories] = {}
    for categories, times in counts.items():
        for _ in range(times):
            for key, feature in shown_once(categories, minute).items():
                add_to(sums, key, feature)
    return sums


def test_numbers_within_three_deviations_are_one_cluster() -> None:
    # 10 and 20: centre 15, deviation 5, so it reaches to 30: 29 joins, 35 stays alone.
    joined, alone = number_clusters([points(10, 20), points(29), points(100)], 0)
    assert (joined.centre, joined.share) == (59 / 3, 0.75)
    assert joined.std == pytest.approx(math.sqrt((100 + 400 + 841) / 3 - (59 / 3) ** 2))
    assert (alone.centre, alone.std, alone.share) == (100, ROUNDING, 0.25)


def test_single_points_are_judged_by_the_deviation_of_the_other() -> None:
    assert [each.centre for each in number_clusters([points(25), points(10, 20)], 0)] == [55 / 3]
    assert [each.centre for each in number_clusters([points(25), points(36)], 0)] == [25, 36]


def test_neighbouring_whole_numbers_are_one_cluster_others_are_not() -> None:
    # 700 times 2 and 300 times 3: Table II's 2.3. Its deviation is sqrt(.7 * .3) = .46, so it reaches to 3.7.
    few, many = number_clusters([points(*[2] * 700), points(*[3] * 300), points(9)], 0)
    assert (few.centre, few.share) == (2.3, 1000 / 1001)
    assert few.std == pytest.approx(math.sqrt(0.21))
    assert many.centre == 9
    assert [each.centre for each in number_clusters([points(2, 2), points(4, 4)], 0)] == [2, 4]


def test_a_cluster_of_too_few_points_may_be_left_out() -> None:
    features = [points(*[100] * 19), points(500)]
    assert [each.share for each in number_clusters(features, 0, least=0.06)] == [0.95]
    assert [each.share for each in number_clusters(features, 0, least=0.05)] == [0.95, 0.05]


def test_stale_clusters_are_left_out() -> None:
    features = [points(10, minute=0), points(20, minute=STALE)]
    assert [each.centre for each in number_clusters(features, STALE)] == [20]
    assert [each.centre for each in number_clusters(features, STALE - 1)] == [10, 20]
    old_and_new = shown({("get",): 3}) | shown({("set",): 1}, minute=STALE)
    assert [dict(each.shares) for each in category_clusters(old_and_new, STALE)] == [{"set": 1.0}]


def test_categories_that_never_meet_are_clusters_without_spread() -> None:
    get, put = category_clusters(shown({("get",): 9, ("set",): 1}), 0)
    assert (dict(get.shares), get.weight, get.std) == ({"get": 1.0}, 9, 0)
    assert (dict(put.shares), put.weight, put.std) == ({"set": 1.0}, 1, 0)
    assert get.distance("get") == 0
    assert get.distance("set") == pytest.approx(math.sqrt(2))


def test_categories_that_meet_in_a_descriptor_are_one_cluster() -> None:
    # 97 descriptors that read, 1 that reads and writes: centres (1, 0) and (.5, .5), distance sqrt(.5) = .71; the
    # second deviates by sqrt(.25 + .25) = .71, so they merge: 99 points, 98 reads and 1 write.
    (both,) = category_clusters(shown({("get",): 97, ("get", "set"): 1}), 0)
    assert dict(both.shares) == {"get": 98 / 99, "set": 1 / 99}
    assert both.weight == 98
    # Variance p - p² of each dimension: 2 * 98 / 99² = .02; the distance of a write is 98 / 99 * sqrt(2).
    assert both.std == pytest.approx(math.sqrt(2 * 98) / 99)
    assert both.distance("set") == pytest.approx(98 / 99 * math.sqrt(2))
    assert both.distance("lock") == pytest.approx(math.sqrt(1 + (98 / 99) ** 2 + (1 / 99) ** 2))


def test_a_category_apart_stays_apart_however_many_there_are() -> None:
    # (98/99, 1/99) reaches 3 * .14 = .42; a descriptor that only writes is 1.4 away.
    clusters = category_clusters(shown({("get",): 97, ("get", "set"): 1, ("set",): 1}), 0)
    assert [each.weight for each in clusters] == [98, 1]


def test_reading_does_not_depend_on_order() -> None:
    counts = {("a",): 5, ("a", "b"): 1, ("b",): 2, ("b", "c"): 4, ("c", "d", "e"): 1}
    assert len({repr(category_clusters(shown(dict(order)), 0)) for order in permutations(counts.items())}) == 1


def test_nothing_was_seen() -> None:
    assert category_clusters({}, 0) == ()
    assert number_clusters([], 0) == ()
