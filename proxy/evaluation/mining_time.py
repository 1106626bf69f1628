"""How long mining takes: the models know no clock, so who measures them follows flows with a rhythm that has one."""

from __future__ import annotations

from time import perf_counter

from models.periodicity import Rhythm


class Stopwatch:
    """Adds up the time between entering and leaving it, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun = 0.0

    def __enter__(self) -> None:
        self._begun = perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += perf_counter() - self._begun


class TimedRhythm(Rhythm):
    """A rhythm that runs a stopwatch while it mines: once in dozens of accesses, so it costs nothing."""

    __slots__ = ("_stopwatch",)

    def __init__(self, stopwatch: Stopwatch) -> None:
        """Begin with nothing known."""
        super().__init__()
        self._stopwatch = stopwatch

    def examine(self) -> None:
        """Mine periods, timed."""
        with self._stopwatch:
            super().examine()

    def search(self, time: int) -> None:
        """Look for timers, timed."""
        with self._stopwatch:
            super().search(time)
