"""What services notice of the gateway: nothing, until they do what they should not."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import pytest

from tests.enforcement.conftest import DENY_EVERYTHING, LEARN, Bench
from tests.network.namespaces import Topology
from tests.site.gateway_process import AGENT_PORT
from tests.site.http_client import UnreachableError
from tests.site.network import open_connection
from tests.site.vsl_client import Invocation, VslClient, VslError

LIGHT = "/agent1/lightcontrol1"
MOVEMENT = "/agent1/movement1"


def client(
    bench: Bench, name: str, *, index: int = 0, agent: int = 0, ipv6: bool = False, timeout: float = 20.0
) -> VslClient:
    """Return a VSL client with a service's certificate and address."""
    address = (Topology.ACCESS_IPV6 if ipv6 else Topology.ACCESS_IPV4)[agent]
    source = bench.topology.service_ipv6(index) if ipv6 else bench.topology.service_ipv4(index)
    connect = partial(open_connection, address, AGENT_PORT, source=source, make_socket=bench.topology.lan.socket)
    return VslClient(connect, bench.authority.service(name).client_context(), timeout=timeout)


@pytest.mark.parametrize("ipv6", [False, True])
async def test_the_operations_of_the_middleware_pass(learning: Bench, ipv6: bool) -> None:
    number = 2 if ipv6 else 1
    light_address, movement_address = f"/agent1/lightcontrol{number}", f"/agent1/movement{number}"
    light = client(learning, f"lightControl{number}", ipv6=ipv6)
    movement = client(learning, f"movement{number}", index=1, ipv6=ipv6)
    assert await light.register("/lightControler") == light_address
    assert await movement.register("/movementSensor") == movement_address
    heard: list[Invocation] = []
    await light.open_callbacks()
    await light.subscribe(f"{movement_address}/movement", heard.append)
    await movement.set(f"{movement_address}/movement", "1")
    assert await light.value(f"{movement_address}/movement") == "1"
    await movement.notify(f"{movement_address}/movement")
    await asyncio.to_thread(learning.gateway.wait_for, lambda: len(heard) >= 2)
    assert {frame["invoke"] for frame in heard} == {"NOTIFY"}
    await light.unsubscribe(f"{movement_address}/movement")
    locked: list[Invocation] = []
    await light.lock(light_address, locked.append)
    await light.set(f"{light_address}/lightOn", "1")
    assert await light.value(f"{light_address}/lightOn") == "0"
    await light.commit(light_address)
    assert await light.value(f"{light_address}/lightOn") == "1"
    assert "LOCK_AQUIRED" in {frame["invoke"] for frame in locked}
    await light.lock(light_address)
    await light.rollback(light_address)
    await light.close()
    await movement.close()
    expected = {"get", "set", "subscribe", "unsubscribe", "notify", "register", "lock", "commit", "rollback"}
    senders = {light_address, movement_address}
    await asyncio.to_thread(learning.gateway.wait_for, lambda: operations_of(learning, senders) >= expected)


def operations_of(bench: Bench, senders: set[str]) -> set[str]:
    """Return the operations that the audit log has of these services so far."""
    verdicts = [verdict for verdict in bench.gateway.verdicts() if verdict["sender"]["address"] in senders]
    return {access["operation"] for verdict in verdicts for access in verdict["accesses"]}


async def test_the_access_point_sees_who_really_calls(learning: Bench) -> None:
    light = client(learning, "lightcontrol3")
    await light.register("/lightControler")
    await light.close()
    registrations = [c.client_id for c in learning.points.agents[0].calls if c.target == "/service/register"]
    assert registrations[-1] == "lightcontrol3"


async def test_errors_of_the_access_point_come_through(learning: Bench) -> None:
    light = client(learning, "lightcontrol4")
    await light.register("/lightControler")
    with pytest.raises(VslError) as missing:
        await light.get("/agent1/lightcontrol4/none")
    with pytest.raises(VslError) as invalid:
        await light.set("/agent1/lightcontrol4/lightOn", "7")
    await light.close()
    assert (missing.value.code, invalid.value.code) == (404, 422)


async def test_the_other_access_point_is_reached_as_well(learning: Bench) -> None:
    here, there = client(learning, "lightcontrol5"), client(learning, "movement5", index=1, agent=1)
    await here.register("/lightControler")
    await there.register("/movementSensor")
    await there.set("/agent2/movement5/movement", "1")
    assert await here.value("/agent2/movement5/movement") == "1"
    await here.close()
    await there.close()


def test_a_refusal_names_the_verdict_and_has_no_body_for_head(learning: Bench) -> None:
    with learning.service("lightcontrol6") as service:
        service.send(b"HEAD /vsl/agent1/lightcontrol6 HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = service.receive()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403")
    assert body == b""
    (reference,) = [line for line in head.split(b"\r\n") if line.startswith(b"alleyes-reference: ")]
    learning.gateway.wait_for(
        lambda: reference.partition(b": ")[2].decode() in [verdict["id"] for verdict in learning.gateway.verdicts()]
    )


async def test_a_refusal_is_an_error_of_the_middleware(bench: Bench) -> None:
    bench.configure(DENY_EVERYTHING)
    with bench.gateway.running():
        light = client(bench, "lightcontrol1")
        with pytest.raises(VslError) as refused:
            await light.register("/lightControler")
        await light.close()
        bench.gateway.wait_for(lambda: len(bench.gateway.verdicts()) == 1)
    assert refused.value.code == 403
    assert refused.value.message == "Access denied by Anomaly detection"


async def test_a_quarantined_service_is_cut_off_and_no_other(bench: Bench) -> None:
    everything_quarantines = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}
    bench.configure(LEARN)
    with bench.gateway.running():
        light, movement = client(bench, "lightcontrol1"), client(bench, "movement1", index=1)
        await light.register("/lightControler")
        await movement.register("/movementSensor")
        types = {"/movementSensor": {"mode": "learn"}}
        await asyncio.to_thread(bench.gateway.replace_policy, everything_quarantines | {"service_types": types})
        with pytest.raises(VslError):
            await light.value(f"{LIGHT}/lightOn")
        bench.gateway.wait_for(lambda: any(r["kind"] == "quarantine-added" for r in bench.gateway.records()))
        with pytest.raises((UnreachableError, VslError)):
            await client(bench, "lightcontrol1", timeout=2.0).value(f"{LIGHT}/lightOn")
        await movement.set(f"{MOVEMENT}/movement", "1")
        (added,) = [r for r in bench.gateway.records() if r["kind"] == "quarantine-added"]
        listed = bench.topology.gateway.run(["nft", "-j", "list", "table", "inet", "alleyes"]).stdout
        await light.close()
        await movement.close()
    mac = bench.topology.lan.mac("eth0")
    assert added["details"]["kernel"] == f"{mac} . {bench.topology.service_ipv4(0)}"
    assert bench.topology.service_ipv4(0) in json.dumps(json.loads(listed))
