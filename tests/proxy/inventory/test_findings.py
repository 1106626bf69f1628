"""Contradictions between the inventory and what is seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from proxy.configuration import MappingDecoder
from proxy.inventory.findings import FindingKind, findings
from tests.proxy.inventory.site import DOCUMENT, evidence, inventory

type Entry = Mapping[str, object]

WHOLE: tuple[Entry, ...] = (
    {"address": "/agent1/light1", "ip": "192.0.2.10", "addresses": [{"ip": "2001:db8::10"}]},
    {"address": "/agent1/lock1"},
    {"address": "/agent1/tv1", "ip": "192.0.2.11"},
    {"address": "/agent3/pump", "ip": "192.0.2.40", "mac": "02:00:5e:00:53:99"},
)
TYPES = {
    "/agent1/light1": "/lightControler",
    "/agent1/lock1": "/doorLock",
    "/agent1/tv1": "/tv",
    "/agent3/pump": "/pumpControl",
}
SEEN = {
    "192.0.2.10": ["/agent1/light1"],
    "2001:db8::10": ["/agent1/light1"],
    "192.0.2.11": ["/agent1/tv1"],
    "192.0.2.40": ["/agent3/pump", "ip:192.0.2.40"],
}


def found(*services: Mapping[str, object], **changes: object) -> list[tuple[str, str]]:
    seen = evidence(**({"traffic": SEEN, "types": TYPES, "writes": {}, "registered": {}} | changes))
    return [(each.kind.value, each.subject) for each in findings(inventory(*services), seen, DOCUMENT)]


def test_nothing_to_find() -> None:
    assert found(*WHOLE) == []


def changed(number: int, **changes: object) -> tuple[Entry, ...]:
    services = list(WHOLE)
    services[number] = {**services[number], **changes}
    return tuple(services)


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        (changed(3, mac="02:00:5e:00:53:01"), ("other-mac", "/agent3/pump")),
        (changed(0, addresses=[]), ("other-address", "/agent1/light1")),
        (changed(1, service_type="/window"), ("other-type", "/agent1/lock1")),
        ((*WHOLE, {"address": "/agent1/lock2"}), ("unknown-service", "/agent1/lock2")),
        ((*WHOLE, {"address": "/agent9/lock1"}), ("no-such-access-point", "/agent9/lock1")),
        (WHOLE[:1] + WHOLE[2:], ("not-inventoried", "/agent1/lock1")),
        (changed(3, ip="192.0.2.41", mac=None), ("other-address", "/agent3/pump")),
    ],
    ids=lambda each: each[0] if isinstance(each[0], str) else "",
)
def test_one_contradiction(services: tuple[Entry, ...], expected: tuple[str, str]) -> None:
    assert expected in found(*services)
    assert all(kind in set(FindingKind) for kind, _ in found(*services))


def test_somebody_whom_nothing_identifies() -> None:
    assert found(*WHOLE, traffic=SEEN | {"192.0.2.66": ["ip:192.0.2.66"]}) == [("stranger", "192.0.2.66")]


def test_services_that_nothing_tells_apart() -> None:
    twin = {"address": "/agent3/valve", "ip": "192.0.2.40"}
    kinds = [kind for kind, _ in found(*WHOLE, twin, types=TYPES | {"/agent3/valve": "/valve"})]
    assert kinds == ["indistinguishable"]


def test_a_lease_to_another_device_where_nobody_is_seen() -> None:
    assert found(*WHOLE, neighbours={}) == [("other-mac", "/agent3/pump")]


def test_an_access_point_that_did_not_answer_contradicts_nothing() -> None:
    assert found(*WHOLE, types={}, asked=frozenset()) == []


def test_each_finding_says_what_to_do() -> None:
    everything = findings(
        inventory({"address": "/agent9/lock1"}, {"address": "/agent1/light1", "ip": "192.0.2.9"}), evidence(), DOCUMENT
    )
    assert {each.kind for each in everything} >= {
        FindingKind.NO_SUCH_ACCESS_POINT,
        FindingKind.OTHER_ADDRESS,
        FindingKind.NOT_INVENTORIED,
        FindingKind.STRANGER,
    }
    assert all(" -- " in each.text for each in everything)


def test_callers_of_other_middleware_have_names_of_their_own() -> None:
    lamps = DOCUMENT.access_points[0].model_copy(
        update={"agent": "lamps", "decoder": MappingDecoder(mapping=Path("lamp.yaml"))}
    )
    panel = {"address": "/rooms/wall", "ip": "192.0.2.50"}
    document = DOCUMENT.model_copy(update={"access_points": [*DOCUMENT.access_points, lamps]})
    seen = evidence(traffic=SEEN, types=TYPES, writes={}, registered={})
    assert findings(inventory(*WHOLE, panel), seen, document) == []
    assert found(*WHOLE, panel) == [("no-such-access-point", "/rooms/wall")]
