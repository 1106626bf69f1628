"""The temperature of a room: what a sensor in it measures."""

from __future__ import annotations

import math
import random

DAY = 86_400_000
"""Milliseconds."""
COLDEST, WARMEST = 19.5, 20.5
"""Degrees Celsius between which the data set's temperatures lie."""
_SWING = 0.15
"""Degrees by which day and night differ from the mean."""
_ROOM = 0.12
"""Most that a room's mean differs from that of all rooms."""
_WEATHER = 0.07
"""Standard deviation of what comes and goes: people, doors, sun."""
_MEMORY = 900_000
"""Milliseconds after which it has mostly gone."""
_SENSOR = 0.01
"""Standard deviation of a measurement."""


class Climate:
    """A temperature that follows the hour and wanders slowly around it.

    The wandering is an Ornstein-Uhlenbeck process: it forgets exponentially and keeps its variance however far apart
    the measurements are.
    """

    def __init__(self, source: random.Random) -> None:
        """Draw the room from `source`, and later on what happens in it."""
        self._source = source
        self._mean = (COLDEST + WARMEST) / 2 + source.uniform(-_ROOM, _ROOM)
        self._departure = source.gauss(0, _WEATHER)
        self._time: int | None = None

    def at(self, time: int) -> float:
        """Return what is measured at an event time (ms), not before the last, in degrees Celsius."""
        if self._time is not None:
            kept = math.exp((self._time - time) / _MEMORY)
            self._departure = kept * self._departure + self._source.gauss(0, _WEATHER * math.sqrt(1 - kept * kept))
        self._time = time
        # Coldest at three in the morning of the event time's own day.
        sun = _SWING * math.sin(2 * math.pi * (time / DAY - 9 / 24))
        measured = self._mean + sun + self._departure + self._source.gauss(0, _SENSOR)
        return min(WARMEST, max(COLDEST, measured))
