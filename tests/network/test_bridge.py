"""The gateway as a transparent bridge, seen by packets: nothing of it needs a route or another address."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from proxy.firewall.commands import Uninstall
from proxy.firewall.neighbours import read_neighbours
from proxy.firewall.plan import Binding
from tests.network import bridged
from tests.network.bridged import PLAN, BridgedSite
from tests.network.gateway import CALLED, Gateway
from tests.network.peers import BRIEF, PATIENCE, EchoServer, datagram_reaches, echoes, pings, reaches

FAMILIES = pytest.mark.parametrize(
    ("access", "listener", "service", "other", "undeclared"),
    [
        (bridged.ACCESS_IPV4, bridged.GATEWAY_IPV4, "10.77.1.10", bridged.OTHER_IPV4, bridged.UNDECLARED_IPV4),
        (bridged.ACCESS_IPV6, bridged.GATEWAY_IPV6, "fd77:1::10", bridged.OTHER_IPV6, bridged.UNDECLARED_IPV6),
    ],
    ids=["IPv4", "IPv6"],
)


@pytest.fixture
def site(isolated: None) -> Iterator[BridgedSite]:
    with BridgedSite() as site:
        yield site


@pytest.fixture
def gateway(site: BridgedSite) -> Iterator[Gateway]:
    gateway = Gateway(site.gateway)
    yield gateway
    gateway.helper.close()


@FAMILIES
def test_calls_between_ports_reach_the_listener(
    site: BridgedSite, gateway: Gateway, access: str, listener: str, service: str, other: str, undeclared: str
) -> None:
    with EchoServer(site.access, access, CALLED) as point, EchoServer(site.gateway, listener, 9001) as proxy:
        assert reaches(site.lan, access, CALLED, source=service)
        assert len(point.accepted) == 1
        gateway.install(plan=PLAN)
        assert reaches(site.lan, access, CALLED, source=service)
        assert reaches(site.other, access, CALLED)
        assert proxy.accepted == [(service, (access, CALLED)), (other, (access, CALLED))]
        assert len(point.accepted) == 1
        assert reaches(site.gateway, access, CALLED), "the proxy itself calls the access point"
        assert len(point.accepted) == 2
    with pytest.raises(ConnectionRefusedError):
        site.lan.connect(access, CALLED, source=service)
    assert gateway.changes() == ()


@FAMILIES
def test_nothing_else_crosses_to_the_access_points(
    site: BridgedSite, gateway: Gateway, access: str, listener: str, service: str, other: str, undeclared: str
) -> None:
    with EchoServer(site.access, access, 8080), EchoServer(site.access, undeclared, CALLED):
        assert reaches(site.lan, access, 8080)
        assert reaches(site.lan, undeclared, CALLED)
        gateway.install(plan=PLAN)
        assert not reaches(site.lan, access, 8080, timeout=BRIEF)
        assert not reaches(site.lan, undeclared, CALLED, timeout=BRIEF)
        assert not datagram_reaches(site.lan, site.access, access, 5683, timeout=BRIEF)
        assert not pings(site.lan, access, timeout=BRIEF)
        assert gateway.counters()["bypass"].packets >= 4
        gateway.install(plan=msgspec.structs.replace(PLAN, reachable=(undeclared,)))
        assert reaches(site.lan, undeclared, CALLED)
        assert not reaches(site.lan, access, 8080, timeout=BRIEF)


@FAMILIES
def test_other_traffic_of_the_bridge_flows(
    site: BridgedSite, gateway: Gateway, access: str, listener: str, service: str, other: str, undeclared: str
) -> None:
    gateway.install(plan=PLAN)
    with EchoServer(site.lan, service, 8080) as callback:
        assert reaches(site.other, service, 8080)
        assert reaches(site.access, service, 8080, source=access)
        assert reaches(site.gateway, service, 8080)
        assert [peer for peer, _ in callback.accepted] == [other, access, listener]
    assert datagram_reaches(site.access, site.lan, service, 5683)
    assert pings(site.access, service)
    assert pings(site.lan, listener)
    for host in (site.lan, site.access, site.other):
        host.ip("neighbour", "flush", "all")
    assert pings(site.access, service), "neighbours still find each other"


@FAMILIES
def test_quarantine_cuts_on_the_bridge(
    site: BridgedSite, gateway: Gateway, access: str, listener: str, service: str, other: str, undeclared: str
) -> None:
    gateway.install(plan=PLAN)
    with EchoServer(site.gateway, listener, 9001), EchoServer(site.other, other, 8080):
        with site.lan.connect(access, CALLED, source=service) as offender:
            assert echoes(offender)
            gateway.quarantine(service, mac=site.lan.mac("eth0"))
            assert not echoes(offender, timeout=0.3)
        assert not reaches(site.lan, access, CALLED, source=service, timeout=BRIEF)
        assert not reaches(site.lan, other, 8080, source=service, timeout=BRIEF), "between services as well"
        # Of IPv6 a device has all addresses of its /64.
        spared = ":" not in service
        patience = PATIENCE if spared else BRIEF
        assert reaches(site.lan, access, CALLED, source=f"{service[:-2]}11", timeout=patience) is spared
        assert reaches(site.other, access, CALLED, source=other), "another device"


@FAMILIES
def test_without_br_netfilter_nothing_crosses_unjudged(
    site: BridgedSite, gateway: Gateway, access: str, listener: str, service: str, other: str, undeclared: str
) -> None:
    """Somebody may switch it off, or load the module anew; then the rules of the family inet see no bridged packet."""
    gateway.install(plan=PLAN)
    site.filtering(on=False)
    with EchoServer(site.access, access, CALLED) as point:
        assert not reaches(site.lan, access, CALLED, source=service, timeout=BRIEF)
        assert not reaches(site.lan, access, CALLED, source=service, timeout=BRIEF)
        assert point.accepted == []
    assert gateway.counters()["bypass"].packets >= 1


@FAMILIES
def test_a_service_does_not_go_round_by_the_gateway_s_own_routes(
    site: BridgedSite, gateway: Gateway, access: str, listener: str, service: str, other: str, undeclared: str
) -> None:
    site.gateway.forwarding(on=True)
    target = f"{undeclared}/{128 if ':' in undeclared else 32}"
    site.lan.ip("route", "add", target, "via", listener)
    # Otherwise the answer, which takes the direct way, decides.
    assert datagram_reaches(site.lan, site.access, undeclared, 5683, source=service)
    gateway.install(plan=PLAN)
    assert not datagram_reaches(site.lan, site.access, undeclared, 5683, source=service, timeout=BRIEF)
    assert gateway.counters()["bypass"].packets >= 1


@FAMILIES
def test_a_service_cannot_take_an_access_point_s_place(
    site: BridgedSite, gateway: Gateway, access: str, listener: str, service: str, other: str, undeclared: str
) -> None:
    """The gateway asks for the access point's link address; a service that has the same address answers as well."""
    gateway.install(plan=PLAN)
    site.access.ip("addr", "del", f"{access}/{64 if ':' in access else 24}", "dev", "eth0")
    site.lan.add_addresses("eth0", [f"{access}/{128 if ':' in access else 32}"])
    with EchoServer(site.lan, access, CALLED) as impostor:
        assert not reaches(site.gateway, access, CALLED, timeout=BRIEF)
        assert impostor.accepted == []
        with site.gateway.entered():
            assert access not in read_neighbours()
    assert gateway.counters()["spoofed"].packets >= 1


@FAMILIES
def test_forged_senders_and_fail_mode_open_on_the_bridge(
    site: BridgedSite, gateway: Gateway, access: str, listener: str, service: str, other: str, undeclared: str
) -> None:
    mac = site.lan.mac("eth0")
    gateway.install(
        plan=msgspec.structs.replace(
            PLAN, fail_mode="open", bindings=(Binding(ip=service, mac=mac), Binding(ip=other, mac=mac))
        )
    )
    with EchoServer(site.access, access, CALLED) as point:
        assert reaches(site.lan, access, CALLED, source=service)
        assert not reaches(site.other, access, CALLED, source=other, timeout=BRIEF)
        assert [peer for peer, _ in point.accepted] == [service]
    counters = gateway.counters()
    assert counters["unjudged"].packets > 0
    assert counters["forged_sender"].packets > 0


def test_both_tables_are_watched_and_removed(site: BridgedSite, gateway: Gateway) -> None:
    before = gateway.ruleset()
    gateway.install(plan=PLAN)
    assert gateway.changes() == ()
    site.gateway.run(["nft", "flush", "chain", "bridge", "alleyes", "guard_crossings"])
    assert gateway.changes() == ("rules",)
    gateway.install(plan=PLAN)
    assert gateway.changes() == ()
    gateway.install(plan=msgspec.structs.replace(PLAN, bridge=None))
    assert "table bridge" not in gateway.ruleset()
    gateway.install(plan=PLAN)
    gateway.do(Uninstall())
    assert gateway.ruleset() == before
