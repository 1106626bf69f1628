"""The clusters of the paper, read from exact sums: merged within three standard deviations (section II-E).

Reading is a pure function: the outcome depends on the sums alone, not on the order in which they came.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from models.clustering_feature import MERGE_WITHIN, ClusteringFeature, merged
from models.paper.relationship import Categories

ROUNDING = 1 / math.sqrt(12)
"""Least standard deviation of a number, in its unit: numbers are whole, and rounding alone scatters them that much."""
APART = math.sqrt(2) * ROUNDING
"""Least standard deviation by which two numbers differ, as both are rounded: 2 and 3 partners are one cluster, 2 and 4
are two. Without it equal numbers, which have no deviation, would never merge, and Table II's 2.3 could not be."""
LATEST = 10
"""Newest points whose age is a cluster's staleness (CluStream's m)."""
STALE = 7 * 24 * 60
"""Minutes without new points after which a cluster is left out: a building does everything it does within a week."""


class NumberCluster(NamedTuple):
    """A cluster of numbers, in the unit of the feature."""

    centre: float
    std: float
    """At least `ROUNDING`."""
    share: float
    """Of all points of the feature, 0 to 1."""

    def distance(self, value: float) -> float:
        """Return how far a value is from the centre."""
        return abs(value - self.centre)


class CategoryCluster(NamedTuple):
    """A cluster of one-hot vectors."""

    shares: Mapping[str, float]
    """The centre: the share of each category in the cluster's points; they add up to 1."""
    weight: int
    """Descriptors."""

    @property
    def square(self) -> float:
        """Squared length of the centre."""
        return sum(share * share for share in self.shares.values())

    @property
    def std(self) -> float:
        """Standard deviation over all dimensions: the variance p - p² of each of them, added up."""
        return math.sqrt(max(0.0, 1.0 - self.square))

    def distance(self, category: str) -> float:
        """Return how far the one-hot vector of a category is from the centre: 0 to the square root of 2."""
        return math.sqrt(max(0.0, 1.0 - 2 * self.shares.get(category, 0.0) + self.square))


def number_clusters(
    features: Iterable[ClusteringFeature], now: int, *, least: float = 0.0
) -> tuple[NumberCluster, ...]:
    """Read clusters of numbers, by rising centre.

    Args:
        features: Sums of points.
        now: Minutes since the epoch, for staleness.
        least: Share of all points below which a cluster is left out.
    """
    fresh = merged((each for each in features if each.staleness(now, LATEST) < STALE), least=APART)
    total = sum(each.n for each in fresh)
    return tuple(
        NumberCluster(each.mean, max(each.std, ROUNDING), each.n / total) for each in fresh if each.n >= least * total
    )


def category_clusters(sums: Mapping[Categories, ClusteringFeature], now: int) -> tuple[CategoryCluster, ...]:
    """Read clusters of one-hot vectors; `now` in minutes since the epoch, for staleness.

    Again and again the two nearest clusters are merged, if they are within three standard deviations of either.
    """
    counted = [
        (dict.fromkeys(categories, feature.n), feature.n)
        for categories, feature in sorted(sums.items())
        if categories and feature.staleness(now, LATEST) < STALE
    ]
    while len(counted) > 1:
        clusters = [_category_cluster(*each) for each in counted]
        near = _nearest_pair(clusters)
        if near is None:
            break
        first, second = near
        counts, weight = counted.pop(second)
        into, so_far = counted[first]
        total = {category: into.get(category, 0) + counts.get(category, 0) for category in (*into, *counts)}
        counted[first] = (total, so_far + weight)
    return tuple(_category_cluster(*each) for each in counted)


def _category_cluster(counts: Mapping[str, int], weight: int) -> CategoryCluster:
    points = sum(counts.values())
    return CategoryCluster({category: count / points for category, count in counts.items()}, weight)


def _nearest_pair(clusters: Sequence[CategoryCluster]) -> tuple[int, int] | None:
    """Return the places of the two nearest clusters that are to be merged, the smaller place first."""
    best: tuple[float, int, int] | None = None
    for second, other in enumerate(clusters):
        for first, one in enumerate(clusters[:second]):
            apart = _apart(one.shares, other.shares)
            within = MERGE_WITHIN * max(one.std, other.std)
            if apart <= within and (best is None or (apart, first, second) < best):
                best = (apart, first, second)
    return None if best is None else best[1:]


def _apart(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return math.sqrt(sum((one.get(each, 0.0) - other.get(each, 0.0)) ** 2 for each in one.keys() | other.keys()))
