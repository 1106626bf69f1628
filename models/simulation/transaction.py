"""Writing under a lock."""

from __future__ import annotations

from collections.abc import Generator

from models.access import Operation
from models.simulation.pace import Pace
from models.simulation.step import Answer, Step


def in_transaction(root: str, write: Step, pace: Pace) -> Generator[Step, Answer, Answer]:
    """Lock the subtree at `root` when the write was due, write, commit; return the last answer."""
    answer = yield Step(write.time, Operation.LOCK, root)
    answer = yield Step(answer.time + pace.think(), Operation.SET, write.node, write.value)
    return (yield Step(answer.time + pace.think(), Operation.COMMIT, root))
