"""What follows from a description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.access import Operation
from policy.document import PolicyDocument
from policy.loading import check_document
from policy.rule import RuleAction
from proxy.mud.file import MudError, MudFile, read
from proxy.mud.prior import Prior, draft, prior
from proxy.registry import ROOT_TYPE
from tests.proxy.mud.test_description import BASE, described

HUB = "https://maker.example/hub"


def plain(*matches: dict[str, Any]) -> MudFile:
    """A description of a maker's, without our extension."""
    made = described()
    about = made["ietf-mud:mud"]
    for name in ("extensions", "alleyes-mud:service-type", "alleyes-mud:relationship"):
        del about[name]
    about["from-device-policy"] = {"access-lists": {"access-list": [{"name": "out"}]}}
    about["to-device-policy"] = {}
    accept = {"actions": {"forwarding": "accept"}}
    aces = [{"name": f"e{number}", "matches": each} | accept for number, each in enumerate(matches)]
    made["ietf-access-control-list:acls"] = {"acl": [{"name": "out", "type": "ipv4-acl-type", "aces": {"ace": aces}}]}
    return read(json.dumps(made).encode())


def drawn(file: MudFile, service_type: str = "/light", hub: str | None = None) -> Prior:
    return prior(file, service_type, dict.fromkeys([HUB], hub) if hub else {}, ROOT_TYPE)


def rules(found: Prior) -> PolicyDocument:
    return check_document(draft(found, "lamp.json", BASE), Path("policy.yaml"), PolicyDocument)


def test_what_was_exported_comes_back_as_what_is_expected() -> None:
    found = drawn(read(json.dumps(described()).encode()))
    expected = [
        (rule.action, rule.source_type, rule.destination_type, rule.operation, rule.data_type)
        for rule in rules(found).rules
    ]
    assert expected == [
        (RuleAction.EXPECT, ["/light"], ["/light"], ["set"], ["unknown"]),
        (RuleAction.EXPECT, ["/light"], ["/movement"], ["get"], ["/derived/boolean"]),
        (RuleAction.EXPECT, ["/light"], [ROOT_TYPE], ["connect"], [ROOT_TYPE]),
    ]
    assert found.remarks == ()


def test_classes_whose_type_is_given_become_rules() -> None:
    file = plain({"ietf-mud:mud": {"controller": HUB}}, {"ietf-mud:mud": {"my-controller": [None]}})
    found = drawn(file, "/lamp", hub="/hub")
    assert [rule.destination_type for rule in rules(found).rules] == [["/hub"], ["/lamp", ROOT_TYPE]]
    assert all(rule.action is RuleAction.EXPECT and rule.source_type == ["/lamp"] for rule in rules(found).rules)


def test_what_is_done_is_for_the_operator_to_say_where_the_file_does_not() -> None:
    found = drawn(plain({"ietf-mud:mud": {"controller": HUB}}), "/lamp", hub="/hub")
    assert [rule.operation for rule in rules(found).rules] == [["get", "subscribe"]]
    text = draft(found, "lamp.json", BASE)
    assert '    #   "set", ' in text
    assert all(f'"{each}"' in text for each in Operation)


def test_who_may_open_connections_to_the_device_is_expected_to_call_it() -> None:
    opened = {"ietf-mud:mud": {"model": HUB}, "tcp": {"ietf-mud:direction-initiated": "to-device"}}
    (rule,) = rules(drawn(plain(opened), "/lamp", hub="/hub")).rules
    assert (rule.source_type, rule.destination_type) == (["/hub"], ["/lamp"])


@pytest.mark.parametrize(
    ("matches", "told"),
    [
        ({"ietf-mud:mud": {"controller": HUB}}, f"give --peer {HUB}=/type"),
        ({"ietf-mud:mud": {"manufacturer": "maker.example"}}, "give --peer maker.example=/type"),
        ({"ietf-mud:mud": {"same-manufacturer": [None]}}, "same manufacturer"),
        ({"ietf-mud:mud": {"local-networks": [None]}}, "too much"),
        ({"ipv4": {"ietf-acldns:dst-dnsname": "cloud.example"}}, "cloud.example; not behind the gateway"),
        ({}, "anywhere"),
        ({"ipv4": {"protocol": 17}, "ietf-mud:mud": {"my-controller": [None]}}, "UDP"),
    ],
)
def test_what_names_no_type_becomes_a_remark_and_no_rule(matches: dict[str, Any], told: str) -> None:
    found = drawn(plain(matches), "/lamp")
    assert found.expectations == ()
    assert any(told in remark for remark in found.remarks)
    assert told in draft(found, "lamp.json", BASE)
    assert rules(found).rules == []


def test_what_is_dropped_is_not_expected() -> None:
    file = plain({"ietf-mud:mud": {"my-controller": [None]}})
    dropped = json.loads(json.dumps(described()))
    del dropped["ietf-mud:mud"]["alleyes-mud:relationship"]
    for acl in dropped["ietf-access-control-list:acls"]["acl"]:
        for ace in acl["aces"]["ace"]:
            ace["actions"]["forwarding"] = "ietf-access-control-list:drop"
    assert drawn(file, "/lamp").expectations
    assert drawn(read(json.dumps(dropped).encode())).expectations == ()


def test_the_type_is_the_given_one_and_no_other() -> None:
    own = read(json.dumps(described()).encode())
    with pytest.raises(MudError, match="describes /light, not /lamp"):
        drawn(own, "/lamp")
    with pytest.raises(MudError, match="not a service type"):
        drawn(plain(), "/la*p")


@pytest.mark.parametrize(
    "odd",
    [
        {"partner-type": "/**", "own": False, "operation": "get", "data-type": ""},
        {"partner-type": "/movement", "own": False, "operation": "get", "data-type": "/x]\n- evil"},
        {"partner-type": "/movement", "own": False, "operation": "conquer", "data-type": ""},
    ],
)
def test_what_a_rule_could_misread_becomes_none(odd: dict[str, Any]) -> None:
    made = described()
    made["ietf-mud:mud"]["alleyes-mud:relationship"] = [odd]
    found = drawn(read(json.dumps(made).encode()))
    assert found.expectations == ()
    assert rules(found).rules == []


def test_hostile_words_stay_comments() -> None:
    found = drawn(plain({"ietf-mud:mud": {"controller": "x\nrules:\n  - name: evil"}}), "/lamp")
    assert rules(found).rules == []
