from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from models.access import Operation
from policy.verdict import Refusal, Verdict
from proxy.audit.event import VerdictEvent
from proxy.audit.journal import Journal
from proxy.audit.redaction import MARKER, redacted
from tests.policy.calls import NOW, SPYING, call, score
from tests.proxy.audit.events import journal_lines, verdict

WRITING = msgspec.structs.replace(SPYING, operation=Operation.SET, value="4711")
OTHER = msgspec.structs.replace(SPYING, data_type="/basic/text", destination_type="/display", value="hello")


def written() -> Verdict:
    asked = msgspec.structs.replace(call(WRITING, OTHER), request="PUT /vsl/agent1/tempin1/temperature?code=4711")
    scores = (score(38.2, "value", value_written=4711.0, value_low=1.0, value_high=9.0), score(1.0))
    return msgspec.structs.replace(verdict(), call=asked, scores=scores)


@pytest.mark.parametrize("name", ["/derived/temperature", "/derived", "/sensorService"])
def test_values_of_a_type_are_replaced_and_no_others(name: str) -> None:
    found = redacted(written(), {name})
    assert [each.value for each in found.call.accesses] == [MARKER, "hello"]
    assert found.call.request == f"PUT /vsl/agent1/tempin1/temperature?{MARKER}"
    assert not any(term.startswith("value_") for term in found.scores[0].terms)
    assert found.scores[0].terms["value"] == 38.2
    assert found.scores[1] == written().scores[1]


def test_what_a_service_writes_is_its_own() -> None:
    assert [each.value for each in redacted(written(), {"/washingService"}).call.accesses] == [MARKER, MARKER]


def test_without_such_a_type_the_verdict_is_the_very_same() -> None:
    given = written()
    assert redacted(given, {"/doorLock"}) is given


def test_a_refusal_does_not_tell_the_value_either() -> None:
    refusal = Refusal(code="ambiguous-body", detail="The value 4711 occurs twice.", every_mode=True)
    given = msgspec.structs.replace(verdict(), call=call(WRITING, refusal=refusal), scores=(), worst=-1)
    found = redacted(given, {"/sensorService"})
    assert found.call.refusal is not None
    assert found.call.refusal.detail == f"The value {MARKER} occurs twice."


def test_a_journal_never_writes_the_value(tmp_path: Path) -> None:
    journal = Journal(tmp_path, clock=lambda: NOW, redact={"/derived/temperature"})
    journal.append(VerdictEvent(verdict=written(), time=NOW))
    journal.close(timeout=30)
    (line,) = journal_lines(tmp_path)
    assert b"4711" not in line
    assert line.count(MARKER.encode()) == 3, "in the access, in the request and in the sentence"
