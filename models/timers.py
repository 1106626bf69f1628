"""Superposed timers in the times of one flow: found in what was accepted, then followed from due time to due time.

An access that meets no due time is untimely. That means something only if due times are met closely and always, so
what is followed must prove itself before it is trusted. Times, periods, widths and residuals are in milliseconds of
event time.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Annotated

import msgspec

MOST_TIMERS = 8
"""Timers of one flow. A flow that needs more to be explained is called irregular."""
FEWEST_FIRES = 4
"""Accesses at equal distances that make a timer: two distances may agree by chance, three hardly."""
COVERED = 0.15
"""Share of all time that due windows may cover: as many of the extra accesses are not found."""
LEVELS = (1 / 64, 1 / 16)
"""Half widths of a due window that are tried in turn, as shares of the mean gap of the flow. As the timers' rates add
up to the flow's, windows of half width h cover 2 h of the time: the wider level is the widest below `COVERED`."""
LOST = 0.1
"""Share of its due times that a timer may miss while it is looked for, and one more."""
UNEXPLAINED = 0.05
"""Share of the accesses that may belong to no timer."""
GAIN = 0.5
"""Share of a residual that moves the phase. On a fixed grid 0 would be best, in a loop that re-arms after completion 1;
at one half the residuals are 15 % wider than with the better of both (sqrt(4/3)), whichever the loop is."""
STEADY = 1 / 32
"""Share of a residual that moves the period."""
MARGIN = 2.0
"""Half width of a due window in largest residuals. Of 150 normally distributed ones the largest is at 2.7 standard
deviations, sometimes only at 2.2: twice as much is passed once in 100,000 times."""
FADE = 1 / 512
"""Share by which a due window narrows at each access in time: the largest residual of about the last 500 counts."""
FINEST_SHARE = 1 / 256
FINEST = 40.0
"""No half width is less than this share of the period, nor than this many milliseconds: clocks and schedulers."""
WIDEST = 1 / 8
"""No half width is more than this share of the period."""
GROWTH = 1.25
"""A due window grows at most by this factor at once: one hiccup, or an extra access in the window, is no habit yet."""
STRETCH = 2.0
"""While a flow is not trusted, what comes within so many half widths is in time: the first few residuals were small by
chance."""
DEAD = 3
"""Due times missed in a row after which a timer is no more what it was."""
STRAYS = 16
"""Untimely accesses that are remembered, to find a new timer among them."""
HATCHED = 5
"""Untimely accesses at equal distances that make a new timer."""
ALIKE = 1 / 64
"""Share by which their distances may differ. Among 16 at random times, the newest completes such a series by chance
once in 300 times."""
ANCHORS = 4
"""Newest of them from which a timer that missed its due time may count on anew."""
PROOF = 100
"""Credit from which on a flow is trusted; each access in time is worth 1."""
MISS = 50
"""Credit that a missed due time costs: a flow that misses 2 % of them never gets anywhere."""
STRAY = 40
"""Credit that untimely accesses cost, once between two that are in time: 2.5 % use it up."""
MOST_CREDIT = 2 * PROOF
"""Beyond this no credit is gained: four missed due times or five untimely accesses in short order end the trust."""
DISTRUST = -PROOF
"""Credit of a flow that lost its trust: it has to prove twice as much."""
HOPELESS = -2 * PROOF
"""Credit below which timers are given up."""


class Timer(msgspec.Struct, array_like=True):
    """One periodic timer of a flow."""

    period: Annotated[float, msgspec.Meta(gt=0)]
    width: Annotated[float, msgspec.Meta(gt=0)]
    """Half width of its due window."""
    due: float
    """When it fires next."""
    missed: int = 0
    """Due times in a row that nobody claimed."""
    excuse: bool = False
    """It missed a due time, and no late access was excused for it yet."""
    claim: int | None = None
    """Time of the newest claim, until the access is accepted: what is refused moves no phase."""
    expected: float = 0.0
    """The due time that was claimed."""

    def take(self, time: int, due: float) -> None:
        """Let an access claim a due time: the next one is a period later."""
        self.claim = time
        self.expected = due
        self.due = due + self.period
        self.missed = 0
        self.excuse = False

    def follow(self, time: int) -> None:
        """Move phase, period and width with an access that claimed a due time and was accepted."""
        residual = time - self.expected
        self.claim = None
        self.period += STEADY * residual
        self.due += (GAIN + STEADY) * residual
        self._remember(abs(residual), (1 - FADE) * self.width)

    def widen(self, residual: float) -> None:
        """Let an access that was outside the due window, but meant it, widen it."""
        self._remember(residual, self.width)

    def _remember(self, residual: float, least: float) -> None:
        self.width = _width(self.period, max(least, min(MARGIN * residual, GROWTH * self.width)))


def _width(period: float, width: float) -> float:
    return min(max(width, FINEST_SHARE * period, FINEST), WIDEST * period)


def covered(timers: Sequence[Timer]) -> float:
    """Return the share of all time that lies in due windows."""
    return sum([2 * timer.width / timer.period for timer in timers])


def extract(times: Sequence[int]) -> list[Timer]:
    """Find the superposed timers that explain a flow.

    The first access belongs to a timer, so one of the distances from it is that timer's period: the shortest that is
    found again and again, up to the end. Its accesses are taken out, and the rest is explained in the same way. This is
    tried with narrow windows first.

    Args:
        times: Times of accesses in rising order.

    Returns:
        Timers with the due time after the last access. Nothing if the flow is not timer-driven, or too loosely.
    """
    if len(times) < FEWEST_FIRES or times[-1] <= times[0]:
        return []
    mean = (times[-1] - times[0]) / (len(times) - 1)
    # Milliseconds are exact as floats, and compared with due times over and over: twice as fast as integers are.
    exact = [float(time) for time in times]
    for level in LEVELS:
        timers = _explain(exact, max(level * mean, FINEST))
        if timers:
            return timers if covered(timers) <= COVERED else []
    return []


def _explain(times: Sequence[float], within: float) -> list[Timer]:
    rest = list(times)
    timers: list[Timer] = []
    unexplained = int(UNEXPLAINED * len(times))
    while rest:
        found = _shortest(rest, within, times[-1])
        if found is None:
            unexplained -= 1
            if unexplained < 0:
                return []
            del rest[0]
            continue
        timer, members = found
        timers.append(timer)
        if len(timers) > MOST_TIMERS:
            return []
        for index in reversed(members):
            del rest[index]
    return timers


def _shortest(times: Sequence[float], within: float, end: float) -> tuple[Timer, list[int]] | None:
    """Return the timer of shortest period that begins with the first access, and the places of its accesses."""
    first = times[0]
    shortest = within / WIDEST
    longest = (end + within - first) / (FEWEST_FIRES - 1)
    for second, time in enumerate(times):
        period = time - first
        if period > longest:
            break
        if period >= shortest:
            found = _chain(times, second, within, end)
            if found is not None:
                return found
    return None


def _chain(times: Sequence[float], second: int, within: float, end: float) -> tuple[Timer, list[int]] | None:
    """Follow a timer from the first access and another one to the end, unless it misses too many of its due times."""
    first = times[0]
    members = [0, second]
    period = times[second] - first
    due = times[second] + period
    steps = 2
    missed = 0
    largest = 0.0
    begin, count = second + 1, len(times)
    last = end + within
    while due <= last:
        # The nearest access that is left; of two at the same distance the later one.
        place = bisect_left(times, due, begin)
        residual = times[place] - due if place < count else math.inf
        if place > begin and due - times[place - 1] < residual:
            place -= 1
            residual = times[place] - due
        if -within <= residual <= within:
            members.append(place)
            begin = place + 1
            largest = max(largest, abs(residual))
            period = (times[place] - first) / steps
            due += GAIN * residual
        elif due + within <= end:
            missed += 1
            if missed > 1 and missed > 1 + LOST * steps:
                return None
        steps += 1
        due += period
    if len(members) < FEWEST_FIRES:
        return None
    return Timer(period, _width(period, MARGIN * largest), due), members


class TimersState(msgspec.Struct, frozen=True, array_like=True):
    """All that is remembered of a flow's timers, for storage."""

    timers: list[Timer]
    strays: list[int]
    strayed: bool
    newest: int
    credit: int
    trusted: bool
    proven: bool


class Timers:
    """The timers of one flow, followed access by access.

    Each due time is claimed by at most one access. An access that claims none is excused if a timer missed its due
    time and may be late; any other is untimely. Credit tells how well the flow keeps to its timers. What counts most
    against it are due times that are missed: an extra access, which an attacker may add, leaves them claimed.
    """

    __slots__ = ("_credit", "_proven", "_strayed", "_strays", "_timers", "_trusted", "newest")

    def __init__(self, timers: Sequence[Timer], newest: int) -> None:
        """Follow timers that were extracted from accesses up to `newest`."""
        self._timers = list(timers)
        self._strays: list[int] = []
        self._strayed = False
        self.newest = newest
        """Time of the newest access that was judged."""
        self._credit = 0
        self._trusted = False
        self._proven = False

    @classmethod
    def restored(cls, state: TimersState) -> Timers:
        """Return the timers that were stored."""
        restored = cls([msgspec.structs.replace(each) for each in state.timers], state.newest)
        restored._strays = state.strays[-STRAYS:]
        restored._strayed = state.strayed
        restored._credit = state.credit
        restored._trusted = state.trusted
        restored._proven = state.proven
        return restored

    @property
    def state(self) -> TimersState:
        """What is to be stored."""
        timers = [msgspec.structs.replace(each) for each in self._timers]
        return TimersState(
            timers, list(self._strays), self._strayed, self.newest, self._credit, self._trusted, self._proven
        )

    @property
    def timers(self) -> Sequence[Timer]:
        """The timers, in the order in which they were found."""
        return self._timers

    @property
    def proven(self) -> bool:
        """Whether the flow was trusted for some time."""
        return self._proven

    def judge(self, time: int) -> float | None:
        """Return by how many half widths an access misses the nearest due time; it claims the one that it meets.

        Returns:
            0 for an access in time, an excused or an out-of-order one, and while the flow is not trusted. None if the
            timers are no more those of the flow.
        """
        if time < self.newest:
            return 0.0
        best: Timer | None = None
        least = math.inf
        died = False
        for timer in self._timers:
            if time > timer.due + timer.width:
                died |= self._pass_by(timer, time)
            off = abs(time - timer.due) / timer.width
            if off < least:
                best, least = timer, off
        self.newest = time
        if died and not self._bury():
            return None
        if best is not None and least <= (1.0 if self._trusted else STRETCH):
            self._claimed(best, time, best.due)
            return 0.0
        again = self._counted_anew(time)
        if again is not None:
            self._claimed(*again)
            return 0.0
        return self._unclaimed(time, least)

    def accept(self, time: int) -> None:
        """Let an access that was judged teach."""
        for timer in self._timers:
            if timer.claim == time:
                timer.follow(time)
                return

    def _pass_by(self, timer: Timer, time: int) -> bool:
        """Note that a due time was missed; return whether the timer is dead."""
        if self._strays and 0 < timer.due - self._strays[-1] < timer.period / 4:
            timer.widen(timer.due - self._strays[-1])  # it was early, rather than an extra one
        silent = math.floor((time - timer.due - timer.width) / timer.period)
        # A flow that is off for whole periods is silent, not untimely; and a silent night is one miss, not a thousand.
        if silent == 0:
            self._credit -= MISS
        timer.due += timer.period * (silent + 1)
        timer.missed += 1
        timer.excuse = True
        return timer.missed >= DEAD

    def _claimed(self, timer: Timer, time: int, due: float) -> None:
        timer.take(time, due)
        self._strayed = False
        self._credit = min(self._credit + 1, MOST_CREDIT)
        if self._trusted:
            self._doubt()
        elif self._credit >= PROOF and covered(self._timers) <= COVERED:
            self._trusted = self._proven = True

    def _doubt(self) -> None:
        if self._credit <= 0 or covered(self._timers) > COVERED:
            self._trusted = False
            self._credit = DISTRUST

    def _counted_anew(self, time: int) -> tuple[Timer, int, float] | None:
        """Return a timer that missed its due time and would be due now, had it fired at a recent stray instead."""
        for timer in self._timers:
            if timer.missed:
                for stray in self._strays[-ANCHORS:]:
                    due = stray + timer.period
                    if abs(time - due) <= timer.width:
                        return timer, time, due
        return None

    def _unclaimed(self, time: int, least: float) -> float | None:
        self._strays.append(time)
        if len(self._strays) > STRAYS:
            del self._strays[0]
        late = next((timer for timer in self._timers if timer.excuse), None)
        if late is not None:
            late.excuse = False
            late.widen(time - late.due + late.period)
        elif not self._strayed:
            self._strayed = True
            self._credit -= STRAY
        if self._hatch(time):
            self._trusted = False
            self._credit = min(self._credit, 0)
            if len(self._timers) > MOST_TIMERS:
                return None
        if not self._trusted:
            return None if self._credit < HOPELESS else 0.0
        self._doubt()
        return least if late is None and self._trusted else 0.0

    def _bury(self) -> bool:
        """Give up timers that do not fire any more; return whether the others are still those of the flow."""
        for timer in list(self._timers):
            if timer.missed >= DEAD:
                self._timers.remove(timer)
                since = timer.due - (DEAD + 1) * timer.period
                if sum(stray > since for stray in self._strays) >= DEAD - 1:
                    return False
        return bool(self._timers)

    def _hatch(self, time: int) -> bool:
        """Take untimely accesses at equal distances for a new timer."""
        for stray in self._strays:
            period = time - stray
            within = max(ALIKE * period, FINEST)
            if period * WIDEST < within:
                return False
            fire: int | None = stray
            for _ in range(HATCHED - 2):
                fire = None if fire is None else _about(self._strays, fire - period, within)
            if fire is not None:
                self._timers.append(Timer(period, _width(period, MARGIN * within), time + period))
                self._strays.clear()
                return True
        return False


def _about(times: Sequence[int], time: float, within: float) -> int | None:
    return next((each for each in times if abs(each - time) <= within), None)
