"""A link that fails as links do: it loses, delays, reorders and repeats what is sent. Drawn from a seed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator

import msgspec


class Faults(msgspec.Struct):
    """What was done to messages, and to services."""

    sent: int = 0
    lost: int = 0
    """While the link was down, or by chance."""
    outages: int = 0
    duplicated: int = 0
    reordered: int = 0
    """Delivered after one that was sent later."""
    replayed: int = 0
    """Delivered once more, much later."""
    restarts: int = 0
    """Services that lost their memory and began with what was stored."""


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """How bad links are. Chances are per message, or per minute for outages."""

    loss: float = 0.1
    outage: float = 0.01
    longest_outage: int = 20
    """Minutes."""
    duplicate: float = 0.15
    delay: float = 0.3
    longest_delay: int = 10
    """Minutes."""
    replay: float = 0.1
    restart: float = 0.05
    """Of a service, per minute."""


FAIR = Weather(loss=0, outage=0, duplicate=0, delay=0, replay=0, restart=0)
"""Nothing happens."""


class Link[M]:
    """One direction between two places. Times are minutes."""

    def __init__(self, weather: Weather, seed: str, faults: Faults) -> None:
        """Draw from `seed`, and count in `faults`."""
        self._weather = weather
        self._source = random.Random(seed)  # noqa: S311 -- repeatable, nothing secret comes from it
        self._faults = faults
        self._under_way: list[tuple[int, int, int, M]] = []
        """When it arrives, its place among those, when it was sent, what it is."""
        self._number = 0
        self._newest = -1
        self._down_until = -1

    def send(self, message: M, now: int) -> None:
        """Give a message to the link; it arrives, or not, or twice."""
        weather, source, faults = self._weather, self._source, self._faults
        faults.sent += 1
        if now >= self._down_until and source.random() < weather.outage:
            self._down_until = now + source.randint(1, weather.longest_outage)
            faults.outages += 1
        if now < self._down_until or source.random() < weather.loss:
            faults.lost += 1
            return
        self._put(message, now, now + self._delay())
        if source.random() < weather.duplicate:
            faults.duplicated += 1
            self._put(message, now, now + self._delay())
        if source.random() < weather.replay:
            faults.replayed += 1
            self._put(message, now, now + source.randint(weather.longest_delay, 4 * weather.longest_delay))

    def arrived(self, now: int) -> Iterator[M]:
        """Yield what has arrived since."""
        while self._under_way and self._under_way[0][0] <= now:
            _, _, sent, message = heapq.heappop(self._under_way)
            self._faults.reordered += sent < self._newest
            self._newest = max(self._newest, sent)
            yield message

    def _delay(self) -> int:
        late = self._source.random() < self._weather.delay
        return self._source.randint(1, self._weather.longest_delay) if late else 0

    def _put(self, message: M, sent: int, at: int) -> None:
        # What arrives in the same minute does so in any order.
        heapq.heappush(self._under_way, (at, self._shuffled(), sent, message))

    def _shuffled(self) -> int:
        self._number += 1
        return (self._source.getrandbits(16) << 32 | self._number) if self._weather.delay else self._number
