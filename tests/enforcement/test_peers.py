"""An agent on the services' side calls for its services: they are judged, it is not shut out, and nobody else may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from proxy.supervisor.lookups import FIRST_PAUSE
from tests.enforcement.conftest import LEARN, Bench
from tests.enforcement.test_processes import in_kernel
from tests.network.namespaces import Topology
from tests.site.gateway_process import AGENT_PORT, Settings
from tests.site.knowledge_agent.agent import KnowledgeAgent
from tests.site.network import open_connection
from tests.site.vsl_client import Invocation, VslClient, VslError

LIGHT = "/agent1/lightcontrol1"
BATTERY = "/agent3/battery1"
PEER = 5
"""Which of the services' addresses the peer has."""


class Peer:
    """Agent `agent3` on the services' side, which calls agent1 through the gateway."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.address = bench.topology.service_ipv4(PEER)
        self.agent = KnowledgeAgent("agent3", bench.authority.agent("agent3"))
        self.agent.add_peer("agent1", self._connector(Topology.ACCESS_IPV4[0], self.address))

    def _connector(self, address: str, source: str) -> Callable[[], Awaitable[Any]]:
        make_socket = self._bench.topology.lan.socket
        return lambda: open_connection(address, AGENT_PORT, source=source, make_socket=make_socket)

    def start(self) -> None:
        listener = self._bench.topology.lan.listen(self.address, AGENT_PORT)
        self._bench.points.call(self.agent.serve([listener]))

    def stop(self) -> None:
        self._bench.points.call(self.agent.close())

    def service(self, name: str) -> VslClient:
        """A service of the peer's; the gateway sees nothing of what it says to it."""
        connect = self._connector(self.address, self._bench.topology.service_ipv4(6))
        return VslClient(connect, self._bench.authority.service(name).client_context(), timeout=20.0)


def settings(bench: Bench, peer: Peer) -> Settings:
    return bench.settings | {"peers": [{"agent": "agent3", "ipv4": peer.address, "port": AGENT_PORT}]}


def verdicts_of(bench: Bench, sender: str) -> list[Mapping[str, Any]]:
    return [v for v in bench.gateway.verdicts() if v["sender"]["address"] == sender]


def updates(agent: KnowledgeAgent) -> int:
    return sum("requestKorUpdate" in call.target for call in tuple(agent.calls))


async def test_calls_of_a_peer_s_services(bench: Bench) -> None:
    peer = Peer(bench)
    await asyncio.to_thread(peer.start)
    bench.configure(LEARN, settings(bench, peer))
    battery, late = peer.service("battery1"), peer.service("washingmachine1")
    gateway = bench.gateway
    try:
        await battery.register("/batteryService")
        await asyncio.to_thread(gateway.start)
        with bench.service("lightcontrol1", index=1) as light:
            assert light.register("/lightControler") == 200

            # What it reads, writes and hears goes through, as its own.
            await battery.set(f"{LIGHT}/lightOn", "1")
            assert await battery.value(f"{LIGHT}/lightOn") == "1"
            heard: list[Invocation] = []
            await battery.open_callbacks()
            await battery.subscribe(f"{LIGHT}/lightOn", heard.append)
            assert light.ask("PUT", f"/vsl{LIGHT}/lightOn", {"value": "0"})[0] == 204
            await asyncio.to_thread(gateway.wait_for, lambda: [frame["invoke"] for frame in heard] == ["NOTIFY"])
            assert {c.client_id for c in bench.points.agents[0].calls if c.target.endswith("lightOn")} == {
                "battery1",
                "lightcontrol1",
            }

            # The agents exchange their structures.
            found = await battery.value("/search/type/lightControler")
            assert found == LIGHT

            # A service of the peer's that the gateway has not heard of is looked for, and known to the next call.
            await late.register("/washingService")
            read = updates(peer.agent)
            await late.value(f"{LIGHT}/lightOn")
            await asyncio.to_thread(gateway.wait_for, lambda: updates(peer.agent) > read)
            async with asyncio.timeout(40):
                while not _typed(bench):
                    await asyncio.sleep(0.1)
                    await late.value(f"{LIGHT}/lightOn")

            await _quarantine_is_of_the_service_alone(bench, peer, battery, late)
    finally:
        await battery.close()
        await late.close()
        if gateway.process is not None:
            await asyncio.to_thread(gateway.stop)
        await asyncio.to_thread(peer.stop)
    told = verdicts_of(bench, BATTERY)
    assert {(v["sender"]["strength"], v["sender"]["service_type"]) for v in told} == {("vouched", "/batteryService")}
    assert [v["reason"] for v in told][-2:] == ["anomalous", "quarantined"]
    assert {a["operation"] for v in told for a in v["accesses"]} >= {"get", "set", "subscribe", "connect"}
    late_ones = [v["sender"]["service_type"] for v in verdicts_of(bench, "/agent3/washingmachine1")]
    assert (late_ones[0], late_ones[-1]) == (None, "/washingService")
    exchanged = verdicts_of(bench, "/agent3")
    assert {(a["node"], a["operation"]) for v in exchanged for a in v["accesses"]} == {("/agent1", "get")}


async def _quarantine_is_of_the_service_alone(bench: Bench, peer: Peer, battery: VslClient, other: VslClient) -> None:
    quarantining = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}
    policy = {"mode": "learn", "service_types": {"/batteryService": quarantining}}
    await asyncio.to_thread(bench.gateway.replace_policy, policy)
    for _ in range(2):
        with pytest.raises(VslError) as denied:
            await battery.value(f"{LIGHT}/lightOn")
        assert denied.value.code == 403
    assert await other.value(f"{LIGHT}/lightOn") == "0"
    assert peer.address not in in_kernel(bench).split("set bound4")[0]


def _typed(bench: Bench) -> bool:
    return any(v["sender"]["service_type"] == "/washingService" for v in bench.gateway.verdicts())


def test_locks_and_invented_addresses(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        with bench.service("lightcontrol1") as light, bench.service("lightcontrol1") as again:
            assert light.register("/lightControler") == 200
            assert light.ask("POST", f"/vsl{LIGHT}", {"operation": "LOCK_SUBTREE"})[0] == 204
            assert light.ask("PUT", f"/vsl{LIGHT}/lightOn", {"value": "1"})[0] == 204
            assert again.ask("PUT", f"/vsl{LIGHT}/lightOn", {"value": []})[0] == 403
            status, content = light.ask("POST", f"/vsl{LIGHT}", {"operation": "COMMIT_SUBTREE"})
            assert (status, b"Access denied" in content) == (403, True)
        with bench.service("movement1", index=1) as movement:
            # The lock is gone, and with it what was written under it.
            assert movement.ask("GET", f"/vsl{LIGHT}/lightOn") == (200, b'{"value":"0"}')
            assert movement.ask("PUT", f"/vsl{LIGHT}/lightOn", {"value": "1"})[0] == 204
            assert movement.register("/movementSensor") == 200
            before, began = updates(bench.points.agents[0]), time.monotonic()
            for number in range(60):
                assert movement.ask("GET", f"/vsl/agent1/invented{number}/x")[0] == 404
            # One of them at most every few seconds, and what was under way.
            most = 3 + (time.monotonic() - began) / FIRST_PAUSE
            assert updates(bench.points.agents[0]) - before <= most
    reasons = [v["reason"] for v in bench.gateway.verdicts()]
    assert "transaction-refused" in reasons
    (rollback,) = [record["details"] for record in bench.gateway.records() if record["kind"] == "rollback"]
    assert rollback["node"] == LIGHT
    assert rollback["verdict"] in {v["id"] for v in bench.gateway.verdicts() if v["reason"] == "transaction-refused"}
    assert reasons.count("unknown-node") >= 60
