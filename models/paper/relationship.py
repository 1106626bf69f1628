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
"""Different sets of categories per feature that one origin may learn. A full feature learns no new ones: they stay
unusual."""


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

    def fold(self, row: Relationship) -> None:
        """Let this one, an origin's own, learn a descriptor's. A full feature takes no new sets (`MAX_SETS`)."""
        self.absorb(
            msgspec.structs.replace(
                row,
                rooms=_fitting(self.rooms, row.rooms),
                operations=_fitting(self.operations, row.operations),
                data_types=_fitting(self.data_types, row.data_types),
            )
        )

    def absorb(self, other: Relationship) -> None:
        """Add another one to this one, in place."""
        self.weight += other.weight
        _absorb(self.partners, other.partners)
        _absorb(self.rooms, other.rooms)
        _absorb(self.operations, other.operations)
        _absorb(self.data_types, other.data_types)
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


def _fitting(known: Sums[Categories], news: Sums[Categories]) -> Sums[Categories]:
    """Return the sets that are known already, and as many new ones as there is room for."""
    room = MAX_SETS - len(known)
    new = [key for key in news if key not in known]
    return news if len(new) <= room else {key: each for key, each in news.items() if key not in new[max(0, room) :]}


def _absorb[K](sums: Sums[K], other: Sums[K]) -> None:
    for key, feature in other.items():
        add_to(sums, key, feature)


def _without[K](sums: Sums[K], other: Sums[K]) -> Sums[K]:
    rest = dict(sums)
    for key, feature in other.items():
        left = rest.pop(key, ClusteringFeature()) - feature
        if left.n:
            rest[key] = left
    return rest
