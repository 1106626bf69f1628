"""A quarantined address gets a glance at the listeners: a few handshakes, and nothing of what was open before."""

from __future__ import annotations

import time

import msgspec
import pytest

from proxy.firewall import glimpses
from proxy.firewall.commands import Alive
from tests.network.gateway import CALLED, FAMILIES, PLAN, Gateway
from tests.network.namespaces import Topology
from tests.network.peers import BRIEF, EchoServer, echoes, reaches

ASKING = msgspec.structs.replace(
    PLAN, access_points=tuple(msgspec.structs.replace(each, certificates=True) for each in PLAN.access_points)
)


@FAMILIES
@pytest.mark.parametrize("on_the_link", [True, False], ids=["by link address", "by address"])
def test_a_few_new_connections_come_in_and_old_ones_stay_cut(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str, on_the_link: bool
) -> None:
    gateway.install(plan=ASKING)
    with EchoServer(topology.gateway, listener, 9001):
        with topology.lan.connect(access, CALLED, source=service) as before:
            assert echoes(before)
            gateway.quarantine(service, mac=topology.lan.mac("eth0") if on_the_link else None)
            assert not echoes(before, timeout=BRIEF)
            begun = time.monotonic()
            came_in = sum(reaches(topology.lan, access, CALLED, source=service, timeout=BRIEF) for _ in range(8))
            more_by_now = glimpses.A_MINUTE * (time.monotonic() - begun) / 60
            assert 1 <= came_in <= glimpses.AT_ONCE + more_by_now + 1
            assert not echoes(before, timeout=BRIEF)
        assert gateway.counters()["glimpsed"].packets >= came_in
        assert not reaches(topology.lan, access, 22, source=service, timeout=BRIEF)
    assert gateway.changes() == ()


def test_a_connection_that_was_let_in_is_cut_after_seconds(
    topology: Topology, patchable_gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glimpses, "SECONDS", 1)
    patchable_gateway.install(plan=ASKING)
    patchable_gateway.quarantine("10.77.1.10")
    with (
        EchoServer(topology.gateway, "10.77.1.1", 9001),
        topology.lan.connect("10.77.2.11", CALLED, source="10.77.1.10") as let_in,
    ):
        assert echoes(let_in)
        time.sleep(1.2)
        assert not echoes(let_in, timeout=BRIEF)


def test_with_fail_mode_open_nobody_in_quarantine_is_let_in_while_nobody_looks(
    topology: Topology, gateway: Gateway
) -> None:
    gateway.install(plan=msgspec.structs.replace(ASKING, fail_mode="open"))
    gateway.quarantine("10.77.1.10")
    with EchoServer(topology.access, "10.77.2.11", CALLED) as access_point:
        for _ in range(3):
            assert not reaches(topology.lan, "10.77.2.11", CALLED, source="10.77.1.10", timeout=BRIEF)
        assert reaches(topology.lan, "10.77.2.11", CALLED, source="10.77.1.11")
        assert len(access_point.accepted) == 1
    with EchoServer(topology.gateway, "10.77.1.1", 9001):
        gateway.do(Alive((0,)))
        assert reaches(topology.lan, "10.77.2.11", CALLED, source="10.77.1.10")
