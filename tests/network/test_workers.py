"""The kernel spreads senders over the workers, seen by packets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import msgspec
import pytest

from proxy.firewall.plan import AccessPoint, Plan
from tests.network.gateway import CALLED, Gateway
from tests.network.namespaces import Topology
from tests.network.peers import EchoServer, reaches

WORKERS = 3
SENDERS = 12
PLAN = Plan(
    access_points=tuple(
        AccessPoint(
            name=f"agent{number}",
            ipv4=f"10.77.2.1{number}",
            ipv6=f"fd77:2::1{number}",
            port=CALLED,
            listener_ipv4=Topology.GATEWAY_IPV4,
            listener_ipv6=Topology.GATEWAY_IPV6,
            listener_port=9000 + 10 * number,
        )
        for number in (1, 2)
    ),
    service_interfaces=(Topology.IOT_INTERFACE,),
    access_interfaces=(Topology.ACCESS_INTERFACE,),
    workers=WORKERS,
    seed=5,
)
FAMILIES = pytest.mark.parametrize(
    ("access", "listener", "first"),
    [(("10.77.2.11", "10.77.2.12"), "10.77.1.1", "10.77.1."), (("fd77:2::11", "fd77:2::12"), "fd77:1::1", "fd77:1::")],
    ids=["IPv4", "IPv6"],
)


@contextmanager
def workers(topology: Topology, listener: str) -> Iterator[list[EchoServer]]:
    """Serve on the first access point's ports and then on the second's, the first worker first."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(EchoServer(topology.gateway, listener, point.listener_port + worker))
            for point in PLAN.access_points
            for worker in range(WORKERS)
        ]


def shares(servers: Sequence[EchoServer]) -> list[set[str]]:
    """Return who came to each worker, of one access point, and forget it."""
    found = [{peer for peer, _ in server.accepted} for server in servers]
    for server in servers:
        server.accepted.clear()
    return found


@FAMILIES
def test_one_sender_has_one_worker_at_all_access_points(
    topology: Topology, gateway: Gateway, access: tuple[str, str], listener: str, first: str
) -> None:
    senders = [f"{first}{10 + number}" for number in range(SENDERS)]
    gateway.install(plan=PLAN)
    with workers(topology, listener) as servers:
        for sender in senders:
            for address in access:
                assert reaches(topology.lan, address, CALLED, source=sender)
        here, there = shares(servers[:WORKERS]), shares(servers[WORKERS:])
        assert here == there
        assert sorted(sender for share in here for sender in share) == sorted(senders), "each at one worker alone"
        assert all(here), "every worker has a share"

        gateway.install(plan=PLAN)
        for sender in senders:
            assert reaches(topology.lan, access[0], CALLED, source=sender)
        assert shares(servers[:WORKERS]) == here, "kept by the same seed"

        gateway.install(plan=msgspec.structs.replace(PLAN, seed=6))
        for sender in senders:
            assert reaches(topology.lan, access[0], CALLED, source=sender)
        assert shares(servers[:WORKERS]) != here


@FAMILIES
def test_no_worker_can_be_reached_directly(
    topology: Topology, gateway: Gateway, access: tuple[str, str], listener: str, first: str
) -> None:
    with workers(topology, listener) as servers:
        gateway.install(plan=PLAN)
        for point in PLAN.access_points:
            for port in range(point.listener_port, point.listener_port + WORKERS):
                with pytest.raises(ConnectionRefusedError):
                    topology.lan.connect(listener, port)
        assert not any(shares(servers))
    assert gateway.counters()["direct"].packets >= 2 * WORKERS
