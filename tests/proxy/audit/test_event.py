from __future__ import annotations

from typing import Any

import msgspec
import pytest

from policy.explanation import sentence
from policy.verdict import Action, Refusal
from proxy.audit.event import Event, Kind, Notice, VerdictEvent, record, rfc3339, told
from tests.policy.calls import EVENT_TIME, NOW, SPYING, call
from tests.proxy.audit.events import event, verdict


def plain(of: Event) -> dict[str, Any]:
    """A record as it is read."""
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record(of)))
    return read


def test_a_verdict_is_recorded_with_everything_that_explains_and_replays_it() -> None:
    data = plain(event())

    assert data == {
        "kind": "verdict",
        "id": "19a7c0-0000-abcdef",
        "time": "2025-11-13T02:13:20.000Z",
        "event_time": EVENT_TIME,
        "action": "block",
        "would_be": "block",
        "mode": "enforce",
        "alert": True,
        "reason": "anomalous",
        "sentence": sentence(verdict()),
        "av": 38.2,
        "threshold": 7,
        "worst": 0,
        "model_version": "m7",
        "policy_revision": "r1",
        "request": "GET /vsl/agent1/tempin1/temperature",
        "sender": {
            "address": "/agent1/washingmachine1",
            "service_type": "/washingService",
            "strength": "certificate",
            "ip": "192.0.2.17",
            "client_id": "washingmachine1",
        },
        "refusal": None,
        "accesses": [
            {
                "time": EVENT_TIME,
                "source": "/agent1/washingmachine1",
                "source_type": "/washingService",
                "source_location": "BathRoom",
                "destination": "/agent1/tempin1",
                "destination_type": "/sensorService",
                "destination_location": "Bedroom",
                "node": "/agent1/tempin1/temperature",
                "operation": "get",
                "data_type": "/derived/temperature",
                "value": None,
                "score": {
                    "av": 38.2,
                    "som": 1.0,
                    "sor": 38.2,
                    "soa": 0.0,
                    "deciding": "relationship",
                    "terms": {"relationship": 38.2, "model_weight": 412.0, "relationship_weight": 0.0},
                    "model_version": "m7",
                },
            }
        ],
    }


def test_a_call_that_was_refused_unscored_is_recorded_with_its_refusal_and_its_accesses() -> None:
    refusal = Refusal(code="forged", detail="A forged identity.", every_mode=True)
    refused = msgspec.structs.replace(
        verdict(), call=call(SPYING, refusal=refusal), scores=(), worst=-1, threshold=None, reason="forged"
    )

    data = plain(VerdictEvent(verdict=refused, time=0))

    assert data["refusal"] == {"code": "forged", "detail": "A forged identity.", "every_mode": True}
    assert (data["av"], data["threshold"], data["model_version"], data["worst"]) == (None, None, None, -1)
    assert [access["score"] for access in data["accesses"]] == [None]


def normal() -> VerdictEvent:
    usual = msgspec.structs.replace(
        verdict(action=Action.FORWARD), would_be=Action.FORWARD, alert=False, reason="normal"
    )
    return VerdictEvent(verdict=usual, time=0)


def test_what_was_normal_is_recorded_as_fully_but_its_sentence_is_made_when_it_is_read() -> None:
    data = plain(normal())
    assert data["sentence"] is None
    assert data.keys() == plain(event()).keys()
    assert told(data) == sentence(normal().verdict)


def test_a_sentence_that_stands_in_a_record_is_told_as_it_stands() -> None:
    assert told({"kind": "start", "sentence": "The gateway started."}) == "The gateway started."


@pytest.mark.parametrize("data", [{}, {"kind": "verdict", "sentence": None}])
def test_a_record_of_another_version_has_no_sentence(data: dict[str, object]) -> None:
    assert told(data) is None


def test_other_events_say_what_happened_and_when() -> None:
    notice = Notice(kind=Kind.TLS_REFUSAL, time=1.5, sentence="The handshake failed.", details={"ip": "192.0.2.1"})

    assert plain(notice) == {
        "kind": "tls-refusal",
        "time": "1970-01-01T00:00:01.500Z",
        "sentence": "The handshake failed.",
        "details": {"ip": "192.0.2.1"},
    }


@pytest.mark.parametrize(
    ("time", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (1_795_419_027.1234, "2026-11-23T07:30:27.123Z")],
)
def test_times_are_rfc_3339_in_utc(time: float, text: str) -> None:
    assert rfc3339(time) == text


def test_a_record_names_the_rule_that_decided_and_how_many_refusals_did() -> None:
    allowed = msgspec.structs.replace(normal().verdict, reason="allowed-by-rule", rule="technician")
    data = plain(VerdictEvent(verdict=allowed, time=NOW))
    assert data["rule"] == "technician"
    assert "repeats" not in data
    assert told(data) == sentence(allowed)
    repeated = msgspec.structs.replace(verdict(), reason="refused-too-often", repeats=20)
    assert plain(VerdictEvent(verdict=repeated, time=NOW))["repeats"] == 20
