"""Wakes requests that wait for a change: not for each single one, and the more rarely the more of them there are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

SOONEST = 0.25
"""Seconds between two times that the same requests are woken."""
PER_SECOND = 2000
"""Requests that are woken in a second, on average: each one costs a model."""


@dataclass
class Changes:
    """Those who wait, by what they wait for. For the event loop's thread."""

    _waiting: dict[str, set[asyncio.Future[None]]] = field(default_factory=dict)
    _due: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    _woken: dict[str, float] = field(default_factory=dict)
    """When (loop time) those that wait for something are woken again at the earliest."""

    async def wait(self, topic: str, seconds: float) -> bool:
        """Wait until something changed; false if nothing did for so long."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(topic, set()).add(future)
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return False
        finally:
            waiting = self._waiting.get(topic)
            if waiting is not None:
                waiting.discard(future)
                if not waiting:
                    del self._waiting[topic]
        return True

    def tell(self, topic: str) -> None:
        """Say that something changed."""
        waiting = self._waiting.get(topic)
        if not waiting or topic in self._due:
            return
        loop = asyncio.get_running_loop()
        at = max(loop.time(), self._woken.get(topic, 0.0))
        self._due[topic] = loop.call_at(at, self._wake, topic)

    def tell_all(self) -> None:
        """Wake everybody at once: the service is being stopped, or somebody may wait no more."""
        for topic in list(self._waiting):
            self._wake(topic)

    def _wake(self, topic: str) -> None:
        timer = self._due.pop(topic, None)
        if timer is not None:
            timer.cancel()
        waiting = self._waiting.pop(topic, set())
        now = asyncio.get_running_loop().time()
        self._woken = {each: until for each, until in self._woken.items() if until > now}
        self._woken[topic] = now + max(SOONEST, len(waiting) / PER_SECOND)
        for future in waiting:
            if not future.done():
                future.set_result(None)
