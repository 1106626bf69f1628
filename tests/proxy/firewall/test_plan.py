from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxy.firewall.plan import AccessPoint, Binding, Entry, Plan, PlanError, SenderLimits, canonical_ip, canonical_mac


def point(**changes: Any) -> AccessPoint:
    values: dict[str, Any] = {
        "name": "agent1",
        "ipv4": "10.77.2.11",
        "port": 8443,
        "listener_ipv4": "10.77.1.1",
        "listener_port": 9001,
    }
    return AccessPoint(**values | changes)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("FD77:1:0:0:0:0:0:A", "fd77:1::a"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
    ],
)
def test_an_address_has_one_spelling(text: str, canonical: str) -> None:
    assert canonical_ip(text) == canonical


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.1/24", "fe80::1%eth0", "10.0.0.1; flush ruleset", "010.0.0.1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match="zone" if "%" in text else "is not an IP address"):
        canonical_ip(text)


def test_a_link_address_has_one_spelling() -> None:
    assert canonical_mac("02-00-5E-00-53-0A") == "02:00:5e:00:53:0a"


@pytest.mark.parametrize("text", ["", "02:00:5e:00:53", "02:00:5e:00:53:0g", "02:00:5e:00:53:01 . 1.2.3.4"])
def test_what_is_no_link_address_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match="is not a link address"):
        canonical_mac(text)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": 'agent1" drop; flush ruleset; "'}, "access point name"),
        ({"name": ""}, "access point name"),
        ({"port": 0}, "agent1: port 0"),
        ({"listener_port": 65536}, "agent1: port 65536"),
        ({"ipv4": "fd77:2::11"}, "not an IPv4 address"),
        ({"ipv6": "10.77.2.11", "listener_ipv6": "fd77:1::1"}, "not an IPv6 address"),
        ({"ipv4": None}, "neither an IPv4 nor an IPv6"),
        ({"ipv6": "fd77:2::11"}, "no listener address for fd77:2::11"),
    ],
)
def test_an_access_point_that_makes_no_rule_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint):
        point(**changes)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"service_interfaces": ("iot drop",)}, "interface name 'iot drop'"),
        ({"bridge": "br0", "service_interfaces": ("iot",)}, "bridge br0: it is not said which of its ports"),
        ({"bridge": "br 0", "service_interfaces": ("a",), "access_interfaces": ("b",)}, "interface name 'br 0'"),
        ({"access_interfaces": ("sixteen_or_more_",)}, "interface name"),
        ({"protected": ("router",)}, "protected: 'router'"),
        ({"access_points": (point(), point(name="agent2", listener_port=9002))}, "access points share 10.77.2.11"),
        ({"access_points": (point(), point(name="agent2", ipv4="10.77.2.12"))}, "listeners share 10.77.1.1 port 9001"),
    ],
)
def test_a_plan_that_makes_no_table_is_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint):
        Plan(**{"access_points": ()} | values)


def test_what_comes_from_another_process_is_checked_as_well() -> None:
    plan = Plan(access_points=(point(),), protected=("10.0.0.0/8",))
    sent = msgspec.json.encode(plan)
    assert msgspec.json.decode(sent, type=Plan) == plan
    with pytest.raises(msgspec.ValidationError, match="is not an IP address"):
        msgspec.json.decode(sent.replace(b"10.77.2.11", b"10.77.2.11; drop"), type=Plan)


@pytest.mark.parametrize(
    ("ip", "reason"),
    [
        ("10.77.2.11", "it is the access point agent1"),
        ("10.77.1.1", "the gateway listens on it"),
        ("10.1.0.5", "the configuration protects 10.1.0.0/16"),
        ("127.0.0.8", "no single sender has it"),
        ("ff02::1", "no single sender has it"),
        ("::", "no single sender has it"),
        ("10.2.0.5", None),
        ("fd77:1::9", None),
    ],
)
def test_protection_says_why(ip: str, reason: str | None) -> None:
    plan = Plan(access_points=(point(),), protected=("10.1.2.3/16",))
    assert plan.protection_of(ip) == reason


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"workers": 0}, "workers: 0 is outside 1 to 64"),
        ({"workers": 65}, "workers: 65 is outside 1 to 64"),
        ({"seed": 0}, "seed: 0 is outside 1 to 4294967295"),
        (
            {"workers": 2, "access_points": (point(), point(name="agent2", ipv4="10.77.2.12", listener_port=9002))},
            "two listeners share 10.77.1.1 port 9002; leave 2 ports to each access point, one for each worker",
        ),
        (
            {"workers": 3, "access_points": (point(listener_port=65534),)},
            "the last of 3 workers at 10.77.1.1 from 65534 on: port 65536",
        ),
    ],
)
def test_every_worker_needs_ports_of_its_own(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint):
        Plan(**{"access_points": (point(),)} | values)


@pytest.mark.parametrize("field", ["packets_per_second", "new_connections_per_second", "connections"])
@pytest.mark.parametrize("number", [0, 1_000_001])
def test_a_limit_that_is_none_is_refused(field: str, number: int) -> None:
    with pytest.raises(PlanError, match=f"{field}: {number} is outside 1 to 1000000"):
        SenderLimits(**{field: number})


def test_a_binding_is_put_into_its_one_spelling() -> None:
    binding = Binding(ip="::ffff:10.0.0.1", mac="02-00-5E-00-53-0A")
    assert (binding.ip, binding.mac) == ("10.0.0.1", "02:00:5e:00:53:0a")


@pytest.mark.parametrize(
    ("bindings", "complaint"),
    [
        ([("10.0.0.1", "02:00:5e:00:53:01"), ("10.0.0.1", "02:00:5e:00:53:02")], "10.0.0.1: bound to two"),
        ([(f"10.0.{n >> 8}.{n & 255}", "02:00:5e:00:53:01") for n in range(1025)], "1025 senders .* at most 1024"),
    ],
)
def test_bindings_that_make_no_table_are_refused(bindings: list[tuple[str, str]], complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint):
        Plan(access_points=(), bindings=tuple(Binding(ip=ip, mac=mac) for ip, mac in bindings))


def test_the_ports_of_the_workers_follow_each_other() -> None:
    points = (point(), point(name="agent2", ipv4="10.77.2.12", listener_port=9005))
    plan = Plan(access_points=points, workers=4)
    assert [list(plan.listener_ports(redirect)) for redirect in plan.redirects] == [
        [9001, 9002, 9003, 9004],
        [9005, 9006, 9007, 9008],
    ]


def test_an_access_point_of_this_machine_is_called_on_the_loopback_as_well() -> None:
    both = point(loopback=True, ipv6="fd77:2::11", listener_ipv6="fd77:1::1")
    assert both.addresses == ("10.77.2.11", "127.0.0.1", "fd77:2::11", "::1")
    assert point(ipv4="127.0.0.1", loopback=True).addresses == ("127.0.0.1",)
    assert Plan(access_points=(both,), gateway_user=999).called_ports == (8443,)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"service_interfaces": ("iot",)}, "no interfaces of their own"),
        ({"reachable": ("10.77.3.0/24",)}, "no networks behind"),
        ({"gateway_user": -1}, "gateway_user: -1 is no user ID"),
        ({"access_points": (point(listener_port=8442),), "workers": 2}, "port 8443 is an access point's"),
    ],
)
def test_what_does_not_go_with_access_points_on_this_machine(values: dict[str, Any], complaint: str) -> None:
    on_this_machine: dict[str, Any] = {"gateway_user": 999}
    with pytest.raises(PlanError, match=complaint):
        Plan(**{"access_points": (point(),), **on_this_machine} | values)


@pytest.mark.parametrize("until", [float("inf"), float("nan")])
def test_an_end_is_a_moment(until: float) -> None:
    with pytest.raises(PlanError, match="leave the end away"):
        Entry(ip="10.0.0.1", until=until)


def test_an_entry_is_put_into_its_one_spelling() -> None:
    entry = Entry(ip="::ffff:10.0.0.1", mac="02-00-5E-00-53-0A")
    assert (entry.ip, entry.mac) == ("10.0.0.1", "02:00:5e:00:53:0a")


@pytest.mark.parametrize("size", [0, -1, (1 << 20) + 1])
def test_a_quarantine_set_has_a_size(size: int) -> None:
    with pytest.raises(PlanError, match=f"quarantine_size: {size} is outside"):
        Plan(access_points=(), quarantine_size=size)


def test_of_ipv6_a_sender_on_the_link_is_told_by_its_network() -> None:
    mac = "02:00:5e:00:53:0a"
    assert Entry(ip="fd77:1::10", mac=mac).key == Entry(ip="fd77:1:0:0:99::1", mac=mac).key == ("fd77:1::", mac)
    assert Entry(ip="fd77:1::10").key == ("fd77:1::10", None)
    assert Entry(ip="fd77:1:0::/64").key == ("fd77:1::/64", None)


@pytest.mark.parametrize("text", ["10.0.0.0/24", "fd77::/48", "fd77::1/64", "fd77::/x"])
def test_only_a_network_of_one_sender_can_be_quarantined(text: str) -> None:
    with pytest.raises(PlanError):
        Entry(ip=text)


@pytest.mark.parametrize("inside", ["fd77:2::/64", "fd77:1::/64", "fd77:9:1:2::/64"])
def test_a_network_with_something_protected_in_it_is_protected(inside: str) -> None:
    point = AccessPoint(name="agent1", ipv6="fd77:2::11", port=8443, listener_ipv6="fd77:1::1", listener_port=9001)
    plan = Plan(access_points=(point,), protected=("fd77:9::/32",))
    assert plan.protection_of(inside) is not None
    assert plan.protection_of("fd78:4::/64") is None
