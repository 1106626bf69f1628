from __future__ import annotations

import msgspec

from proxy.firewall.plan import Plan
from proxy.firewall.sides import Mark, crossings, from_access, from_services, from_services_alone
from tests.proxy.firewall.test_ruleset import TWO

BRIDGED = msgspec.structs.replace(TWO, bridge="br0")


def test_a_router_tells_sides_by_interfaces() -> None:
    assert from_services(TWO) == 'iifname { "iot", "wlan0" } '
    assert from_services_alone(TWO) == from_services(TWO)
    assert from_access(TWO) == 'iifname { "access" }'
    assert crossings(TWO) == (
        'iifname { "iot", "wlan0" } oifname { "access" }',
        'iifname { "access" } oifname { "iot", "wlan0" }',
    )


def test_a_bridge_tells_sides_by_what_was_noted_of_its_ports() -> None:
    assert from_services(BRIDGED) == 'iifname "br0" meta mark and 0x04000000 == 0x04000000 '
    assert from_services_alone(BRIDGED) == from_services(BRIDGED)
    assert from_access(BRIDGED) == 'iifname "br0" meta mark and 0x08000000 == 0x08000000'
    assert crossings(BRIDGED) == (
        "meta mark and 0x20000000 == 0x20000000",
        "meta mark and 0x40000000 == 0x40000000",
    )


def test_without_interfaces_nothing_is_told() -> None:
    plan = Plan(access_points=TWO.access_points)
    assert (from_services(plan), from_services_alone(plan), from_access(plan), crossings(plan)) == (
        "",
        None,
        None,
        None,
    )


def test_a_shared_interface_is_not_the_services_alone() -> None:
    plan = Plan(access_points=TWO.access_points, service_interfaces=("lan",), access_interfaces=("lan",))
    assert from_services_alone(plan) is None


def test_every_side_has_a_bit_of_its_own() -> None:
    assert sum(Mark) == 0xFC00_0000
    assert len(Mark) == 6


def test_of_access_points_on_this_machine_services_are_everywhere_else() -> None:
    own = Plan(access_points=TWO.access_points, gateway_user=999)
    assert from_services(own) == 'iifname != "lo" '
    assert (from_services_alone(own), from_access(own), crossings(own)) == (None, None, None)
