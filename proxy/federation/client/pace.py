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
