from __future__ import annotations

from proxy.audit.ecs import ecs
from tests.proxy.audit.forms import of_notice, of_verdict


def test_a_verdict_is_a_network_event_with_fields_of_the_schema() -> None:
    found = ecs(of_verdict())
    assert found["@timestamp"] == "2025-11-13T02:13:20.000Z"
    assert found["ecs"] == {"version": "8.17.0"}
    assert found["event"] == {
        "id": "19a7c0-0003-abcdef",
        "kind": "alert",
        "category": ["network"],
        "type": ["access", "denied"],
        "action": "get",
        "outcome": "failure",
        "reason": found["message"],
        "module": "alleyes",
        "dataset": "alleyes.audit",
        "provider": "alleyes",
        "sequence": 7,
        "hash": "a" * 64,
        "risk_score": 38.2,
    }
    assert found["source"] == {
        "address": "/agent1/washingmachine1",
        "ip": "192.0.2.17",
        "user": {"id": "washingmachine1"},
    }
    assert found["destination"] == {"address": "/agent1/tempin1"}
    assert found["http"] == {"request": {"method": "GET"}}
    assert found["url"] == {"original": "/vsl/agent1/tempin1/temperature"}
    assert found["rule"] == {"name": "anomalous", "ruleset": "policy.yaml", "version": "r1"}
    assert found["alleyes"]["accesses"][0]["score"]["terms"]["relationship"] == 38.2


def test_a_notice_is_an_event_with_its_details() -> None:
    found = ecs(of_notice())
    assert (found["event"]["action"], found["event"]["type"], found["message"]) == ("start", ["info"], "It started.")
    assert found["alleyes"] == {"details": {"mode": "learn"}}


def test_what_is_no_address_is_left_out_as_indices_would_refuse_it() -> None:
    assert "ip" not in ecs(of_verdict() | {"sender": {"ip": "x"}}).get("source", {})
    assert ecs({"kind": "verdict"})["event"]["outcome"] == "failure"
