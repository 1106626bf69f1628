"""Senders with somebody else's address, seen by frames."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from proxy.firewall.neighbours import read_neighbours
from proxy.firewall.plan import Binding, Plan
from tests.network.gateway import CALLED, FAMILIES, PLAN, Gateway
from tests.network.namespaces import Host, Topology
from tests.network.peers import BRIEF, EchoServer, datagram_reaches, pings, reaches


def binding(*senders: tuple[str, str]) -> Plan:
    """The plan with these pairs of network and link address."""
    return msgspec.structs.replace(PLAN, bindings=tuple(Binding(ip=ip, mac=mac) for ip, mac in senders))


def intruder(topology: Topology, addresses: Sequence[str]) -> Host:
    """A host that knows the gateway's link address and takes further addresses without telling anybody."""
    host = topology.attach("intruder", ["10.77.1.200"], ["fd77:1::200"])
    assert pings(host, Topology.GATEWAY_IPV4)
    assert pings(host, Topology.GATEWAY_IPV6)
    host.add_addresses("eth0", [f"{address}/{128 if ':' in address else 32}" for address in addresses])
    return host


@FAMILIES
def test_a_bound_sender_is_heard_with_its_own_link_address_only(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    forger = intruder(topology, [service])
    gateway.install()
    assert datagram_reaches(forger, topology.gateway, listener, 5683, source=service)
    gateway.install(plan=binding((service, topology.lan.mac("eth0"))))
    with EchoServer(topology.gateway, listener, 9001) as proxy:
        assert not datagram_reaches(forger, topology.gateway, listener, 5683, source=service, timeout=BRIEF)
        assert not reaches(forger, access, CALLED, source=service, timeout=BRIEF)
        assert proxy.accepted == []
        assert gateway.counters()["forged_sender"].packets >= 2
        assert reaches(topology.lan, access, CALLED, source=service)
        own = "fd77:1::200" if ":" in service else "10.77.1.200"
        assert reaches(forger, access, CALLED, source=own), "with its own address it is not forged"


def test_a_forged_neighbour_does_not_take_the_place_of_a_bound_one(topology: Topology, gateway: Gateway) -> None:
    """IPv6 neighbour discovery is held to the pairs as well, solicitations included."""
    service, mac = "fd77:1::10", topology.lan.mac("eth0")
    forger = intruder(topology, [service])
    gateway.install(plan=binding((service, mac)))
    with EchoServer(topology.gateway, "fd77:1::1", 9001):
        assert reaches(topology.lan, "fd77:2::11", CALLED, source=service)
        forger.ip("neighbour", "flush", "all")
        assert not datagram_reaches(forger, topology.gateway, "fd77:1::1", 5683, source=service, timeout=BRIEF)
        with topology.gateway.entered():
            assert read_neighbours()[service] == mac
        assert reaches(topology.lan, "fd77:2::11", CALLED, source=service)


def test_services_behind_a_router_share_its_link_address(topology: Topology, gateway: Gateway) -> None:
    router = topology.attach("router", ["10.77.1.200"], mac="02:00:00:00:02:00")
    behind = ["10.77.3.10", "10.77.3.11"]
    router.add_addresses("lo", [f"{address}/32" for address in behind])
    topology.gateway.ip("route", "add", "10.77.3.0/24", "via", "10.77.1.200")
    gateway.install(plan=binding(*((address, "02:00:00:00:02:00") for address in behind)))
    topology.lan.add_addresses("eth0", ["10.77.3.10/32"])
    with EchoServer(topology.gateway, "10.77.1.1", 9001):
        assert all(reaches(router, "10.77.2.11", CALLED, source=address) for address in behind)
        assert not datagram_reaches(
            topology.lan, topology.gateway, "10.77.1.1", 5683, source="10.77.3.10", timeout=BRIEF
        )


@pytest.mark.parametrize("change", ["add element", "delete element"])
def test_nobody_changes_the_pairs_unnoticed(topology: Topology, gateway: Gateway, change: str) -> None:
    gateway.install(plan=binding(("10.77.1.10", "02:00:00:00:00:01")))
    element = "02:00:00:00:00:02 . 10.77.1.10" if change.startswith("add") else "02:00:00:00:00:01 . 10.77.1.10"
    text = f"{change} inet alleyes bound_link4 {{ {element} }}"
    assert topology.gateway.run(["nft", text], check=False).returncode != 0
