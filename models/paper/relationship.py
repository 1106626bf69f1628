"""One row of Table II as exact sums: what a service type does to one type of partner (paper, section II-D).

Integers over fixed keys: adding is commutative, associative and undone by subtraction, to the last digit. The clusters
of the paper are read from them (`models.paper.normal_form`), so reading changes nothing.
"""

from __future__ import annotations

import msgspec

from models.clustering_feature import ClusteringFeature

type Sums[K] = dict[K, ClusteringFeature]
type Categories = tuple[str, ...]
"""The categories of one feature that one descriptor shows, in rising order."""

MAX_SETS = 32
"""Different sets of categories per feature. A full feature learns no new ones: they stay unusual."""


class Relationship(msgspec.Struct, kw_only=True):
    """Sums over descriptors. One descriptor's is of weight 1; a model holds their sum.

    A descriptor gives each category that it shows one one-hot point. So a set S shown by k descriptors stands for the
    d-dimensional feature N = k·|S|, LS = SS = k in each dimension of S; k and the times are all that must be kept.
    """

    weight: int = 0
    """Descriptors that show it: the paper's relationshipWeight."""
    partners: Sums[int] = msgspec.field(default_factory=dict)
    """`# partner type`: points are numbers of partner instances, one per descriptor; keyed by that number."""
    rooms: Sums[Categories] = msgspec.field(default_factory=dict)
    """`Same location`; each point is a 1 for a descriptor that shows this set of categories."""
    operations: Sums[Categories] = msgspec.field(default_factory=dict)
    """`Operation types`, likewise."""
    data_types: Sums[Categories] = msgspec.field(default_factory=dict)
    """`Data Type`, likewise."""
    periods: Sums[tuple[str, int]] = msgspec.field(default_factory=dict)
    """`Periods`: points are gaps in ms; keyed by operation and the fixed bin of their cluster's centre."""

    def absorb(self, other: Relationship) -> None:
        """Add another one to this one, in place. Exact as long as all sets of categories fit (`MAX_SETS`)."""
        self.weight += other.weight
        _absorb(self.partners, other.partners)
        _absorb(self.rooms, other.rooms, MAX_SETS)
        _absorb(self.operations, other.operations, MAX_SETS)
        _absorb(self.data_types, other.data_types, MAX_SETS)
        _absorb(self.periods, other.periods)

    def without(self, other: Relationship) -> Relationship:
        """Return this one with what was added before taken out.

        Raises:
            ValueError: `other` cannot have been part of this one.
        """
        if other.weight > self.weight:
            raise ValueError(f"{other.weight} descriptors cannot be taken out of {self.weight}")
        return Relationship(
            weight=self.weight - other.weight,
            partners=_without(self.partners, other.partners),
            rooms=_without(self.rooms, other.rooms),
            operations=_without(self.operations, other.operations),
            data_types=_without(self.data_types, other.data_types),
            periods=_without(self.periods, other.periods),
        )


def shown_once[K](key: K, minute: int) -> Sums[K]:
    """Return the sums of one descriptor that shows `key`."""
    return {key: ClusteringFeature(1, 1, 1, minute, minute * minute)}


def at_minute(cluster: ClusteringFeature, minute: int) -> ClusteringFeature:
    """Return a cluster all of whose points were reported in a minute."""
    return ClusteringFeature(cluster.n, cluster.ls, cluster.ss, cluster.n * minute, cluster.n * minute * minute)


def add_to[K](sums: Sums[K], key: K, feature: ClusteringFeature) -> None:
    """Add a feature under its key. Features are never changed in place here, so they may be shared."""
    present = sums.get(key)
    sums[key] = feature if present is None else present + feature


def _absorb[K](sums: Sums[K], other: Sums[K], most: int | None = None) -> None:
    for key, feature in other.items():
        if most is None or key in sums or len(sums) < most:
            add_to(sums, key, feature)


def _without[K](sums: Sums[K], other: Sums[K]) -> Sums[K]:
    rest = dict(sums)
    for key, feature in other.items():
        left = rest.get(key, ClusteringFeature()) - feature
        if left.n:
            rest[key] = left
        else:
            del rest[key]
    return rest
