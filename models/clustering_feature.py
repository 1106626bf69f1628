"""BIRCH summary of points on one axis, with the time sums of CluStream (paper, sections II-D and II-E).

All five sums are integers, so adding is commutative, associative and undone by subtraction, to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

MERGE_WITHIN = 3.0
"""Clusters whose centres are within this many standard deviations are one cluster (paper, section II-E)."""


class ClusteringFeature:
    """The 2d+3 sums of the paper for d = 1: values in any integer unit, times in minutes since the epoch.

    Attributes:
        n: Number of points.
        ls: Sum of the points.
        ss: Sum of the squares of the points.
        t: Sum of the points' times.
        tt: Sum of the squares of the points' times.
    """

    __slots__ = ("ls", "n", "ss", "t", "tt")

    def __init__(self, n: int = 0, ls: int = 0, ss: int = 0, t: int = 0, tt: int = 0) -> None:
        self.n = n
        self.ls = ls
        self.ss = ss
        self.t = t
        self.tt = tt

    @property
    def sums(self) -> tuple[int, int, int, int, int]:
        """N, LS, SS, sum of t, sum of t squared."""
        return self.n, self.ls, self.ss, self.t, self.tt

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ClusteringFeature)
            and self.n == other.n
            and self.t == other.t
            and self.ls == other.ls
            and self.ss == other.ss
            and self.tt == other.tt
        )

    # Sums change in place, so a feature cannot be a key.
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.n)

    def __repr__(self) -> str:
        return f"ClusteringFeature{self.sums}"

    def observe(self, value: int, minute: int) -> None:
        """Take one point in."""
        self.n += 1
        self.ls += value
        self.ss += value * value
        self.t += minute
        self.tt += minute * minute

    def absorb(self, other: ClusteringFeature) -> None:
        """Add another summary to this one, in place."""
        self.n += other.n
        self.ls += other.ls
        self.ss += other.ss
        self.t += other.t
        self.tt += other.tt

    def exchange(self, before: ClusteringFeature, after: ClusteringFeature) -> None:
        """Put a summary in the place of another one that was added before, in place."""
        self.n += after.n - before.n
        self.ls += after.ls - before.ls
        self.ss += after.ss - before.ss
        self.t += after.t - before.t
        self.tt += after.tt - before.tt

    def __add__(self, other: ClusteringFeature) -> ClusteringFeature:
        return ClusteringFeature(
            self.n + other.n, self.ls + other.ls, self.ss + other.ss, self.t + other.t, self.tt + other.tt
        )

    def __sub__(self, other: ClusteringFeature) -> ClusteringFeature:
        """Take out what was added before.

        Raises:
            ValueError: `other` cannot have been part of this summary.
        """
        rest = ClusteringFeature(
            self.n - other.n, self.ls - other.ls, self.ss - other.ss, self.t - other.t, self.tt - other.tt
        )
        if not rest.plausible:
            raise ValueError(f"{other} was never added to {self}")
        return rest

    def scaled(self, part: int, whole: int) -> ClusteringFeature:
        """Return about `part` of `whole` of this summary, in integers; at least one point stays if there is any.

        Centre and spread remain but for rounding, and the sums stay plausible: LS is rounded towards zero, SS up.
        """
        if not self.n:
            return ClusteringFeature()
        n = max(1, self.n * part // whole)
        ls = abs(self.ls) * n // self.n
        return ClusteringFeature(
            n,
            ls if self.ls >= 0 else -ls,
            -(-self.ss * n // self.n),
            self.t * n // self.n,
            -(-self.tt * n // self.n),
        )

    @property
    def plausible(self) -> bool:
        """Whether any points at all can have these sums (Cauchy and Schwarz: LS squared is at most N times SS)."""
        if self.n <= 0:
            return self.n == self.ls == self.ss == self.t == self.tt == 0
        return self.ls**2 <= self.n * self.ss and self.t**2 <= self.n * self.tt

    @property
    def mean(self) -> float:
        """Centre, in the unit of the points.

        Raises:
            ZeroDivisionError: there are no points.
        """
        return self.ls / self.n

    @property
    def variance(self) -> float:
        """Population variance; computed in integers, so nothing cancels.

        Raises:
            ZeroDivisionError: there are no points.
        """
        return (self.n * self.ss - self.ls * self.ls) / (self.n * self.n)

    @property
    def std(self) -> float:
        """Population standard deviation, in the unit of the points; 0 for a single point."""
        return math.sqrt(self.variance)

    @property
    def age_spread(self) -> float:
        """Standard deviation of the points' times, in minutes; 0 without points."""
        if not self.n:
            return 0.0
        return math.sqrt(self.n * self.tt - self.t * self.t) / self.n

    def distance(self, value: float) -> float:
        """Return how far a value is from the centre, in the unit of the points."""
        return abs(value - self.mean)

    def relevance(self, latest: int) -> float:
        """Return about when the `latest` newest points came, in minutes since the epoch (CluStream).

        Times are taken as normally distributed. The mean time of the newest `m` of `n` points is estimated by the
        percentile m/(2n) from the top; with fewer than 2m points the mean time of all of them is used.
        """
        mean = self.t / self.n
        if self.n < 2 * latest:
            return mean
        spread = math.sqrt((self.n * self.tt - self.t * self.t) / (self.n * self.n))
        return mean + spread * NormalDist().inv_cdf(1 - latest / (2 * self.n))

    def staleness(self, now: float, latest: int) -> float:
        """Return the age of the newest `latest` points in minutes, at least 0; `now` in minutes since the epoch."""
        return max(0.0, now - self.relevance(latest))


def merged(features: Iterable[ClusteringFeature], *, least: float = 0.0) -> list[ClusteringFeature]:
    """Merge clusters whose centres are within three standard deviations of either, and return them by centre.

    A single point has no standard deviation, so that of the other candidate counts. The outcome depends on the
    clusters, not on their order; nothing given is changed.

    Args:
        features: Clusters.
        least: Standard deviation that any two clusters have at least, in the unit of the points. With 0, two single
            points merge only if they are equal.
    """
    stack: list[ClusteringFeature] = []
    for feature in sorted((each for each in features if each.n), key=lambda each: (each.mean, each.n, each.ss)):
        top = feature
        while stack and _close(stack[-1], top, least):
            top = stack.pop() + top
        stack.append(top)
    return stack


def _close(one: ClusteringFeature, other: ClusteringFeature, least: float) -> bool:
    return abs(one.mean - other.mean) <= MERGE_WITHIN * max(one.std, other.std, least)
