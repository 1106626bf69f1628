"""The kernel is told exactly what the configuration says."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.firewall.plan import Binding, Redirect, SenderLimits
from proxy.plan import called_at, firewall_plan
from tests.proxy.parts import plain_point, plain_settings


def test_every_family_of_every_access_point_is_redirected() -> None:
    settings = plain_settings(
        interfaces={"services": ["iot", "iot2"], "access_points": ["access"]},
        listen={"ipv4": "10.77.1.1", "ipv6": "FD77:1:0::1"},
        access_points=[
            plain_point(ipv6="fd77:2::11"),
            plain_point(agent="agent2", ipv4=None, ipv6="fd77:2::12", listen_port=9102),
        ],
    )
    inventory = InventoryDocument(protected=[IPv4Address("10.77.1.254"), IPv6Address("fd77:1::fe")])
    plan = firewall_plan(GatewayDocument.model_validate(settings), inventory)
    assert plan.workers == 1
    assert plan.redirects == (
        Redirect("10.77.2.11", 8081, "10.77.1.1", 9101),
        Redirect("fd77:2::11", 8081, "fd77:1::1", 9101),
        Redirect("fd77:2::12", 8081, "fd77:1::1", 9102),
    )
    assert [point.name for point in plan.access_points] == ["agent1", "agent2"]
    assert (plan.service_interfaces, plan.access_interfaces) == (("iot", "iot2"), ("access",))
    assert plan.protection_of("10.77.1.254") is not None
    assert plan.protection_of("fd77:1::fe") is not None
    assert plan.protection_of("10.77.1.9") is None


@pytest.mark.parametrize("mode", ["closed", "open"])
def test_the_fail_mode_is_the_kernel_s(mode: str) -> None:
    document = GatewayDocument.model_validate(plain_settings(fail_mode=mode))
    assert firewall_plan(document, InventoryDocument()).fail_mode == mode


def test_every_worker_gets_its_share() -> None:
    plan = firewall_plan(GatewayDocument.model_validate(plain_settings(workers=3)), InventoryDocument())
    assert list(plan.listener_ports(plan.redirects[0])) == [9101, 9102, 9103]
    assert plan.seed == firewall_plan(GatewayDocument.model_validate(plain_settings()), InventoryDocument()).seed


def test_the_limits_of_senders_are_the_kernel_s() -> None:
    limits = {"sender_packets_per_second": 7, "sender_new_connections_per_second": 5, "sender_connections": 3}
    document = GatewayDocument.model_validate(plain_settings(limits=limits))
    expected = SenderLimits(packets_per_second=7, new_connections_per_second=5, connections=3)
    assert firewall_plan(document, InventoryDocument()).limits == expected


def test_services_with_a_link_address_are_bound_to_it() -> None:
    inventory = InventoryDocument.model_validate(
        {
            "services": [
                {"address": "/agent1/a", "ip": "192.0.2.4", "mac": "02-00-5E-00-53-01"},
                {
                    "address": "/agent1/b",
                    "addresses": [{"ip": "2001:db8::4", "mac": "02:00:5e:00:53:01"}, {"ip": "192.0.2.6"}],
                },
                {"address": "/agent1/c", "ip": "192.0.2.5"},
                {"address": "/agent1/on-the-host-of-a", "ip": "192.0.2.4", "mac": "02:00:5e:00:53:01"},
            ]
        }
    )
    plan = firewall_plan(GatewayDocument.model_validate(plain_settings()), inventory)
    mac = "02:00:5e:00:53:01"
    assert plan.bindings == (Binding(ip="192.0.2.4", mac=mac), Binding(ip="2001:db8::4", mac=mac))


def test_a_bridge_is_named() -> None:
    interfaces = {"services": ["port1"], "access_points": ["port2"], "bridge": "br0"}
    document = GatewayDocument.model_validate(plain_settings(topology="bridge", interfaces=interfaces))
    assert firewall_plan(document, InventoryDocument()).bridge == "br0"
    assert firewall_plan(GatewayDocument.model_validate(plain_settings()), InventoryDocument()).bridge is None


def test_peers_are_never_dropped_and_bound_to_their_link_address() -> None:
    peer = {"agent": "agent3", "ipv4": "10.77.1.31", "ipv6": "fd77:1::31", "mac": "02:00:5e:00:53:31"}
    plan = firewall_plan(GatewayDocument.model_validate(plain_settings(peers=[peer])), InventoryDocument())
    assert plan.bindings == (
        Binding(ip="10.77.1.31", mac="02:00:5e:00:53:31"),
        Binding(ip="fd77:1::31", mac="02:00:5e:00:53:31"),
    )
    assert plan.protection_of("10.77.1.31") is not None
    assert plan.protection_of("fd77:1::31") is not None


def test_access_points_on_this_machine_are_reached_by_the_owner_of_the_state_alone(tmp_path: Path) -> None:
    points = [plain_point(ipv4="10.77.1.1"), plain_point(agent="agent2", ipv4="10.77.1.2", listen_port=9102)]
    settings = plain_settings(
        topology="host", interfaces=None, access_points=points, state_directory=str(tmp_path), policy="policy.yaml"
    )
    plan = firewall_plan(GatewayDocument.model_validate(settings), InventoryDocument())
    assert plan.gateway_user == tmp_path.stat().st_uid
    assert (plan.service_interfaces, plan.access_interfaces, plan.bridge) == ((), (), None)
    assert [redirect.address for redirect in plan.redirects] == ["10.77.1.1", "10.77.1.2"]
    assert firewall_plan(GatewayDocument.model_validate(plain_settings()), InventoryDocument()).gateway_user is None


@pytest.mark.parametrize(
    ("ports", "called"),
    [((8081, 8082), ("10.77.1.1", "127.0.0.1")), ((8081, 8081), ("10.77.1.1",))],
    ids=["a port of its own", "a port that two have"],
)
def test_the_loopback_stands_for_the_one_access_point_on_its_port(
    ports: tuple[int, int], called: tuple[str, ...]
) -> None:
    points = [
        plain_point(agent=f"agent{n}", ipv4=f"10.77.1.{n}", port=port, listen_port=9100 + n)
        for n, port in enumerate(ports, start=1)
    ]
    document = GatewayDocument.model_validate(plain_settings(topology="host", interfaces=None, access_points=points))
    assert called_at(document, document.access_points[0]) == called
    assert firewall_plan(document, InventoryDocument()).access_points[0].addresses == called


def test_the_kernel_knows_where_every_caller_has_to_show_a_certificate() -> None:
    pair = {"certificate": "own.pem", "key": "own.key"}
    devices = [
        plain_point(
            agent=f"device{number}",
            port=443 + number,
            listen_port=9102 + number,
            tls="server",
            decoder={"mapping": "x.yaml"},
            towards_services={**pair, "client_ca": "ca.pem", "client_certificates": wanted},
            towards_access_point={"fingerprint": f"sha256:{'00' * 32}"},
        )
        for number, wanted in enumerate(("optional", "required"))
    ]
    document = GatewayDocument.model_validate(plain_settings(access_points=[plain_point(), *devices]))
    plan = firewall_plan(document, InventoryDocument())
    assert [point.certificates for point in plan.access_points] == [False, False, True]
