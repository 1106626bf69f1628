"""When it is time: once a minute of event time, and never more often than a service can bear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import SystemRandom

from models.descriptor import MINUTE

LEAST_SECONDS = 0.5
"""Real time between two rounds at least, however fast event time runs."""
MOST_SECONDS = 60.0
"""And at most: on a node where nothing happens, event time stands still."""
WAIT_SECONDS = 50
"""Real time for which a service is asked to wait for news at most."""
_FIRST_WAIT_SECONDS = 2
_WAIT_EVENT_SECONDS = 600.0
"""The same of event time: a third of the time without a word after which a node decides by itself."""
_LOOK_SECONDS = 0.25
_chance = SystemRandom()


@dataclass
class Pace:
    """Minutes of event time that begin at a moment of their own: not all origins come at once."""

    now: Callable[[], int]
    """Returns event time, ms."""
    offset: int = field(default_factory=lambda: _chance.randrange(MINUTE))
    """Milliseconds."""

    @property
    def minute(self) -> int:
        """The number of the present minute."""
        return (self.now() + self.offset) // MINUTE

    async def minute_after(self, minute: int) -> None:
        """Wait until another minute than this one has begun."""
        until = asyncio.get_running_loop().time() + MOST_SECONDS
        wait = LEAST_SECONDS
        while True:
            await asyncio.sleep(wait)
            if self.minute != minute or asyncio.get_running_loop().time() >= until:
                return
            wait = _LOOK_SECONDS


@dataclass
class Patience:
    """For how long to wait at a service for news: not so long in event time that it seems to be out of reach.

    Event time may run faster than real time, in tests and demonstrations; how fast shows while it is waited.
    """

    now: Callable[[], int]
    """Returns event time, ms."""
    _before: tuple[int, float] | None = None
    """Event time (ms), and a reading of the loop's clock (s)."""
    _scale: float | None = None

    def seconds(self) -> int:
        """Return it, in real time, each time before it is waited."""
        event, real = self.now(), asyncio.get_running_loop().time()
        if self._before is None:
            self._before = event, real
        passed, took = (event - self._before[0]) / 1000, real - self._before[1]
        if took >= _FIRST_WAIT_SECONDS:
            self._scale = max(1.0, passed / took)
            self._before = event, real
        if self._scale is None:
            return _FIRST_WAIT_SECONDS
        return max(1, min(WAIT_SECONDS, int(_WAIT_EVENT_SECONDS / self._scale)))
