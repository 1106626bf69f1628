from __future__ import annotations

from typing import Any

import pytest

from policy.comparison import differences
from policy.document import PolicyDocument


def told(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return differences(PolicyDocument.model_validate(old), PolicyDocument.model_validate(new))


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({}, {"mode": "learn", "service_types": {"/lock": {}}}, []),
        ({}, {"mode": "enforce"}, ["mode of the service types that are not named: learn -> enforce"]),
        (
            {"service_types": {"/lock": {"mode": "learn"}}},
            {"mode": "enforce"},
            ["mode of the service types that are not named: learn -> enforce", "/lock: mode: learn -> enforce"],
        ),
        (
            {},
            {"service_types": {"/lock": {"thresholds": {"block": 12, "quarantine": None}, "unknown_node": "forward"}}},
            [
                "/lock: unknown_node: block -> forward",
                "/lock: thresholds, block: 7 -> 12",
                "/lock: thresholds, quarantine: 30 -> none",
            ],
        ),
        (
            {"service_types": {"/a": {"partners": {"/b": {"thresholds": {"block": 20}}}}}},
            {},
            ["/a to /b: thresholds, block: 20 -> 7"],
        ),
        ({}, {"scoring": "paper"}, ["scoring: alleyes -> paper (takes a restart)"]),
        (
            {},
            {"readiness": {"instances": 3, "quiet": "90m"}},
            ["readiness.instances: 1 -> 3", "readiness.quiet: 1d -> 90m"],
        ),
        (
            {"quarantine": {"protected": ["/agent1/a"]}},
            {"quarantine": {"expiry": "2h", "protected": ["192.0.2.1"], "escalation": {"refusals": 20}}},
            [
                "quarantine.expiry: 1h -> 2h",
                "quarantine.escalation.refusals: none -> 20",
                "/agent1/a is no longer protected from quarantine",
                "192.0.2.1 is protected from quarantine, and let go if it is there",
            ],
        ),
    ],
)
def test_what_changes_is_told_by_what_it_does(old: dict[str, Any], new: dict[str, Any], lines: list[str]) -> None:
    assert told(old, new) == lines


def rule(name: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "action": "deny", **settings}


def test_rules_are_added_removed_changed_and_moved() -> None:
    old = [rule("a"), rule("b"), rule("c"), rule("d")]
    new = [rule("new", action="alert"), rule("d"), rule("a"), rule("b", comment="why", action="allow")]
    assert told({"rules": old}, {"rules": new}) == [
        "rule c (deny) is removed",
        "rule new (alert) is added as the first",
        "rule b (allow) is changed: action, comment",
        "rule d is moved: it comes after new now",
    ]


def test_every_setting_of_a_policy_is_compared() -> None:
    changed = {
        "mode": "enforce",
        "scoring": "paper",
        "thresholds": {"alert": 3},
        "unknown_sender": "forward",
        "unknown_type": "forward",
        "unknown_node": "forward",
        "time_zone": "UTC",
        "rules": [rule("a")],
        "inferred": {"mode": "monitor"},
        "service_types": {"/lock": {"mode": "learn"}},
        "readiness": {"quiet": "2d"},
        "quarantine": {"expiry": "2h"},
    }
    assert changed.keys() == PolicyDocument.model_fields.keys()
    for name, value in changed.items():
        base = {"mode": "enforce"} if name == "service_types" else {}
        assert told(base, {**base, name: value}), f"a change of {name} is not told"
