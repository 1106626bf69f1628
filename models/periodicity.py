"""Periods in the times between accesses (paper, section II-C): density grid, then one pass of k-means.

Gaps and periods are in milliseconds of event time. What one access is judged by are the timers behind the periods
(`timers.py`): the grid cannot name those that are superposed.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Annotated

import msgspec

from models.clustering_feature import ClusteringFeature, merged
from models.flood import RESTARTED
from models.timers import Timers, TimersState, extract

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
RENEWED = WINDOW // 4
"""New gaps after which a full window is examined again: fewer hardly change what is in it."""
NOISE = 0.125
"""A period is never known better than to this share of itself: scheduling, retries, the network, scaled clocks."""
EXPLAINED = 0.95
"""A flow is periodic if at least this share of its own gaps fits its periods."""
FITS = 2.0
"""Standard deviations within which a gap fits a period."""
MOST = 25.0
"""Where the period term ends, five standard deviations: one untimely access is worth a refusal, never a quarantine."""
DEVIATIONS = 3.0
"""Standard deviations that half a due window stands for: what is outside has a term of 9 at least."""
SAMPLE = 64
"""Newest accepted accesses in which timers are looked for, and number of those before the first search."""
SELDOMEST = 16 * SAMPLE
"""Accesses after which timers are looked for again at the latest; each search in vain doubles the wait."""
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

    @property
    def span(self) -> tuple[float, float]:
        """The shortest and the longest gap that is one of this period, ms."""
        within = FITS * self.tolerance
        return self.centre - within, self.centre + within


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
    cells = [0] * (CELLS + 1)
    for gap in ordered[: bisect_right(ordered, longest)]:
        cells[int((gap - first) / width)] += 1
    cells[CELLS - 1] += cells.pop()  # the longest gap itself may lie on the outer edge of the last cell
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
        clusters.append(ClusteringFeature(len(members), sum(members), int(math.sumprod(members, members))))
    return clusters


def explained(gaps: Sequence[int], periods: Iterable[Period]) -> float:
    """Return the share of the gaps, in rising order, that fit one of the periods, in rising order as well."""
    count = begin = 0
    for period in periods:
        shortest, longest = period.span
        start = max(begin, bisect_left(gaps, shortest))
        begin = max(start, bisect_right(gaps, longest))
        count += begin - start
    return count / len(gaps)


def bin_of(gap: int) -> int:
    """Return the fixed bin of a gap: eight per doubling, in integer arithmetic, the same on every machine.

    Clusters of gaps that are to be added across instances need keys that do not depend on who saw what first.
    """
    if gap <= 0:
        return 0
    doublings = gap.bit_length() - 1
    return 1 + _OCTAVE * doublings + ((gap * _OCTAVE >> doublings) & (_OCTAVE - 1))


def _spans(periods: Iterable[Period]) -> tuple[tuple[float, float], ...]:
    """Return the spans of the periods: kept beside them, as every accepted access is compared with them."""
    return tuple([period.span for period in periods])


class RhythmState(msgspec.Struct, frozen=True, array_like=True):
    """All that a rhythm remembers, for storage."""

    gaps: list[Annotated[int, msgspec.Meta(ge=0)]]
    unseen: int
    last: int | None
    periods: tuple[Period, ...]
    wait: int
    patience: int
    timers: TimersState | None


class Rhythm:
    """The gaps of one flow between accesses that were accepted, the periods in them, and the timers behind them."""

    __slots__ = ("_gaps", "_last", "_patience", "_spans", "_timers", "_unseen", "_wait", "periods")

    def __init__(self, state: RhythmState | None = None) -> None:
        # An array, as windows are most of an analyzer's memory: 1.6 kB each instead of 8.
        self._gaps = array("q", state.gaps[-WINDOW:] if state else ())
        self._unseen = state.unseen if state else 0
        self._last = state.last if state else None
        self._wait = state.wait if state else SAMPLE
        self._patience = state.patience if state else SAMPLE
        self._timers = Timers.restored(state.timers) if state and state.timers else None
        self.periods = state.periods if state else ()
        """Empty while the flow is too young or not periodic."""
        self._spans = _spans(self.periods)

    @property
    def state(self) -> RhythmState:
        """What is to be stored."""
        timers = self._timers.state if self._timers else None
        return RhythmState(
            self._gaps.tolist(), self._unseen, self._last, self.periods, self._wait, self._patience, timers
        )

    def accept(self, time: int) -> int | None:
        """Take the time of an accepted access in, event time in ms.

        Returns:
            The gap to the accepted access before, if it is one of a period; None otherwise, and for a late time stamp.
        """
        last = self._last
        if last is None:
            self._last = time
            return None
        gap = time - last
        if gap < 0:
            self._step_back(time, gap)
            return None
        self._last = time
        gaps = self._gaps
        gaps.append(gap)
        if len(gaps) > WINDOW:
            gaps.pop(0)
        self._unseen += 1
        if self._unseen >= (ENOUGH if len(gaps) < WINDOW else RENEWED):
            self._unseen = 0
            self.examine()
        if self._timers is not None and time > self._timers.newest:
            self.judge(time)  # there was no model yet to judge by
        if self._timers is not None:
            self._timers.accept(time)
        else:
            self._wait -= 1
            if self._wait <= 0:
                self.search(time)
        for shortest, longest in self._spans:
            if shortest <= gap <= longest:
                return gap
        return None

    def examine(self) -> None:
        """Mine the gaps for periods. `accept` calls this when there are enough new ones."""
        gaps = sorted(self._gaps)
        periods = mine(gaps)
        self.periods = tuple(periods) if explained(gaps, periods) >= EXPLAINED else ()
        self._spans = _spans(self.periods)

    def search(self, time: int) -> None:
        """Look for timers in the newest accesses, up to `time`; `accept` asks a flow without any ever more seldom."""
        # Backwards from now: negative times, then turned round.
        times = [-each for each in accumulate(reversed(self._gaps[1 - SAMPLE :]), initial=-time)]
        times.reverse()
        found = extract(times)
        if found:
            self._timers = Timers(found, time)
        self._wait = self._patience
        self._patience = min(2 * self._patience, SELDOMEST)

    def _step_back(self, time: int, gap: int) -> None:
        """Begin anew, if time steps back so far that it is another clock."""
        if gap >= -RESTARTED:
            return
        self._last = time
        del self._gaps[:]
        self._unseen = 0
        self._wait = self._patience = SAMPLE
        self._timers = None

    def judge(self, time: int) -> float:
        """Return how untimely an access is, squared standard deviations up to 25; it claims the due time that it meets.

        Every access is to be judged, in the order in which they come, also one that is refused for another reason. The
        answer is 0 unless the flow is known to keep closely to its timers. If these are no more what they were, what
        comes teaches, and timers are found anew.

        Args:
            time: Event time of the access, ms.
        """
        timers = self._timers
        if timers is None:
            return 0.0
        untimely = timers.judge(time)
        if untimely is None:
            self._timers = None
            if timers.proven:
                self._wait = self._patience = SAMPLE
            return 0.0
        return min((DEVIATIONS * untimely) ** 2, MOST)
