"""Reads an access point's structure because a worker missed something in it: bounded, however often that is asked for.

Reading the whole structure answers for every address at once. Were each address asked for by itself, whoever invents
addresses could use up what may be asked, and a new service would wait behind them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from proxy.registry_refresh import RegistryRefresh

FIRST_PAUSE = 2.0
"""Seconds from one look-up of an agent to the next, as long as they bring something new."""
LONGEST_PAUSE = 60.0
"""The structure is read that often anyway."""


class Lookups:
    """When each agent may be asked again. For the event loop's thread."""

    def __init__(self, refresh: RegistryRefresh, clock: Callable[[], float] = time.monotonic) -> None:
        """Use `refresh` for reading; `clock` is monotonic time in seconds."""
        self._refresh = refresh
        self._clock = clock
        self._pauses: dict[str, float] = {}
        self._next: dict[str, float] = {}

    async def missed(self, agent: str) -> None:
        """Read an agent's structure, unless that was tried a short while ago.

        Each look-up that brings nothing new doubles the pause after it.
        """
        now = self._clock()
        if now < self._next.get(agent, float("-inf")) or not self._refresh.reads(agent):
            return
        pause = self._pauses.get(agent, FIRST_PAUSE)
        self._next[agent] = math.inf
        try:
            found = await self._refresh.look_up(agent)
            pause = FIRST_PAUSE if found else min(2 * pause, LONGEST_PAUSE)
        finally:
            self._pauses[agent] = pause
            self._next[agent] = self._clock() + pause
