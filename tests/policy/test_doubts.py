from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from policy.document import PolicyDocument
from policy.doubts import doubts

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()


def told(policy: dict[str, Any]) -> list[str]:
    return [each.message for each in doubts(PolicyDocument.model_validate({"time_zone": "UTC", **policy}), NOW)]


def rules(*given: dict[str, Any], mode: str = "enforce") -> list[str]:
    named = [{"name": f"r{index}", "comment": "why"} | each for index, each in enumerate(given)]
    return told({"mode": mode, "rules": named})


@pytest.mark.parametrize("expires", ["2026-11-25", "2026-11-26T12:00"])
def test_a_rule_that_has_expired_is_told(expires: str) -> None:
    assert rules({"action": "allow", "expires": expires, "operation": ["get"]}) == [
        "rule r0 has expired and does nothing"
    ]
    assert rules({"action": "allow", "expires": "2026-11-26", "operation": ["get"]}) == []


def test_a_rule_that_allows_too_much_is_told() -> None:
    assert rules({"action": "allow"}) == ["rule r0 allows every call of every service"]
    assert rules({"action": "allow", "comment": "", "operation": ["get"]}) == [
        "rule r0 allows for ever and does not say why"
    ]


def test_a_denial_that_refuses_nothing_is_told() -> None:
    deny = {"action": "deny", "operation": ["set"]}
    assert rules(deny, mode="monitor") == ["rule r0 refuses nothing: no service type is enforced"]
    assert rules(deny, mode="auto") == []
    assert (
        told({"mode": "learn", "service_types": {"/lock": {"mode": "enforce"}}, "rules": [{"name": "a", **deny}]}) == []
    )


@pytest.mark.parametrize(
    ("first", "second", "hidden"),
    [
        ({"operation": ["get", "set"]}, {"operation": ["set"], "node": ["/a"]}, True),
        ({}, {"days": ["monday"]}, True),
        ({"operation": ["get"]}, {"operation": ["get", "set"]}, False),
        ({"operation": ["get"]}, {"node": ["/a"]}, False),
        ({"value": {"at_least": 3}}, {"value": {"at_least": 3}}, True),
        ({"value": {"at_least": 3}}, {"value": {"at_least": 4}}, False),
        ({"operation": ["get"], "expires": "2027-01-01"}, {"operation": ["get"]}, False),
    ],
)
def test_a_rule_that_never_matches_is_told(first: dict[str, Any], second: dict[str, Any], hidden: bool) -> None:
    found = rules({"action": "deny", **first}, {"action": "allow", **second})
    assert found == (["rule r1 never matches: r0, which comes first, matches all that it does"] if hidden else [])


@pytest.mark.parametrize(
    ("first", "second", "hidden"),
    [("alert", "deny", False), ("expect", "deny", False), ("deny", "alert", True), ("deny", "expect", True)],
)
def test_a_rule_that_decides_nothing_hides_none(first: str, second: str, hidden: bool) -> None:
    given = {"operation": ["get"]}
    assert bool(rules({"action": first, **given}, {"action": second, **given})) is hidden


def test_thresholds_that_refuse_everything_are_told() -> None:
    zero = {"alert": 0, "block": 0}
    assert told({"thresholds": zero, "service_types": {"/lock": {"thresholds": zero}}}) == [
        "with 0 enforce refuses every call",
        "with 0 enforce refuses every call of /lock",
    ]


def test_nothing_is_said_of_the_default() -> None:
    assert told({}) == []
