"""Which rule matches which access."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from models.access import Access, Operation
from policy.local_time import LocalTime
from policy.rule import Rule
from policy.rulebook import MOST_KINDS, Rulebook, Ruling
from policy.verdict import Call, Strength
from tests.policy.calls import NOW, SPYING, STRANGER, WASHING_MACHINE, call

WRITING = msgspec.structs.replace(SPYING, operation=Operation.SET, value="21.5")
UNPLACED = msgspec.structs.replace(SPYING, destination_location=None)


def book(*rules: dict[str, Any], zone: str = "Europe/Berlin") -> Rulebook:
    made = [{"name": f"rule-{index}", "action": "deny"} | rule for index, rule in enumerate(rules)]
    return Rulebook([Rule.model_validate(rule) for rule in made], LocalTime(zone))


def denied(rule: dict[str, Any], given: Call, now: float = NOW) -> bool:
    ruling = book(rule).decide(given, now)
    return ruling is not None and ruling.denied is not None


@pytest.mark.parametrize(
    ("rule", "access", "matches"),
    [
        ({}, SPYING, True),
        ({"source_address": ["/agent1/washing*"]}, SPYING, True),
        ({"source_address": ["/agent2/*"]}, SPYING, False),
        ({"source_type": ["/washingService"]}, SPYING, True),
        ({"source_type": ["/phone", "/washing*"]}, SPYING, True),
        ({"source_type": ["unknown"]}, SPYING, False),
        ({"destination_type": ["unknown"]}, msgspec.structs.replace(SPYING, destination_type=None), True),
        ({"destination_type": ["**"]}, msgspec.structs.replace(SPYING, destination_type=None), False),
        ({"destination_address": ["/agent1/tempin1"]}, SPYING, True),
        ({"destination_address": ["/agent1/tempout1"]}, SPYING, False),
        ({"location": ["other"]}, SPYING, True),
        ({"location": ["same"]}, SPYING, False),
        ({"location": ["unknown"]}, UNPLACED, True),
        ({"location": ["same", "other"]}, UNPLACED, False),
        ({"operation": ["get", "set"]}, SPYING, True),
        ({"operation": ["set"]}, SPYING, False),
        ({"node": ["/agent1/*/temperature"]}, SPYING, True),
        ({"node": ["/agent1/*"]}, SPYING, False),
        ({"data_type": ["/derived/*"]}, SPYING, True),
        ({"data_type": ["unknown"]}, msgspec.structs.replace(SPYING, data_type=None), True),
        ({"identity": ["certificate"]}, SPYING, True),
        ({"identity": ["ip", "unknown"]}, SPYING, False),
        ({"client_id": ["washing*"]}, SPYING, True),
        ({"client_id": ["phone*"]}, SPYING, False),
        ({"network": ["192.0.2.0/24"]}, SPYING, True),
        ({"network": ["192.0.2.0/28", "2001:db8::/32"]}, SPYING, False),
        ({"value": {"equals": ["21.5"]}}, WRITING, True),
        ({"value": {"equals": ["22"]}}, WRITING, False),
        ({"value": {"equals": ["21.5"]}}, SPYING, False),
        ({"value": {"at_least": 21.5}}, WRITING, True),
        ({"value": {"at_least": 21.6}}, WRITING, False),
        ({"value": {"at_least": 10, "at_most": 21}}, WRITING, False),
        ({"value": {"at_most": 1e30}}, msgspec.structs.replace(WRITING, value="1e25"), True),
        ({"value": {"at_least": 5}}, msgspec.structs.replace(WRITING, value="Infinity"), True),
        ({"value": {"at_least": 0}}, msgspec.structs.replace(WRITING, value="nan"), False),
        ({"value": {"at_least": 0}}, msgspec.structs.replace(WRITING, value="on"), False),
        ({"operation": ["get"], "node": ["/agent2/**"]}, SPYING, False),
    ],
)
def test_a_rule_matches_where_all_its_conditions_hold(rule: dict[str, Any], access: Access, matches: bool) -> None:
    assert denied(rule, call(access)) is matches


@pytest.mark.parametrize(
    ("time", "rule", "matches"),
    [
        ("2026-07-03T20:30:00", {"hours": ["22:00-06:00"], "days": ["friday"]}, True),
        ("2026-07-03T19:30:00", {"hours": ["22:00-06:00"], "days": ["friday"]}, False),
        ("2026-07-04T03:00:00", {"hours": ["22:00-06:00"], "days": ["friday"]}, True),
        ("2026-07-04T03:00:00", {"days": ["saturday", "sunday"]}, True),
        ("2026-07-06T03:00:00", {"days": ["saturday", "sunday"]}, False),
        ("2026-07-06T10:00:00", {"hours": ["06:00-07:00", "12:00-13:00"]}, True),
        ("2026-07-31T21:59:00", {"expires": "2026-07-31"}, True),
        ("2026-07-31T22:00:00", {"expires": "2026-07-31"}, False),
    ],
)
def test_time_is_that_of_the_zone(time: str, rule: dict[str, Any], matches: bool) -> None:
    now = datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()
    assert denied(rule, call(SPYING), now) is matches


def decide(given: Call, *rules: dict[str, Any]) -> Ruling:
    ruling = book(*rules).decide(given, NOW)
    assert ruling is not None
    return ruling


def test_the_first_rule_that_matches_an_access_decides_about_it() -> None:
    ruling = decide(call(SPYING), {"operation": ["set"]}, {"action": "allow"}, {"action": "deny"})
    assert ruling.allowed is not None
    assert (ruling.denied, ruling.allowed.name, ruling.all_allowed) == (None, "rule-1", True)


def test_each_access_of_a_call_has_its_rule() -> None:
    other = msgspec.structs.replace(SPYING, node="/agent1/tempin1/other")
    ruling = decide(call(SPYING, other), {"action": "allow", "node": ["**/temperature"]}, {"node": ["**/secret"]})
    assert (ruling.excused, ruling.all_allowed) == ((True, False), False)


@pytest.mark.parametrize("given", [call(SPYING), call()], ids=["of an access", "of a call that was not decoded"])
@pytest.mark.parametrize("action", ["deny", "allow"])
def test_a_rule_that_alerts_leaves_the_decision_to_those_after_it(action: str, given: Call) -> None:
    alert = {"action": "alert", "source_type": ["/washingService"]}
    ruling = decide(given, alert, {"action": "alert"}, {"action": action}, {"action": "alert"}, {"action": "allow"})
    deciding = ruling.denied if action == "deny" else ruling.allowed
    assert deciding is not None
    assert ruling.alerting is not None
    assert (deciding.name, ruling.alerting.name) == ("rule-2", "rule-0")


@pytest.mark.parametrize("given", [call(SPYING), call()], ids=["of an access", "of a call that was not decoded"])
def test_a_rule_that_alerts_after_the_decision_is_not_heard(given: Call) -> None:
    assert decide(given, {"action": "deny"}, {"action": "alert"}).alerting is None


def test_only_rules_about_senders_match_a_call_that_was_not_decoded() -> None:
    assert denied({"identity": ["unknown"], "network": ["192.0.2.99"]}, call(sender=STRANGER))
    assert denied({"source_type": ["/washingService"], "source_address": ["/agent1/*"]}, call())
    assert not denied({"source_type": ["/phone"]}, call())
    assert not denied({"operation": ["get", "set"], "source_type": ["/washingService"]}, call())
    assert decide(call(), {"action": "allow"}).all_allowed


@pytest.mark.parametrize(
    ("denial", "allowed"),
    [
        ({"node": ["/agent1/movement1/**"]}, False),
        ({"operation": ["get"]}, False),
        ({"value": {"at_least": 30}, "source_address": ["/agent1/*"]}, False),
        ({"node": ["/agent1/movement1/**"], "source_address": ["/agent2/*"]}, True),
        ({"node": ["/agent1/movement1/**"], "source_type": ["/phone"]}, True),
        ({"node": ["/agent1/movement1/**"], "identity": ["ip", "vouched"]}, True),
        ({"node": ["/agent1/movement1/**"], "expires": "2020-01-01"}, True),
        ({"node": ["/agent1/movement1/**"], "action": "alert"}, True),
        ({"node": ["/agent1/movement1/**"], "action": "allow"}, True),
    ],
)
def test_what_nobody_read_is_not_allowed_after_a_denial_that_might_concern_it(
    denial: dict[str, Any], allowed: bool
) -> None:
    rules = book(denial, {"action": "allow", "source_address": ["/agent1/washing*"]})
    assert rules.allows_unread(WASHING_MACHINE, NOW) is allowed
    assert (rules.decide(call(), NOW) is not None) is allowed


def test_a_denial_after_the_rule_that_allows_does_not_matter_to_what_nobody_read() -> None:
    assert book({"action": "allow"}, {"node": ["**"]}).allows_unread(WASHING_MACHINE, NOW)


def test_a_sender_without_a_type_might_be_of_any_when_its_registration_is_not_read() -> None:
    untyped = msgspec.structs.replace(WASHING_MACHINE, service_type=None)
    assert not book({"source_type": ["/phone"]}, {"action": "allow"}).allows_unread(untyped, NOW)
    assert book({"source_type": ["/phone"]}, {"action": "allow"}).allows_unread(WASHING_MACHINE, NOW)


def test_a_sender_in_another_form_of_its_address_is_in_the_same_network() -> None:
    mapped = msgspec.structs.replace(WASHING_MACHINE, ip="::ffff:192.0.2.17")
    assert denied({"network": ["192.0.2.17"]}, call(SPYING, sender=mapped))


def test_a_notification_has_a_sender_that_the_access_point_vouches_for() -> None:
    vouched = msgspec.structs.replace(WASHING_MACHINE, strength=Strength.VOUCHED, client_id=None)
    assert denied({"identity": ["vouched"]}, call(SPYING, sender=vouched))
    assert not denied({"client_id": ["*"]}, call(SPYING, sender=vouched))


@pytest.mark.parametrize(
    ("action", "identity", "strength", "matches"),
    [
        ("allow", None, Strength.CERTIFICATE, True),
        ("allow", None, Strength.VOUCHED, False),
        ("allow", None, Strength.IP, False),
        ("allow", ["certificate", "ip"], Strength.VOUCHED, False),
        ("allow", ["certificate", "vouched"], Strength.VOUCHED, True),
        ("deny", None, Strength.VOUCHED, True),
        ("alert", None, Strength.VOUCHED, True),
    ],
)
def test_a_name_without_a_certificate_opens_nothing(
    action: str, identity: list[str] | None, strength: Strength, matches: bool
) -> None:
    rule = {"action": action, "client_id": ["washing*"], "identity": identity}
    sender = msgspec.structs.replace(WASHING_MACHINE, strength=strength)
    for given in (call(SPYING, sender=sender), call(sender=sender)):
        assert (book(rule).decide(given, NOW) is not None) is matches


def test_where_nothing_matches_there_is_no_ruling() -> None:
    assert book({"operation": ["set"]}, {"network": ["198.51.100.0/24"]}).decide(call(SPYING), NOW) is None


def test_any_number_of_types_does_not_fill_the_memory() -> None:
    rules = book({"source_type": ["/odd*"]})
    for number in range(MOST_KINDS + 10):
        access = msgspec.structs.replace(SPYING, source_type=f"/{'odd' if number % 2 else 'even'}{number}")
        assert (rules.decide(call(access), NOW) is not None) == bool(number % 2)
    assert len(rules._by_kind) <= MOST_KINDS
