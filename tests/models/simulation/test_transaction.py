"""Writing under a lock."""

from __future__ import annotations

import pytest

from models.access import Operation
from models.simulation.pace import Pace, seeded
from models.simulation.step import Answer, Step
from models.simulation.tempo import DATA_SET
from models.simulation.transaction import in_transaction


def test_it_locks_writes_commits_and_returns_the_last_answer() -> None:
    routine = in_transaction("/a/b", Step(100, Operation.SET, "/a/b/c", "7"), Pace(DATA_SET, seeded(1, "/test")))
    assert next(routine) == Step(100, Operation.LOCK, "/a/b")
    written = routine.send(Answer(150))
    assert (written.operation, written.node, written.value) == (Operation.SET, "/a/b/c", "7")
    assert written.time > 150
    committed = routine.send(Answer(written.time + 50))
    assert (committed.operation, committed.node) == (Operation.COMMIT, "/a/b")
    with pytest.raises(StopIteration) as end:
        routine.send(Answer(9999))
    assert end.value.value == Answer(9999)
