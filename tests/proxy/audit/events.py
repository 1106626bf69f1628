"""Events and journals, shared by the tests of the audit log."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from policy.verdict import Action, Mode, Verdict
from proxy.audit.event import Kind, Notice, VerdictEvent
from proxy.audit.journal import Journal
from proxy.audit.layout import JOURNAL_FILE
from proxy.audit.retention import DEFAULT, Retention
from tests.policy.calls import NOW, SPYING, call, score


def verdict(number: int = 0, *, action: Action = Action.BLOCK, mode: Mode = Mode.ENFORCE, av: float = 38.2) -> Verdict:
    return Verdict(
        id=f"19a7c0-{number:04d}-abcdef",
        call=call(SPYING),
        action=action,
        would_be=action,
        alert=action is not Action.FORWARD,
        mode=mode,
        reason="normal" if action is Action.FORWARD else "anomalous",
        scores=(score(av, model_weight=412.0, relationship_weight=0.0),),
        worst=0,
        threshold=7,
        policy_revision="r1",
    )


def event(number: int = 0) -> VerdictEvent:
    return VerdictEvent(verdict=verdict(number), time=NOW + number)


def start_notice() -> Notice:
    return Notice(kind=Kind.START, time=NOW, sentence="The gateway started.", details={"mode": "learn"})


def write(directory: Path, count: int, *, first: int = 0, retention: Retention = DEFAULT) -> None:
    """Write verdicts; with a retention one by one, so that they are divided into files in the same way each time."""
    journal = Journal(directory, linger=0, clock=lambda: NOW, retention=retention)
    for number in range(first, first + count):
        journal.append(event(number))
        while retention is not DEFAULT and journal.written <= number - first:
            time.sleep(0.0002)
    journal.close(timeout=30)


def journal_lines(directory: Path) -> list[bytes]:
    return (directory / JOURNAL_FILE).read_bytes().splitlines(keepends=True)


def records(directory: Path) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in journal_lines(directory)]
