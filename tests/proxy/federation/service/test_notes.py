"""What callers do wrong is told, and told again only after a while."""

from __future__ import annotations

import structlog

from proxy.federation.service import notes
from proxy.federation.service.notes import QUIET, Notes


def test_the_same_of_the_same_caller_is_counted_and_told_later() -> None:
    clock = [100.0]
    noted = Notes(lambda: clock[0])
    with structlog.testing.capture_logs() as lines:
        for _ in range(1000):
            noted.note("contribution refused: time", "a", detail="in the future")
        noted.note("contribution refused: schema", "a")
        noted.note("contribution refused: time", "b")
        clock[0] += QUIET
        noted.note("contribution refused: time", "a")
    assert [(line["caller"], line["event"].split()[-1], line.get("more")) for line in lines] == [
        ("a", "time", None),
        ("a", "schema", None),
        ("b", "time", None),
        ("a", "time", 999),
    ]
    assert lines[0]["detail"] == "in the future"


def test_many_callers_do_not_fill_the_log_either() -> None:
    noted = Notes(lambda: 100.0)
    with structlog.testing.capture_logs() as lines:
        for number in range(20_000):
            noted.note("enrolment refused: token", f"192.0.2.{number}")
    assert len(lines) == notes._LINES
    assert len(noted._told) <= notes._LINES
