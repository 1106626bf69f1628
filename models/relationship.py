"""One joint relationship of a service type: what it does to which kind of node of which kind of partner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from models import tally
from models.access import Access
from models.categorical import Counts
from models.clustering_feature import ClusteringFeature

LEAST_ENTRIES = 4
"""Entries of a relationship of which nothing was seen but that it exists."""


class Key(NamedTuple):
    """What is counted together. Holds types only, never an address; the empty string stands for an unknown type."""

    partner: str
    """Service type of the accessed node's owner."""
    own: bool
    """Whether the node is the service's own."""
    operation: str
    data_type: str


def key_of(access: Access) -> Key:
    """Return the joint relationship that an access belongs to."""
    return Key(
        access.destination_type or "",
        access.source == access.destination,
        access.operation.value,
        access.data_type or "",
    )


class Relationship(msgspec.Struct, kw_only=True):
    """What is known of one joint relationship: integers over fixed keys, so that summing is exact.

    One instance's minute is a `Relationship` of weight 1; a model is their sum.
    """

    weight: int = 0
    """Descriptors (instance-minutes) that show it: the paper's relationshipWeight."""
    instances: int = 0
    """Instances that were seen in it at a known location."""
    rooms: Counts = msgspec.field(default_factory=Counts)
    """Instances that were seen in it with a partner in the `same` and in an `other` room; one may be in both."""
    fast: ClusteringFeature = msgspec.field(default_factory=ClusteringFeature)
    """Readings of the fast leaky counter at each access, in 1/1000; `fast.n` is the number of accesses."""
    slow: ClusteringFeature = msgspec.field(default_factory=ClusteringFeature)
    """Readings of the slow leaky counter."""
    gaps: dict[int, ClusteringFeature] = msgspec.field(default_factory=dict)
    """Gaps (ms) of periodic flows, by fixed bins (`periodicity.bin_of`)."""
    written: dict[int, int] = msgspec.field(default_factory=dict)
    """Changes of what is written, by the category of the new value (`values.read`)."""
    falls: int = 0
    """Those of them from a number to a smaller one."""
    before: dict[int, int] = msgspec.field(default_factory=dict)
    """What the instance did right before, by fixed categories (`sequence.category`)."""
    newcomers: int = 0
    """Partner instances that were new to an instance which had settled with others."""

    def follow(self, mark: int) -> None:
        """Note what the instance did right before, by its fixed category."""
        self.before[mark] = self.before.get(mark, 0) + 1

    def absorb(self, other: Relationship) -> None:
        """Add another one to this one, in place."""
        self.weight += other.weight
        self.fast.absorb(other.fast)
        self.slow.absorb(other.slow)
        tally.add(self.before, other.before)
        # In most minutes most of what follows is nothing, and even to add that takes its time.
        if other.instances:
            self.instances += other.instances
        if other.rooms:
            self.rooms.absorb(other.rooms)
        if other.written:
            tally.add(self.written, other.written)
        if other.falls:
            self.falls += other.falls
        if other.newcomers:
            self.newcomers += other.newcomers
        gaps = self.gaps
        for index, feature in other.gaps.items():
            mine = gaps.get(index)
            if mine is None:
                gaps[index] = feature + ClusteringFeature()
            else:
                mine.absorb(feature)

    def release(self, other: Relationship) -> None:
        """Take out what was added before, in place.

        Raises:
            ValueError: `other` cannot have been part of this one; nothing was changed.
        """
        counts = (
            (self.weight, other.weight),
            (self.instances, other.instances),
            (self.falls, other.falls),
            (self.newcomers, other.newcomers),
        )
        if any(mine < theirs for mine, theirs in counts) or other.gaps.keys() - self.gaps.keys():
            raise ValueError("this relationship was never added")
        fast = self.fast - other.fast
        slow = self.slow - other.slow
        written = tally.difference(self.written, other.written)
        before = tally.difference(self.before, other.before)
        gaps = {index: self.gaps[index] - feature for index, feature in other.gaps.items()}
        self.rooms.release(other.rooms)
        self.fast, self.slow, self.written, self.before = fast, slow, written, before
        self.weight -= other.weight
        self.instances -= other.instances
        self.falls -= other.falls
        self.newcomers -= other.newcomers
        for index, rest in gaps.items():
            if rest.n:
                self.gaps[index] = rest
            else:
                del self.gaps[index]

    def exchange(self, before: Relationship, after: Relationship) -> None:
        """Put a relationship in the place of another one that was added before, in place: what changed, and no more."""
        self.weight += after.weight - before.weight
        self.instances += after.instances - before.instances
        self.falls += after.falls - before.falls
        self.newcomers += after.newcomers - before.newcomers
        tally.exchange(self.rooms, before.rooms, after.rooms)
        tally.exchange(self.written, before.written, after.written)
        tally.exchange(self.before, before.before, after.before)
        self.fast.exchange(before.fast, after.fast)
        self.slow.exchange(before.slow, after.slow)
        exchange(self.gaps, before.gaps, after.gaps)

    def scaled(self, part: int, whole: int) -> Relationship:
        """Return about `part` of `whole` of what is known, in integers."""
        return Relationship(
            weight=max(1, self.weight * part // whole),
            instances=self.instances,
            rooms=self.rooms,
            fast=self.fast.scaled(part, whole),
            slow=self.slow.scaled(part, whole),
            gaps={index: each.scaled(part, whole) for index, each in self.gaps.items()},
            written=tally.scaled(self.written, part, whole),
            falls=self.falls * part // whole,
            before=tally.scaled(self.before, part, whole),
            newcomers=-(-self.newcomers * part // whole),
        )

    @property
    def entries(self) -> int:
        """Sums in it, each with its key: what time and room go by."""
        return LEAST_ENTRIES + len(self.gaps) + len(self.written) + len(self.before) + len(self.rooms)

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return self == Relationship()


def exchange[K](
    sums: dict[K, ClusteringFeature], before: Mapping[K, ClusteringFeature], after: Mapping[K, ClusteringFeature]
) -> None:
    """Put summaries in the place of others that were added before, in place; none is left empty."""
    nothing = ClusteringFeature()
    for key, feature in after.items():
        mine = sums.get(key)
        if mine is None:
            sums[key] = feature + nothing
        else:
            mine.exchange(before.get(key, nothing), feature)
    for key in before.keys() - after.keys():
        mine = sums[key]
        mine.exchange(before[key], nothing)
        if not mine:
            del sums[key]
