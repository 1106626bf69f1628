"""Accesses to test with."""

from __future__ import annotations

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.paper.analyzer import PaperAnalyzer

START = 1_767_225_600_000
"""Event time in ms; the beginning of a minute."""
MINUTE = 60_000


def access(  # noqa: PLR0913 - as many as an access has features
    time: int,
    *,
    source: str = "/agent1/light1",
    source_type: str | None = "/light",
    destination: str = "/agent1/movement1",
    destination_type: str | None = "/movement",
    node: str | None = None,
    operation: Operation = Operation.GET,
    data_type: str | None = "/derived/boolean",
    rooms: tuple[str | None, str | None] = (None, None),
) -> Access:
    return Access(
        time=time,
        source=source,
        source_type=source_type,
        source_location=rooms[0],
        destination=destination,
        destination_type=destination_type,
        destination_location=rooms[1],
        node=node or f"{destination}/movement",
        operation=operation,
        data_type=data_type,
    )


def teach(analyzer: Analyzer | PaperAnalyzer, *accesses: Access) -> None:
    """Let accesses happen, all of them accepted, with minutes closed in time."""
    for each in accesses:
        analyzer.advance(each.time)
        analyzer.score(each)
        analyzer.learn(each)
