"""Irregularities of time: pauses, jitter and rare happenings, drawn from one service's own random source."""

from __future__ import annotations

import random

from models.simulation.day import ALWAYS_ALIKE, Day
from models.simulation.tempo import Tempo

DAY = 86_400_000
"""Milliseconds."""


def seeded(seed: int, address: str) -> random.Random:
    """Return the random source of one service: the same for the same seed and address, independent of the others."""
    return random.Random(f"{seed} {address}")


class Pace:
    """Draws durations in milliseconds of event time."""

    def __init__(self, tempo: Tempo, source: random.Random, day: Day = ALWAYS_ALIKE) -> None:
        """Draw from `source` at the rates of `tempo`, as the hours of `day` change them."""
        self.tempo = tempo
        self.source = source
        self._day = day

    def start_up(self, position: int, count: int) -> int:
        """Return the time from the site's start to the registration of the service at this position among `count`."""
        return round((position + self.source.random()) / count * self.tempo.registration_window)

    def settle(self) -> int:
        """Return the time from the registration to the first turn."""
        return round(self.tempo.settling * self.source.uniform(0.7, 1.3))

    def think(self) -> int:
        """Return a pause between two calls of one turn."""
        return round(self.tempo.think * self.source.uniform(0.4, 1.6))

    def next_turn(self, turn: int, period: int, now: int) -> int:
        """Return when a loop runs again.

        On time, turns are `period` apart. A late one is never made up for by a burst: at least half a period lies
        between the end of a turn, `now`, and the next.
        """
        lasting = round(period * self._day.slowness(turn))
        planned = turn + lasting + round(self.source.gauss(0, self.tempo.jitter))
        return self._awake(max(planned, now + lasting // 2))

    def next_due(self, due: int, period: int, now: int) -> int:
        """Return when a timer is due again: `period` later, but not before `now`, when what it did was over."""
        return self._awake(max(due + round(period * self._day.slowness(due)), now))

    def lateness(self) -> int:
        """Return by how much a timer fires late."""
        return abs(round(self.source.gauss(0, self.tempo.timer_lateness)))

    def irregular(self, per_day: float) -> int:
        """Return the gap to the next of about `per_day` irregular happenings."""
        return round(DAY / per_day * self.source.uniform(0.05, 1.95))

    def next_happening(self, time: int, per_day: float) -> int:
        """Return when the next of about `per_day` irregular happenings comes after `time`."""
        return self._awake(time + round(self.irregular(per_day) * self._day.rarity(time)))

    def _awake(self, time: int) -> int:
        awake = self._day.awake(time)
        # All that slept through a silence would otherwise begin in the same millisecond.
        return awake if awake == time else awake + round(self.source.uniform(0, self.tempo.cycle))
