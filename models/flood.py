"""Too many accesses in too little time: the group anomaly of the paper (section III-A), access by access.

The paper compares lists of periods once a minute, which stays silent while any old period is in the window. Here
leaky counters per instance, node and operation are compared with those of the type's normal accesses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from models.clustering_feature import ClusteringFeature

FAST = 10_000.0
"""Time constant in ms of the counter that sees a burst at its fourth to sixth access."""
SLOW = 60_000.0
"""Time constant in ms of the counter that sees a flow become several times as fast as it was."""
UNIT = 1_000
"""Counters enter clustering features as integers of this fraction: sums must be exact."""
LIMIT = 10.0
"""Standard deviations above normal where a counter stops: what follows a flood is not blamed for long."""
HABIT = 512
"""Readings from which on a flow has a habit of its own: three hours of a loop of 20 s."""
BUSY = 3.0
"""How much busier than its type an instance may be."""
CALM = 2.0
"""Standard deviations above normal to which a counter falls back at an access after a pause: the flood is over."""
PAUSE = 0.75
"""Share of the usual time between two accesses after which one is not part of a burst, whatever came before it."""
ALIKE = 0.01
"""Difference, in accesses, below which two counters read the same."""
RESTARTED = 60_000
"""A time that steps back by more than this (ms) is not a late time stamp but another clock."""


type CountersState = tuple[int, float, float, int]
"""`LeakyCounters` in storage: time, fast, slow, gap."""
type HabitState = tuple[int, float, float]
"""`Habit` in storage: count, mean, square."""


# These two change at every access. Attributes of a structure of msgspec's take far longer to set.
@dataclass(slots=True)
class LeakyCounters:
    """Two counters of the same events, c <- c * exp(-dt / tau) + 1, that forget at different speeds."""

    time: int
    """Newest event counted, event time in ms."""
    fast: float = 0.0
    slow: float = 0.0
    gap: int = 0
    """Time from the event before the newest one to it, ms."""

    @property
    def state(self) -> CountersState:
        """What is to be stored: the arguments that make these counters."""
        return self.time, self.fast, self.slow, self.gap

    def hit(self, time: int) -> None:
        """Count an event. A late time stamp counts as now: a negative dt would let the counters grow without end."""
        elapsed = self.gap = time - self.time
        if elapsed > 0:
            self.fast = self.fast * math.exp(-elapsed / FAST) + 1.0
            self.slow = self.slow * math.exp(-elapsed / SLOW) + 1.0
            self.time = time
            return
        self.fast += 1.0
        self.slow += 1.0
        if elapsed < -RESTARTED:
            self.time = time

    def without_newest(self) -> LeakyCounters:
        """Return what would be counted had the newest event not been."""
        return LeakyCounters(self.time, max(0.0, self.fast - 1.0), max(0.0, self.slow - 1.0))

    def reading(self, time: int) -> tuple[float, float]:
        """Return what both would read at an event, fast and slow, without counting it."""
        trial = LeakyCounters(self.time, self.fast, self.slow)
        trial.hit(time)
        return trial.fast, trial.slow

    def limit(self, fast: float, slow: float) -> None:
        """Forget what is counted beyond these readings."""
        if self.fast > fast:  # noqa: PLR1730 -- faster than min(), once per access
            self.fast = fast
        if self.slow > slow:  # noqa: PLR1730
            self.slow = slow


@dataclass(slots=True)
class Habit:
    """What the slow counter of one flow reads at accesses that taught: some instances are busier than their type.

    It stays on the node, so it may forget: the newest reading weighs at least 1/512.
    """

    count: int = 0
    mean: float = 0.0
    square: float = 0.0
    """Mean of the squared readings."""

    @property
    def state(self) -> HabitState:
        """What is to be stored: the arguments that make this habit."""
        return self.count, self.mean, self.square

    def observe(self, reading: float) -> None:
        """Take a reading in."""
        if self.count < HABIT:
            self.count += 1
        share = 1 / self.count
        self.mean += share * (reading - self.mean)
        self.square += share * (reading * reading - self.square)

    def excess(self, count: float, usual: float) -> float:
        """Return what `Level.excess` does, by this flow's own habit; infinite while that does not count.

        It counts once it is well known, and up to three times what is usual for the type: whoever speeds up slowly
        enough to make a flood a habit gets no further.
        """
        if self.count < HABIT or self.mean > BUSY * usual:
            return math.inf
        above = count - self.mean
        return above * above / max(self.mean, self.square - self.mean * self.mean) if above > 0 else 0.0


class Level(msgspec.Struct, frozen=True):
    """What a counter normally reads, in accesses."""

    mean: float
    scale: float
    """Variance by which the square of a difference is judged."""
    limit: float
    """Where a counter stops."""
    calm: float
    """Where a counter stops after a pause."""
    pause: float
    """Time since the access before, ms, after which an access is not part of a burst."""

    def excess(self, count: float) -> float:
        """Return the squared number of standard deviations by which `count` is above normal; 0 below."""
        above = count - self.mean
        return above * above / self.scale if above > 0 else 0.0


def level(feature: ClusteringFeature, tau: float) -> Level | None:
    """Read the normal level from the clustering feature of counters (in units of 1/1000); None without points.

    A counter of evenly spaced events reads m = 1 / (1 - exp(-g / tau)) at each, so their usual distance g follows from
    the mean. Without this, the regular accesses that follow a flood would be blamed for it until it is forgotten.

    The variance is at least that of a Poisson process, the mean: strictly periodic accesses have none of their own. It
    is widened by 1 + 1/n, as the mean of n points is itself uncertain.
    """
    if not feature.n:
        return None
    mean = feature.mean / UNIT
    variance = feature.variance / (UNIT * UNIT)
    scale = max(mean, variance) * (1 + 1 / feature.n)
    deviation = math.sqrt(scale)
    pause = -PAUSE * tau * math.log(1 - 1 / mean) if mean > 1 else math.inf
    return Level(mean, scale, mean + LIMIT * deviation, mean + CALM * deviation, pause)
