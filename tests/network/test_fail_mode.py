"""What passes while a worker is gone, seen by packets."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec
import pytest

from proxy.firewall import nftables, ruleset
from proxy.firewall.commands import Alive
from tests.network.gateway import CALLED, FAMILIES, Gateway
from tests.network.namespaces import Topology
from tests.network.peers import BRIEF, PATIENCE, EchoServer, datagram_reaches, echoes, pings, reaches
from tests.network.test_workers import PLAN as CLOSED

TIMEOUT = 2.0
"""Seconds after which these tests' workers count as gone."""
OPEN = msgspec.structs.replace(CLOSED, workers=2, fail_mode="open")


@pytest.fixture
def gateway(patchable_gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A gateway whose workers soon count as gone."""
    monkeypatch.setattr(ruleset, "ALIVE_SECONDS", TIMEOUT)
    monkeypatch.setattr(nftables, "ALIVE_SECONDS", TIMEOUT)
    return patchable_gateway


@contextmanager
def serving(topology: Topology, access: str, listener: str) -> Iterator[tuple[EchoServer, list[EchoServer]]]:
    """The access point, and the workers."""
    with ExitStack() as stack:
        point = stack.enter_context(EchoServer(topology.access, access, CALLED))
        ports = range(CLOSED.access_points[0].listener_port, CLOSED.access_points[0].listener_port + 2)
        yield point, [stack.enter_context(EchoServer(topology.gateway, listener, port)) for port in ports]


def one_of_each(topology: Topology, gateway: Gateway, access: str, servers: list[EchoServer]) -> tuple[str, str]:
    """Return a sender of worker 0 and one of worker 1, which both live meanwhile."""
    address = topology.service_ipv6 if ":" in access else topology.service_ipv4
    for index in range(20):
        gateway.do(Alive((0, 1)))
        assert reaches(topology.lan, access, CALLED, source=address(index))
        if all(server.accepted for server in servers):
            return servers[0].accepted[-1][0], servers[1].accepted[-1][0]
    pytest.fail("twenty senders have one worker")


@FAMILIES
def test_closed_stays_closed_when_the_workers_are_gone(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    gateway.install(plan=CLOSED)
    assert gateway.do(Alive((0, 1))).count == 0
    with EchoServer(topology.access, access, CALLED) as point:
        time.sleep(TIMEOUT * 1.1)
        with pytest.raises(ConnectionRefusedError):
            topology.lan.connect(access, CALLED, source=service)
        assert point.accepted == []
    assert gateway.counters()["unjudged"].packets == 0


@FAMILIES
def test_only_the_share_of_a_dead_worker_passes_and_is_judged_again(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    gateway.install(plan=OPEN)
    with serving(topology, access, listener) as (point, servers):
        bereft, served = one_of_each(topology, gateway, access, servers)
        assert point.accepted == []

        died = time.monotonic()
        while time.monotonic() - died < TIMEOUT * 1.1:
            gateway.do(Alive((1,)))
            time.sleep(TIMEOUT / 10)
        for server in servers:
            server.accepted.clear()
        assert gateway.changes() == (), "an element that is over is no change"
        for source in (bereft, served):
            assert reaches(topology.lan, access, CALLED, source=source)
        assert [peer for peer, _ in point.accepted] == [bereft]
        assert [[peer for peer, _ in server.accepted] for server in servers] == [[], [served]]
        assert gateway.counters()["unjudged"].packets > 0

        gateway.do(Alive((0, 1)))
        assert reaches(topology.lan, access, CALLED, source=bereft)
        assert [peer for peer, _ in servers[0].accepted] == [bereft]
        assert len(point.accepted) == 1


@FAMILIES
def test_what_passed_unjudged_ends_when_the_worker_is_back(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    """The service hears of it at once, whichever side speaks first, so that it calls anew and is judged."""
    gateway.install(plan=OPEN)
    with (
        topology.access.listen(access, CALLED) as point,
        topology.lan.connect(access, CALLED, source=service) as asking,
        topology.lan.connect(access, CALLED, source=service) as told,
    ):
        answering, telling = point.accept()[0], point.accept()[0]
        with answering, telling:
            gateway.do(Alive((0, 1)))
            asking.sendall(b"a call")
            with pytest.raises(ConnectionResetError):
                asking.recv(16)
            answering.settimeout(0.2)
            with pytest.raises(TimeoutError):
                answering.recv(16)
            gateway.do(Alive((0, 1)))
            telling.sendall(b"an event")
            told.settimeout(0.2)
            with pytest.raises(TimeoutError):
                told.recv(16)
            with pytest.raises(ConnectionResetError):
                telling.recv(16)


def test_a_retried_call_does_not_stay_between_the_ways(topology: Topology, gateway: Gateway) -> None:
    """A connection attempt that began unjudged at a mute access point is refused, not left waiting."""
    gateway.install(plan=OPEN)
    topology.access.run(["nft", "add table ip mute { chain c { type filter hook input priority 0; policy drop; }; }"])
    with topology.lan.socket() as retrying:
        retrying.settimeout(0.1)
        with pytest.raises(TimeoutError):
            retrying.connect(("10.77.2.11", CALLED))
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE:
            gateway.do(Alive((0, 1)))
            time.sleep(TIMEOUT / 10)
            if retrying.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return
    pytest.fail("still waiting")


@FAMILIES
def test_a_connection_let_pass_ends_with_fail_mode_closed(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    gateway.install(plan=OPEN)
    with (
        EchoServer(topology.access, access, CALLED),
        topology.lan.connect(access, CALLED, source=service) as passing,
    ):
        assert echoes(passing)
        gateway.install(plan=CLOSED)
        assert not echoes(passing, timeout=BRIEF)


@FAMILIES
def test_quarantine_holds_and_nothing_but_calls_passes_while_all_workers_are_gone(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    other = "fd77:1::11" if ":" in service else "10.77.1.11"
    with EchoServer(topology.access, access, CALLED), EchoServer(topology.access, access, 8080):
        gateway.install(plan=OPEN)
        gateway.quarantine(other)
        assert reaches(topology.lan, access, CALLED, source=service)
        assert not reaches(topology.lan, access, CALLED, source=other, timeout=BRIEF)
        assert not reaches(topology.lan, access, 8080, source=service, timeout=BRIEF)
        assert not datagram_reaches(topology.lan, topology.access, access, CALLED, source=service, timeout=BRIEF)
        assert not pings(topology.lan, access, timeout=BRIEF)


def test_installing_anew_does_not_disarm(topology: Topology, gateway: Gateway) -> None:
    with serving(topology, "10.77.2.11", "10.77.1.1") as (point, _):
        gateway.install(plan=OPEN)
        gateway.do(Alive((0, 1)))
        gateway.install(plan=OPEN)
        assert reaches(topology.lan, "10.77.2.11", CALLED)
        assert point.accepted == []
        time.sleep(TIMEOUT * 1.1)
        assert reaches(topology.lan, "10.77.2.11", CALLED)
        assert len(point.accepted) == 1, "nor does it prolong"
