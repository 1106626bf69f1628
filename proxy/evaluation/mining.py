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


def timed(stopwatch: Stopwatch) -> type[Rhythm]:
    """Return a rhythm that runs the stopwatch while it mines: once in dozens of accesses, so it costs nothing."""

    class TimedRhythm(Rhythm):
        __slots__ = ()

        def examine(self) -> None:
            with stopwatch:
                super().examine()

        def search(self, time: int) -> None:
            with stopwatch:
                super().search(time)

    return TimedRhythm
