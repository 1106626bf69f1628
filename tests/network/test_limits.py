"""Floods of single senders, real ones but short, and what others notice of them."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import msgspec
import pytest

from proxy.firewall import limits
from proxy.firewall.netlink import PacketFilter
from proxy.firewall.plan import Plan, SenderLimits
from proxy.firewall.structure import read_generation
from tests.network.gateway import CALLED, FAMILIES, PLAN, Gateway
from tests.network.namespaces import Host, Topology
from tests.network.peers import BRIEF, EchoServer, echoes, reaches
from tests.waiting import eventually

WIDE = SenderLimits(packets_per_second=100_000, new_connections_per_second=10_000, connections=10_000)


def limited(**changes: int) -> Plan:
    """The plan with narrow limits of one kind, and wide ones of the others."""
    return msgspec.structs.replace(PLAN, limits=msgspec.structs.replace(WIDE, **changes))


def flood(host: Host, address: str, source: str, packets: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with host.socket(family, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        for _ in range(packets):
            sender.sendto(b"x", (address, CALLED))


def opened(host: Host, address: str, source: str, attempts: int, least: int) -> int:
    """Return how many of some connections come about that are begun at once, once there are `least`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ExitStack() as stack:
        begun = [stack.enter_context(host.socket(family)) for _ in range(attempts)]
        for connection in begun:
            connection.bind((source, 0))
            connection.setblocking(False)
            connection.connect_ex((address, CALLED))
        eventually(lambda: sum(connected(connection) for connection in begun) >= least)
        time.sleep(BRIEF)
        return sum(connected(connection) for connection in begun)


def connected(connection: socket.socket) -> bool:
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


@FAMILIES
def test_a_flood_of_packets_is_stopped_and_no_one_else_notices(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    other = topology.attach("other", ["10.77.1.200"], ["fd77:1::200"])
    rate = 10
    gateway.install(plan=limited(packets_per_second=rate))
    begun = time.monotonic()
    with EchoServer(topology.gateway, listener, 9001):
        flood(topology.lan, access, service, 1000)
        assert not reaches(topology.lan, access, CALLED, source=service, timeout=0.05)
        assert reaches(other, access, CALLED)
        dropped = gateway.counters()["too_many_packets"].packets
        let_through = rate * (limits.BURST_SECONDS + time.monotonic() - begun)
        assert 1000 - let_through - 1 < dropped < 1000
        assert reaches(topology.lan, access, CALLED, source=service), "served again when it is over"


def test_a_device_has_one_limit_for_all_its_ipv6_addresses(topology: Topology, gateway: Gateway) -> None:
    gateway.install(plan=limited(packets_per_second=10))
    with EchoServer(topology.gateway, "fd77:1::1", 9001):
        for index in range(10):
            flood(topology.lan, "fd77:2::11", topology.service_ipv6(index), 100)
        assert not reaches(topology.lan, "fd77:2::11", CALLED, source=topology.service_ipv6(15), timeout=0.05)


@FAMILIES
def test_a_flood_at_the_listeners_themselves_counts_as_well(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    rate = 10
    gateway.install(plan=limited(packets_per_second=rate))
    begun = time.monotonic()
    for _ in range(200):
        with topology.lan.socket(socket.AF_INET6 if ":" in access else socket.AF_INET) as connection:
            connection.bind((service, 0))
            connection.setblocking(False)
            connection.connect_ex((listener, 9001))
    let_through = rate * (limits.BURST_SECONDS + time.monotonic() - begun)
    assert gateway.counters()["too_many_packets"].packets > 200 - let_through - 1


@FAMILIES
def test_a_flood_of_connections_is_stopped_and_no_one_else_notices(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    other = topology.attach("other", ["10.77.1.200"], ["fd77:1::200"])
    rate = 5
    gateway.install(plan=limited(new_connections_per_second=rate))
    with EchoServer(topology.gateway, listener, 9001):
        begun = time.monotonic()
        burst = rate * limits.BURST_SECONDS
        came_about = opened(topology.lan, access, service, 60, burst)
        assert burst <= came_about <= burst + rate * (time.monotonic() - begun) + 1
        assert reaches(other, access, CALLED)
    assert gateway.counters()["too_many_connections"].packets >= 60 - came_about


@FAMILIES
def test_connections_beyond_the_limit_are_refused_until_others_end(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    other = topology.attach("other", ["10.77.1.200"], ["fd77:1::200"])
    gateway.install(plan=limited(connections=3))
    with topology.gateway.listen(listener, 9001) as proxy, ExitStack() as stack:
        held = []
        for _ in range(3):
            held.append(stack.enter_context(topology.lan.connect(access, CALLED, source=service)))
            held.append(stack.enter_context(proxy.accept()[0]))
        refused: list[ConnectionRefusedError] = []

        def comes_in() -> bool:
            try:
                topology.lan.connect(access, CALLED, source=service).close()
            except ConnectionRefusedError as refusal:
                refused.append(refusal)
                return False
            return True

        assert not comes_in()
        other.connect(access, CALLED).close()
        for connection in held[:2]:
            connection.close()
        eventually(comes_in)
    assert gateway.counters()["too_many_connections"].packets == len(refused)


def test_senders_leave_the_set_of_connections_with_their_last(topology: Topology, gateway: Gateway) -> None:
    gateway.install(plan=limited())
    with (
        EchoServer(topology.gateway, "10.77.1.1", 9001),
        topology.lan.connect("10.77.2.11", CALLED, source="10.77.1.10") as connection,
    ):
        assert echoes(connection)
        assert "10.77.1.10" in held_in(topology, "connections4")
    eventually(lambda: "10.77.1.10" not in held_in(topology, "connections4"))


def held_in(topology: Topology, name: str) -> str:
    return topology.gateway.run(["nft", "list", "set", "inet", "alleyes", name]).stdout


def test_what_packets_put_into_sets_does_not_look_like_a_change_of_the_rules(
    topology: Topology, gateway: Gateway
) -> None:
    """Otherwise the table would be looked at as a whole with every look, for as long as anybody calls."""
    gateway.install()
    with topology.gateway.entered():
        kernel = PacketFilter()
    before = read_generation(kernel)
    with EchoServer(topology.gateway, "10.77.1.1", 9001):
        assert reaches(topology.lan, "10.77.2.11", CALLED)
    assert "10.77.1.10" in held_in(topology, "packets4")
    assert "10.77.1.10" in held_in(topology, "new_connections4")
    assert read_generation(kernel) == before


def test_whom_the_sets_have_no_room_for_share_one_limit(
    topology: Topology, patchable_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of invented senders fills the sets: known senders keep their place, and the flood is stopped."""
    monkeypatch.setattr(limits, "SET_SIZE", 2)
    rate = 100
    patchable_gateway.install(plan=limited(packets_per_second=rate))
    known, *invented = [topology.service_ipv4(index) for index in range(20)]
    with EchoServer(topology.gateway, "10.77.1.1", 9001):
        assert reaches(topology.lan, "10.77.2.11", CALLED, source=known)
        begun = time.monotonic()
        for source in invented:
            flood(topology.lan, "10.77.2.11", source, 100)
        assert reaches(topology.lan, "10.77.2.11", CALLED, source=known)
        counters = patchable_gateway.counters()
        # All but the first of them, who took the last place.
        let_through = rate * (limits.BURST_SECONDS + time.monotonic() - begun)
        assert counters["no_room"].packets > 100 * (len(invented) - 1) - let_through - 1
        assert reaches(topology.lan, "10.77.2.11", CALLED, source=invented[-1]), "a newcomer is not shut out"


def test_who_is_in_quarantine_takes_no_room(topology: Topology, gateway: Gateway) -> None:
    gateway.install(plan=limited(packets_per_second=10))
    gateway.quarantine("10.77.1.10")
    flood(topology.lan, "10.77.2.11", "10.77.1.10", 100)
    assert gateway.counters()["too_many_packets"].packets == 0
    assert "10.77.1.10" not in held_in(topology, "packets4")


@FAMILIES
def test_a_host_with_many_busy_services_never_meets_the_shipped_limits(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    """Sixty services behind one address, all started at once, each with three connections and some calls."""
    gateway.install()
    with EchoServer(topology.gateway, listener, 9001), ExitStack() as stack:
        connections = [stack.enter_context(topology.lan.connect(access, CALLED, source=service)) for _ in range(180)]
        assert all(echoes(connection) for _ in range(5) for connection in connections)
    counters = gateway.counters()
    assert {counters[name].packets for name in ("too_many_packets", "too_many_connections", "no_room")} == {0}
