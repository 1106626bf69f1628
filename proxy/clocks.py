"""The two clocks: event time for scores and learning, real time for deadlines and expiry (DESIGN: both injected)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol


class EventClock(Protocol):
    """Event time in milliseconds since the epoch; never steps, never runs backwards."""

    def now(self) -> int:
        """Return the current event time in milliseconds."""
        ...


@dataclass(frozen=True)
class MonotonicEventClock:
    """Event time that starts at `start` and advances with the monotonic clock, so that clock steps do not reach it.

    `scale` other than 1 belongs to the composition root of tests and of the demonstration only.
    """

    start: int
    scale: float = 1.0
    _origin: float = field(default_factory=time.monotonic)

    @classmethod
    def since(cls, start: int, origin: float, scale: float = 1.0) -> MonotonicEventClock:
        """Return event time that was `start` (ms) at a reading of the monotonic clock (s): processes may share it."""
        return cls(start=start, scale=scale, _origin=origin)

    def now(self) -> int:
        """Return the current event time in milliseconds."""
        return self.start + int((time.monotonic() - self._origin) * 1000 * self.scale)


@dataclass(frozen=True)
class RealEventClock:
    """Event time that is real time, for who neither learns nor scores: a clock that was set late needs no restart.

    It steps with the machine's clock, also backwards.
    """

    def now(self) -> int:
        """Return real time in milliseconds since the epoch."""
        return int(real_now() * 1000)


def real_now() -> float:
    """Return real time in seconds since the epoch."""
    return time.time()
