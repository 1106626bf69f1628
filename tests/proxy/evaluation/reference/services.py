"""A light that is watched by the authors' rule set."""

from __future__ import annotations

from models.access import Access, Operation
from proxy.evaluation.reference.subject import ReferenceSubject
from tests.models.accesses import MINUTE, START, access

LIGHT = "/agent1/light1"


def registration(time: int = START, *, source: str = LIGHT, source_type: str | None = "/light") -> Access:
    return access(
        time,
        source=source,
        source_type=source_type,
        destination=source,
        destination_type=source_type,
        node=source,
        operation=Operation.REGISTER,
    )


def learnt(subject: ReferenceSubject, minutes: int, *, lights: int = 1) -> int:
    """Let lights register and read their movement sensors each minute; return the time of the next minute."""
    names = [f"/agent{number}/light{number}" for number in range(1, lights + 1)]
    for name in names:
        subject.judge(registration(source=name))
    for minute in range(minutes):
        for name in names:
            subject.judge(access(START + minute * MINUTE, source=name))
    return START + minutes * MINUTE
