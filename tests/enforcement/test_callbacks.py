"""What the owner of a virtual node notices of the gateway, in either format: nothing, but that some never get there."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tests.enforcement.conftest import LEARN, Bench
from tests.network.namespaces import Host, Topology
from tests.site.gateway_process import AGENT_PORT
from tests.site.network import open_connection
from tests.site.vsl_client import CBOR, JSON, Invocation, Node, VslClient, VslError

NODE = "/agent1/movement1/movement"
OTHER_NODE = "/agent1/light1/lightOn"
SUBVERTED = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": None}}
ENFORCE = {
    "mode": "enforce",
    "service_types": {
        "/lightControler": SUBVERTED,
        "/movementSensor": {"mode": "learn"},
        "/batteryService": {"mode": "learn"},
    },
}


def client(bench: Bench, host: Host, source: str, name: str, media_type: str = JSON) -> VslClient:
    connect = partial(open_connection, Topology.ACCESS_IPV4[0], AGENT_PORT, source=source, make_socket=host.socket)
    context = bench.authority.service(name).client_context()
    return VslClient(connect, context, timeout=20.0, media_type=media_type)


class VirtualNode:
    """Holds a value, and keeps what was asked of it."""

    def __init__(self) -> None:
        self.value = "0"
        self.asked: list[tuple[str, str]] = []

    def answer(self, frame: Invocation) -> Node | None:
        self.asked.append((frame["invoke"], frame["identity"]["clientId"]))
        if frame["invoke"] == "VGET":
            return {"value": self.value}
        self.value = frame["data"]["value"]
        return None


def judged(bench: Bench) -> list[tuple[str, str]]:
    """Return the operations and nodes of all accesses that the audit log has so far."""
    return [(a["operation"], a["node"]) for v in bench.gateway.verdicts() for a in v["accesses"]]


async def test_virtual_nodes_in_both_formats_and_whose_calls_never_get_there(bench: Bench) -> None:
    bench.configure(LEARN)
    lan, near = bench.topology.lan, Topology.ACCESS_IPV4[1]
    with bench.gateway.running():
        movement, light, battery = (
            client(bench, lan, bench.topology.service_ipv4(index), name, media_type)
            for index, (name, media_type) in enumerate([("movement1", CBOR), ("light1", JSON), ("battery1", CBOR)])
        )
        await movement.register("/movementSensor")
        await light.register("/lightControler")
        await battery.register("/batteryService")
        in_cbor, in_json = VirtualNode(), VirtualNode()
        for owner, address, node in ((movement, NODE, in_cbor), (light, OTHER_NODE, in_json)):
            await owner.open_callbacks()
            await owner.register_virtual_node(address, node.answer)
        for address, node in ((NODE, in_cbor), (OTHER_NODE, in_json)):
            await battery.set(address, "21 °C")
            assert await battery.value(address) == "21 °C"
            assert node.asked == [("VSET", "battery1"), ("VGET", "battery1")]
        await asyncio.to_thread(bench.gateway.wait_for, lambda: ("get", OTHER_NODE) in judged(bench))
        assert (judged(bench).count(("set", NODE)), judged(bench).count(("get", NODE))) == (1, 1)

        await asyncio.to_thread(bench.gateway.replace_policy, ENFORCE)
        await movement.open_callbacks()
        in_cbor.asked.clear()
        with pytest.raises(VslError) as refused:
            await light.set(NODE, "1")
        # Beside the access point, where no gateway stands between: only the message to the owner tells of it.
        stranger = client(bench, bench.topology.access, near, "stranger1")
        with pytest.raises(VslError) as refused_on_the_way:
            await stranger.set(NODE, "1")
        assert await battery.value(NODE) == "21 °C"
        assert in_cbor.asked == [("VGET", "battery1")]
        for each in (movement, light, battery, stranger):
            await each.close()
    for error in (refused.value, refused_on_the_way.value):
        assert (error.code, error.message) == (403, "Access denied by Anomaly detection")
    frame = next(v for v in bench.gateway.verdicts() if v["request"] == f"VSET {NODE}")
    assert (frame["reason"], frame["sender"]["address"], frame["action"]) == (
        "unknown-type",
        "client:stranger1",
        "block",
    )
    assert [record for record in bench.gateway.records() if record["kind"] == "quarantine-added"] == []
