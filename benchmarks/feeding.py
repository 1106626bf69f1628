"""Feeds rows to who judges them, without a file between a simulation and its figures."""

from __future__ import annotations

from collections.abc import Iterable

from models.evaluation import Outcomes
from models.simulation.trace import Observed
from proxy.evaluation.subject import Subject


def judged(rows: Iterable[Observed], subject: Subject, *, count_from: int = 0) -> Outcomes:
    """Let a subject judge and learn every row, test then learn.

    Args:
        rows: In the order in which they are judged.
        subject: Who judges.
        count_from: Event time, ms, from which on rows count.

    Returns:
        What became of the rows that count.
    """
    outcomes = Outcomes()
    judge = subject.judge
    for row in rows:
        access = row.access
        av, refused = judge(access)
        if access.time >= count_from:
            outcomes.add(time=access.time, label=row.label, source=access.source, av=av, refused=refused)
    return outcomes
