"""Access points on the gateway's own machine, seen by packets from outside and from the machine itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import msgspec
import pytest

from proxy.firewall.commands import Alive, Uninstall
from proxy.firewall.nftables import ProtectedAddressError
from proxy.firewall.plan import AccessPoint, Plan
from tests.network.gateway import CALLED, Gateway
from tests.network.namespaces import Connection, Host, Topology
from tests.network.peers import BRIEF, PATIENCE, EchoServer, datagram_reaches, echoes, reaches
from tests.network.users import SOMEBODY, acting_as

LISTENER_PORT = 9001
OWN_IPV4, OWN_IPV6 = Topology.GATEWAY_IPV4, Topology.GATEWAY_IPV6
UNDECLARED = {OWN_IPV4: Topology.GATEWAY_ACCESS_IPV4, OWN_IPV6: Topology.GATEWAY_ACCESS_IPV6}
PLAN = Plan(
    access_points=(
        AccessPoint(
            name="agent1",
            ipv4=OWN_IPV4,
            ipv6=OWN_IPV6,
            port=CALLED,
            listener_ipv4=OWN_IPV4,
            listener_ipv6=OWN_IPV6,
            listener_port=LISTENER_PORT,
            loopback=True,
        ),
    ),
    gateway_user=SOMEBODY,
)
FAMILIES = pytest.mark.parametrize(
    ("own", "loopback", "service"),
    [(OWN_IPV4, "127.0.0.1", "10.77.1.10"), (OWN_IPV6, "::1", "fd77:1::10")],
    ids=["IPv4", "IPv6"],
)


@pytest.fixture
def point(topology: Topology, own: str) -> Iterator[EchoServer]:
    """An access point that listens on all addresses of the machine."""
    with EchoServer(topology.gateway, "::" if ":" in own else "0.0.0.0", CALLED) as server:
        yield server


@pytest.fixture
def proxy(topology: Topology, own: str) -> Iterator[EchoServer]:
    with EchoServer(topology.gateway, own, LISTENER_PORT) as server:
        yield server


def is_reset(connection: Connection) -> bool:
    """Whether the other side resets a connection once something is sent on it."""
    connection.settimeout(PATIENCE)
    connection.sendall(b"x")
    try:
        connection.recv(1)
    except ConnectionResetError:
        return True
    except TimeoutError:
        pass
    return False


def as_the_gateway(host: Host, address: str) -> bool:
    with acting_as(SOMEBODY):
        return reaches(host, address, CALLED)


@FAMILIES
def test_calls_from_outside_and_from_here_reach_the_listener(
    topology: Topology, gateway: Gateway, point: EchoServer, proxy: EchoServer, own: str, loopback: str, service: str
) -> None:
    gateway.install(plan=PLAN)
    assert reaches(topology.lan, own, CALLED, source=service)
    assert reaches(topology.gateway, own, CALLED)
    assert reaches(topology.gateway, loopback, CALLED)
    assert proxy.accepted == [(service, (own, CALLED)), (own, (own, CALLED)), (loopback, (loopback, CALLED))]
    assert point.accepted == []
    assert gateway.changes() == ()


@FAMILIES
def test_the_gateway_s_own_calls_reach_the_access_point(
    topology: Topology, gateway: Gateway, point: EchoServer, proxy: EchoServer, own: str, loopback: str, service: str
) -> None:
    gateway.install(plan=PLAN)
    assert as_the_gateway(topology.gateway, own)
    assert as_the_gateway(topology.gateway, loopback)
    assert [peer for peer, _ in point.accepted] == [own, loopback]
    assert proxy.accepted == []
    with acting_as(SOMEBODY):
        connection = topology.gateway.connect(own, CALLED)
    with connection:
        gateway.install(plan=PLAN)
        assert echoes(connection), "a table that is put in place again cuts nothing"


@FAMILIES
def test_nobody_inherits_a_connection_of_the_gateway_s(
    topology: Topology, gateway: Gateway, point: EchoServer, proxy: EchoServer, own: str, loopback: str, service: str
) -> None:
    """The kernel keeps track of one that the access point reset for seconds; a SYN of the same ends belongs to it."""
    gateway.install(plan=PLAN)
    with acting_as(SOMEBODY):
        connection = topology.gateway.connect(own, CALLED)
    with connection:
        assert echoes(connection)
        ends = connection.getsockname()
        point.abort()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with topology.gateway.socket(connection.family) as thief:
        thief.settimeout(0.5)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(ends)
        with suppress(OSError):
            thief.connect((own, CALLED))
            thief.sendall(b"unjudged")
            thief.recv(8)
    assert len(point.accepted) == 1


@FAMILIES
def test_there_is_no_way_round(
    topology: Topology, gateway: Gateway, point: EchoServer, proxy: EchoServer, own: str, loopback: str, service: str
) -> None:
    gateway.install(plan=PLAN)
    for host in (topology.lan, topology.gateway):
        for address, port in ((own, LISTENER_PORT), (UNDECLARED[own], CALLED)):
            with pytest.raises(ConnectionRefusedError):
                host.connect(address, port)
        assert not datagram_reaches(host, topology.gateway, own, CALLED, timeout=BRIEF)
    with acting_as(SOMEBODY), pytest.raises(ConnectionRefusedError):
        topology.gateway.connect(own, LISTENER_PORT)
    assert point.accepted == []
    assert proxy.accepted == []
    counters = gateway.counters()
    assert counters["direct"].packets >= 3
    assert counters["bypass"].packets >= 4


@FAMILIES
def test_what_was_open_before_is_cut(
    topology: Topology, gateway: Gateway, point: EchoServer, own: str, loopback: str, service: str
) -> None:
    with topology.lan.connect(own, CALLED) as outside, topology.gateway.connect(own, CALLED) as here:
        assert echoes(outside)
        assert echoes(here)
        before = point.received
        gateway.install(plan=PLAN)
        for connection in (outside, here):
            assert is_reset(connection)
        assert point.received == before


@FAMILIES
def test_answers_of_what_was_open_before_stay_here(
    topology: Topology, gateway: Gateway, point: EchoServer, own: str, loopback: str, service: str
) -> None:
    with topology.lan.connect(own, CALLED) as outside:
        assert echoes(outside)
        gateway.install(plan=PLAN)
        point.send(b"news")
        outside.settimeout(0.3)
        with pytest.raises(TimeoutError):
            outside.recv(1)


@FAMILIES
def test_other_traffic_of_the_machine_flows(
    topology: Topology, gateway: Gateway, own: str, loopback: str, service: str
) -> None:
    gateway.install(plan=PLAN)
    with EchoServer(topology.gateway, own, 8080), EchoServer(topology.lan, service, CALLED) as other:
        assert reaches(topology.lan, own, 8080)
        assert reaches(topology.gateway, own, 8080)
        assert reaches(topology.gateway, service, CALLED), "another agent, elsewhere"
        assert len(other.accepted) == 1


@FAMILIES
def test_without_the_gateway_nothing_passes(
    topology: Topology, gateway: Gateway, point: EchoServer, own: str, loopback: str, service: str
) -> None:
    gateway.install(plan=PLAN)
    for host, address in ((topology.lan, own), (topology.gateway, own), (topology.gateway, loopback)):
        # Refused; IPv6 has no way back to the loopback for a refusal.
        with pytest.raises(OSError, match=r"refused|timed out"):
            host.connect(address, CALLED, timeout=0.3)
    assert point.accepted == []
    gateway.do(Uninstall())
    assert reaches(topology.lan, own, CALLED)
    assert reaches(topology.gateway, loopback, CALLED)


@FAMILIES
def test_in_fail_mode_open_calls_pass_while_nobody_judges_them(
    topology: Topology, gateway: Gateway, point: EchoServer, proxy: EchoServer, own: str, loopback: str, service: str
) -> None:
    gateway.install(plan=msgspec.structs.replace(PLAN, fail_mode="open"))
    with topology.lan.connect(own, CALLED) as outside, topology.gateway.connect(loopback, CALLED) as here:
        assert echoes(outside)
        assert echoes(here)
        assert proxy.accepted == []
        assert gateway.counters()["unjudged"].packets >= 4
        gateway.do(Alive((0,)))
        for connection in (outside, here):
            assert is_reset(connection)
    assert reaches(topology.lan, own, CALLED)
    assert reaches(topology.gateway, loopback, CALLED)
    assert len(proxy.accepted) == 2
    assert as_the_gateway(topology.gateway, own)
    with pytest.raises(ConnectionRefusedError):
        topology.gateway.connect(UNDECLARED[own], CALLED)


@FAMILIES
def test_quarantine_is_for_others_only(
    topology: Topology, gateway: Gateway, point: EchoServer, proxy: EchoServer, own: str, loopback: str, service: str
) -> None:
    gateway.install(plan=PLAN)
    gateway.quarantine(service)
    assert not reaches(topology.lan, own, CALLED, source=service, timeout=BRIEF)
    assert reaches(topology.gateway, own, CALLED)
    for address in (own, loopback, UNDECLARED[own]):
        with pytest.raises(ProtectedAddressError):
            gateway.quarantine(address)


@FAMILIES
def test_nobody_outside_has_an_address_of_the_machine(
    topology: Topology, gateway: Gateway, proxy: EchoServer, own: str, loopback: str, service: str
) -> None:
    gateway.install(plan=PLAN)
    assert reaches(topology.lan, own, CALLED, source=service), "its link address is known from now on"
    stolen = UNDECLARED[own]
    topology.lan.add_addresses("eth0", [f"{stolen}/{128 if ':' in own else 32}"])
    assert not datagram_reaches(topology.lan, topology.gateway, own, 5683, source=stolen, timeout=BRIEF)
    assert not reaches(topology.lan, own, CALLED, source=stolen, timeout=BRIEF)
    assert [peer for peer, _ in proxy.accepted] == [service]
    assert gateway.counters()["spoofed"].packets >= 2


@FAMILIES
def test_of_root_there_are_many_programs_and_none_is_believed(
    topology: Topology, gateway: Gateway, point: EchoServer, proxy: EchoServer, own: str, loopback: str, service: str
) -> None:
    gateway.install(plan=msgspec.structs.replace(PLAN, gateway_user=0))
    assert reaches(topology.gateway, own, CALLED)
    assert point.accepted == []
    assert len(proxy.accepted) == 1
