"""Descriptions hold to RFC 8520, and say what was learnt."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from yangson.exceptions import YangsonException

from models.relationship import Key
from proxy.mud.description import describe
from proxy.mud.usage import Usage
from proxy.registry import ROOT_TYPE
from tests.proxy.mud import yang

BASE = "https://building.example/mud"
LIGHT = Usage(
    "/light",
    (
        Key("/light", own=True, operation="set", data_type=""),
        Key("/movement", own=False, operation="get", data_type="/derived/boolean"),
        Key(ROOT_TYPE, own=False, operation="connect", data_type=ROOT_TYPE),
        Key("", own=False, operation="get", data_type=""),
    ),
    callers=("/panel",),
    settled=True,
    left_out=0,
)


def described(usage: Usage = LIGHT, ports: tuple[int, ...] = (8081, 8082)) -> dict[str, Any]:
    made = describe(usage, base=BASE, ports=ports, root_type=ROOT_TYPE, now=1_793_000_000.5)
    again: dict[str, Any] = json.loads(json.dumps(made))
    return again


def entries(made: dict[str, Any], name: str) -> list[tuple[Any, ...]]:
    (acl,) = [each for each in made["ietf-access-control-list:acls"]["acl"] if each["name"] == name]
    return [
        (next(iter(each["matches"]["ietf-mud:mud"].items())), each["matches"]["tcp"]) for each in acl["aces"]["ace"]
    ]


@pytest.mark.parametrize("ports", [(), (80,), (8081, 8082)])
@pytest.mark.parametrize(
    "usage",
    [
        LIGHT,
        Usage("/alone", (), (), settled=False, left_out=0),
        Usage(
            "/a" * 60,
            (Key("/ü*" * 40, own=False, operation="get", data_type=""),),
            ("/b.c_d",),
            settled=True,
            left_out=0,
        ),
    ],
    ids=["usual", "nothing", "odd names"],
)
def test_it_is_valid_by_the_schema_of_the_rfc(usage: Usage, ports: tuple[int, ...]) -> None:
    yang.check(described(usage, ports))


@pytest.mark.parametrize("gone", ["mud-url", "last-update", "is-supported", "mud-version"])
def test_the_schema_would_tell(gone: str) -> None:
    broken = copy.deepcopy(described())
    del broken["ietf-mud:mud"][gone]
    with pytest.raises(YangsonException):
        yang.check(broken)


def test_partners_are_models_and_the_access_point_is_the_controller() -> None:
    made = described(ports=(8081,))
    opened = "ietf-mud:direction-initiated"
    port = {"operator": "eq", "port": 8081}
    assert entries(made, "from-device-ipv4") == [
        (("my-controller", [None]), {opened: "from-device", "destination-port": port}),
        (("model", f"{BASE}/movement.json"), {opened: "from-device", "destination-port": port}),
        (("model", f"{BASE}/panel.json"), {opened: "to-device", "source-port": port}),
    ]
    assert entries(made, "to-device-ipv6") == [
        (("my-controller", [None]), {opened: "from-device", "source-port": port}),
        (("model", f"{BASE}/movement.json"), {opened: "from-device", "source-port": port}),
        (("model", f"{BASE}/panel.json"), {opened: "to-device", "destination-port": port}),
    ]


def test_what_is_done_stands_in_the_extension() -> None:
    about = described()["ietf-mud:mud"]
    assert about["extensions"] == ["alleyes"]
    assert about["alleyes-mud:service-type"] == "/light"
    assert [(each["partner-type"], each["operation"]) for each in about["alleyes-mud:relationship"]] == [
        ("/light", "set"),
        ("/movement", "get"),
        (ROOT_TYPE, "connect"),
    ]
