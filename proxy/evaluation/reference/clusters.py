"""Clusters of the authors' rule set: N, LS and SS, without the paper's sums of time, so nothing ever grows old.

Each scored feature has one cluster, into which everything is added unconditionally; only lists of periods are merged
within three standard deviations, and no score depends on them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

SPREAD_FLOOR = 0.01
"""A standard deviation below this is taken for none."""
NO_SPREAD = 0.001
"""What stands in for a standard deviation of none, so that a deviation of 1 scores 1 / (3 · 0.001) = 333."""


@dataclass(slots=True)
class Cluster:
    """Points on one axis."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def observe(self, value: float) -> None:
        """Add one point."""
        self.count += 1
        self.total += value
        self.squares += value * value

    def add(self, other: Cluster) -> None:
        """Add the points of another cluster."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares

    @property
    def centre(self) -> float:
        """Mean of the points; there must be one."""
        return self.total / self.count

    @property
    def spread(self) -> float:
        """Population standard deviation of the points, with its floor."""
        centre = self.total / self.count
        spread = math.sqrt(max(0.0, self.squares / self.count - centre * centre))
        return NO_SPREAD if spread < SPREAD_FLOOR else spread


@dataclass(slots=True)
class Shares:
    """One-hot vectors. Their squares are themselves, so one count for each category is the whole cluster."""

    counts: list[int]
    count: int = field(default=0, init=False)

    @classmethod
    def of(cls, categories: int) -> Shares:
        """Return empty counts of so many categories."""
        return cls([0] * categories)

    def observe(self, category: int) -> None:
        """Add one vector."""
        self.counts[category] += 1
        self.count += 1

    def add(self, other: Shares) -> None:
        """Add the vectors of another cluster of as many categories."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.count += other.count

    def share(self, category: int) -> float:
        """Share of a category, 0 to 1: one coordinate of the centre. There must be a vector."""
        return self.counts[category] / self.count
