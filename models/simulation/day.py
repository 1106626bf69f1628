"""Day and night: when a site is slower, and when it is silent."""

from __future__ import annotations

import msgspec

HOUR = 3_600_000
"""Milliseconds."""
HOURS = 24

type Span = tuple[float, float]
"""From and to, in hours of the day; a span that ends before it begins runs over midnight."""


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """How the hour of the day changes what services do. The default is a day without hours: always the same."""

    origin: int = 0
    """Event time in milliseconds of a midnight."""
    silent: Span | None = None
    """Nothing begins in these hours."""
    night: Span | None = None
    """In these hours there is less to do."""
    slower: float = 2.0
    """How many times longer the turns of a loop take at night."""
    rarer: float = 6.0
    """How many times rarer irregular happenings are at night."""

    def hour(self, time: int) -> float:
        """Return the hour of the day, 0 to 24, at an event time in milliseconds."""
        return (time - self.origin) / HOUR % HOURS

    def slowness(self, time: int) -> float:
        """Return by what the period of a loop is multiplied."""
        return self.slower if self._in(self.night, time) else 1.0

    def rarity(self, time: int) -> float:
        """Return by what the time to the next irregular happening is multiplied."""
        return self.rarer if self._in(self.night, time) else 1.0

    def awake(self, time: int) -> int:
        """Return `time`, or the end of the silence that it falls into."""
        if self.silent is None or not self._in(self.silent, time):
            return time
        return time + round((self.silent[1] - self.hour(time)) % HOURS * HOUR)

    def _in(self, span: Span | None, time: int) -> bool:
        if span is None:
            return False
        begin, end = span
        hour = self.hour(time)
        return begin <= hour < end if begin <= end else hour >= begin or hour < end


ALWAYS_ALIKE = Day()
