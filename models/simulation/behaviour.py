"""One service's behaviour: its routines, interleaved in event time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from models.simulation.step import Answer, Beginning, Routine, Step

type NotifyHandler = Callable[[str, int], Routine]
"""(notified node, event time) -> what the service does about it."""


class Behaviour:
    """Hands out a service's intended calls one after the other, earliest first, and takes in the answers.

    Whoever drives it (a live client, a simulator) loops: wait for `due`, `take` the step, perform it, `answer`.
    """

    def __init__(self, routine: Routine | Beginning, on_notify: NotifyHandler | None = None) -> None:
        """Start with one routine; `on_notify` makes another for every notification."""
        self._on_notify = on_notify
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, Step, Routine | Beginning]] = []
        self._in_hand: Routine | Beginning | None = None
        self._schedule(routine, next(routine, None))

    @property
    def due(self) -> int | None:
        """Event time of the next step; `None` when there is nothing left to do."""
        return self._waiting[0][0] if self._waiting else None

    def take(self) -> Step:
        """Return the next step, to be answered before the next one is taken; raise IndexError if there is none."""
        _, _, step, self._in_hand = heapq.heappop(self._waiting)
        return step

    def answer(self, answer: Answer) -> None:
        """Tell what came back for the step taken last."""
        routine, self._in_hand = self._in_hand, None
        if routine is None:
            raise RuntimeError("an answer without a step that awaits one")
        try:
            self._schedule(routine, routine.send(answer))
        except StopIteration as over:
            for follower in over.value or ():
                self._schedule(follower, next(follower, None))

    def notified(self, node: str, time: int) -> None:
        """Tell that a node subscribed to has changed."""
        if self._on_notify is not None:
            routine = self._on_notify(node, time)
            self._schedule(routine, next(routine, None))

    def _schedule(self, routine: Routine | Beginning, step: Step | None) -> None:
        if step is not None:
            heapq.heappush(self._waiting, (step.time, next(self._order), step, routine))
