"""Periods in the times between accesses (paper, section II-C): density grid, then one pass of k-means.

Gaps and periods are in milliseconds of event time.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated

import msgspec

from models.clustering_feature import ClusteringFeature, merged

WINDOW = 200
"""Gaps that are kept per flow (paper)."""
CELLS = 100
"""The paper's p."""
DENSE = 0.05
"""The paper's tau: 5 gaps of 100 make a cell dense."""
FEWEST = 3
"""One or two gaps are no cluster, however short the window."""
ENOUGH = 20
"""Gaps from which a flow is examined at all, and new gaps after which it is examined again."""
NOISE = 0.125
"""A period is never known better than to this share of itself: scheduling, retries, the network, scaled clocks."""
EXPLAINED = 0.95
"""A flow is periodic if at least this share of its own gaps fits its periods."""
FITS = 2.0
"""Standard deviations within which a gap fits a period."""
MOST = 25.0
"""Where the period term ends, five standard deviations: one early access is worth a refusal, never a quarantine."""
DOUBT = 1 / 64
"""Weight of the newest access in the share of accesses that come untimely."""
_OCTAVE = 8
"""Bins per doubling of the gap."""


class Period(msgspec.Struct, frozen=True, array_like=True):
    """A cluster of gaps."""

    centre: float
    spread: float
    """Standard deviation."""
    support: int
    """Number of gaps."""

    @property
    def tolerance(self) -> float:
        """Standard deviation by which a gap is judged, ms."""
        return max(self.spread, NOISE * self.centre, 1.0)

    def misfit(self, gap: float) -> float:
        """Return the squared number of standard deviations between a gap and this period."""
        return ((gap - self.centre) / self.tolerance) ** 2


def mine(gaps: Sequence[int]) -> list[Period]:
    """Find the periods of a flow, in rising order.

    Cells are a hundredth of the longest gap wide, as a period's noise grows with it: between minimum and maximum alone,
    a single period with jitter fills all hundred cells evenly and none is dense. The twentieth part of the gaps that
    is longest lies outside the grid: it is too few to be a period, and one silent night would make every cell an hour.

    Args:
        gaps: Non-negative times between accesses; their order does not matter.

    Returns:
        Nothing for fewer than 3 gaps, or where no cell is dense: the flow is not periodic.
    """
    if len(gaps) < FEWEST:
        return []
    ordered = sorted(gaps)
    first = ordered[0]
    longest = ordered[math.ceil((1 - DENSE) * len(ordered)) - 1]
    width = max(longest / CELLS, 1.0)
    cells = [0] * CELLS
    for gap in ordered:
        if gap > longest:
            break
        cells[min(int((gap - first) / width), CELLS - 1)] += 1
    runs = _runs(cells, max(FEWEST, math.ceil(DENSE * len(ordered))))
    if not runs:
        return []
    clusters = _assign(ordered, [(first + start * width, first + end * width) for start, end in runs], width)
    return [Period(each.mean, each.std, each.n) for each in merged(clusters) if each.n >= FEWEST]


def _runs(cells: Sequence[int], dense: int) -> list[tuple[int, int]]:
    """Return the runs of neighbouring dense cells, as half-open ranges."""
    runs: list[tuple[int, int]] = []
    for index, count in enumerate(cells):
        if count < dense:
            continue
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def _assign(gaps: Sequence[int], ranges: Sequence[tuple[float, float]], width: float) -> list[ClusteringFeature]:
    """Give each gap to the nearest centre, unless it is more than two cells off the range: then it is an outlier.

    `gaps` and `ranges` are in rising order, so what is nearest to a centre lies between the middles to its neighbours.
    """
    centres = [(low + high) / 2 for low, high in ranges]
    middles = [-math.inf, *((one + other) / 2 for one, other in pairwise(centres)), math.inf]
    clusters = []
    for (low, high), left, right in zip(ranges, middles[:-1], middles[1:], strict=True):
        members = gaps[
            bisect_left(gaps, max(low - 2 * width, left)) : bisect_left(gaps, min(high + 2 * width + 1, right))
        ]
        clusters.append(ClusteringFeature(len(members), sum(members), sum(gap * gap for gap in members)))
    return clusters


def explained(gaps: Sequence[int], periods: Iterable[Period]) -> float:
    """Return the share of the gaps, in rising order, that fit one of the periods, in rising order as well."""
    count = begin = 0
    for period in periods:
        within = FITS * period.tolerance
        start = max(begin, bisect_left(gaps, period.centre - within))
        begin = max(start, bisect_right(gaps, period.centre + within))
        count += begin - start
    return count / len(gaps)


def misfit(gap: float, periods: Iterable[Period]) -> float:
    """Return how badly a gap fits the best of the periods, as a squared number of standard deviations."""
    best = math.inf
    for period in periods:
        best = min(best, period.misfit(gap))
    return best


def bin_of(gap: int) -> int:
    """Return the fixed bin of a gap: eight per doubling, in integer arithmetic, the same on every machine.

    Clusters of gaps that are to be added across instances need keys that do not depend on who saw what first.
    """
    if gap <= 0:
        return 0
    doublings = gap.bit_length() - 1
    return 1 + _OCTAVE * doublings + ((gap * _OCTAVE >> doublings) & (_OCTAVE - 1))


class RhythmState(msgspec.Struct, frozen=True, array_like=True):
    """All that a rhythm remembers, for storage."""

    gaps: list[Annotated[int, msgspec.Meta(ge=0)]]
    unseen: int
    last: int | None
    before: int | None
    doubt: float
    periods: tuple[Period, ...]


class Rhythm:
    """The gaps of one flow between accesses that were accepted, and the periods in them."""

    __slots__ = ("_before", "_doubt", "_gaps", "_last", "_unseen", "periods")

    def __init__(self, state: RhythmState | None = None) -> None:
        # An array, as windows are most of an analyzer's memory: 1.6 kB each instead of 8.
        self._gaps = array("q", state.gaps[-WINDOW:] if state else ())
        self._unseen = state.unseen if state else 0
        self._last = state.last if state else None
        self._before = state.before if state else None
        self._doubt = state.doubt if state else 0.0
        self.periods = state.periods if state else ()
        """Empty while the flow is too young or not periodic."""

    @property
    def state(self) -> RhythmState:
        """What is to be stored."""
        return RhythmState(self._gaps.tolist(), self._unseen, self._last, self._before, self._doubt, self.periods)

    def accept(self, time: int) -> int | None:
        """Take the time of an accepted access in, event time in ms.

        Returns:
            The gap to the accepted access before, if it is one of a period; None otherwise.
        """
        last = self._last
        if last is None or time < last:
            self._before = None
            self._last = time
            return None
        gap = time - last
        self._before = last
        self._last = time
        self._gaps.append(gap)
        if len(self._gaps) > WINDOW:
            self._gaps.pop(0)
        self._unseen += 1
        if self._unseen >= ENOUGH:
            self._unseen = 0
            self._examine()
        return gap if self.periods and misfit(gap, self.periods) <= FITS * FITS else None

    def _examine(self) -> None:
        gaps = sorted(self._gaps)
        periods = mine(gaps)
        self.periods = tuple(periods) if explained(gaps, periods) >= EXPLAINED else ()

    def judge(self, time: int, shared: Sequence[Period]) -> float:
        """Return by how much an access is too early, squared standard deviations up to 25; and count whether it is.

        A flow more than a twentieth of whose accesses come untimely is not what it was thought to be: its timers
        changed, or it never was periodic. Then the answer is 0, what comes teaches, and periods are found anew.

        Args:
            time: Event time of the access, ms.
            shared: Periods that are normal for the service type: what fits one of them is in time as well.
        """
        if not self.periods:
            return 0.0
        early = self._untimely(time, shared)
        trusted = self._doubt <= 1 - EXPLAINED
        self._doubt += DOUBT * ((early > FITS * FITS) - self._doubt)
        return min(early, MOST) if trusted else 0.0

    def _untimely(self, time: int, shared: Sequence[Period]) -> float:
        """Return the misfit of an access.

        Only earliness counts: an access after the longest period is late, and lateness is no attack. Time is measured
        from accepted accesses, so the normal access after a refused one is not blamed for it. Two cases are excused:
        an access that is in time after one that came late, and one that is in time although another was accepted
        between two due times.
        """
        last = self._last
        if last is None or time < last:
            return 0.0
        gap = time - last
        if gap >= self.periods[-1].centre:
            return 0.0
        best = min(misfit(gap, self.periods), misfit(gap, shared))
        if best <= FITS * FITS or self._before is None:
            return best
        previous = last - self._before
        since = time - self._before
        for period in self.periods:
            best = min(best, 4 * period.misfit(since / 2))  # two periods, within the deviation of one
            if abs(since - period.centre) < abs(previous - period.centre):
                best = min(best, period.misfit(since))
        return best
