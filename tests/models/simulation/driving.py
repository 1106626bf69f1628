"""Drives a routine by hand, with a given world to answer it."""

from __future__ import annotations

from collections.abc import Callable

from models.simulation.step import Answer, Routine, Step


def play(routine: Routine, count: int, reply: Callable[[Step], str | None]) -> list[Step]:
    """Return the first `count` steps; each is answered 60 ms later with what `reply` says."""
    steps = [next(routine)]
    while len(steps) < count:
        steps.append(routine.send(Answer(steps[-1].time + 60, reply(steps[-1]))))
    return steps


def told(steps: list[Step]) -> list[tuple[str, str, str | None]]:
    """Return operation, last name of the node, and value of every step."""
    return [(step.operation.value, step.node.rsplit("/", 1)[1], step.value) for step in steps]
