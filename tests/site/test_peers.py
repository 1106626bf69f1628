"""Two agents: requests and callbacks go through from one to the other. Source: vsl-rest, sections 2.3, 6 and 7."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.site.conftest import TIMEOUT, Bench
from tests.site.knowledge_agent.identity import Identity, delegation
from tests.site.vsl_client import Invocation, VslClient, VslError

REMOTE = "/agent2/battery1"


@pytest.fixture
async def washing(bench: Bench) -> VslClient:
    client = bench.client("washingmachine1", "agent1")
    await client.register("/washingService")
    await client.open_callbacks()
    return client


@pytest.fixture
async def battery(bench: Bench) -> VslClient:
    client = bench.client("battery1", "agent2")
    await client.register("/batteryService")
    return client


async def test_reads_and_writes_reach_the_other_agent_as_the_callers_own(
    bench: Bench, washing: VslClient, battery: VslClient
) -> None:
    await washing.set(f"{REMOTE}/charge", "3")
    assert await washing.value(f"{REMOTE}/charge") == await battery.value(f"{REMOTE}/charge") == "3"
    calls = [call for call in bench.agents["agent2"].calls if call.target.endswith("/charge")]
    assert [(call.method, call.client_id) for call in calls[:2]] == [
        ("PUT", "washingmachine1"),
        ("GET", "washingmachine1"),
    ]


async def test_errors_of_the_other_agent_come_back(washing: VslClient, battery: VslClient) -> None:
    with pytest.raises(VslError, match=f"404 Node not found: {REMOTE}/none"):
        await washing.value(f"{REMOTE}/none")


async def test_connections_between_agents_are_kept(bench: Bench, washing: VslClient, battery: VslClient) -> None:
    await washing.value(f"{REMOTE}/charge")
    before = bench.agents["agent2"].connections
    for _ in range(5):
        await washing.value(f"{REMOTE}/charge")
    assert bench.agents["agent2"].connections == before


async def test_notifications_come_back_over_the_callers_own_socket(washing: VslClient, battery: VslClient) -> None:
    heard: asyncio.Queue[Invocation] = asyncio.Queue()
    await washing.subscribe(f"{REMOTE}/charge", heard.put_nowait)
    await battery.set(f"{REMOTE}/charge", "4")
    async with asyncio.timeout(TIMEOUT):
        frame = await heard.get()
    assert (frame["invoke"], frame["address"]) == ("NOTIFY", f"{REMOTE}/charge")


async def test_a_lock_on_the_other_agent(washing: VslClient, battery: VslClient) -> None:
    frames: list[Invocation] = []
    await washing.lock(REMOTE, frames.append)
    assert [frame["invoke"] for frame in frames] == ["LOCK_AQUIRED"]
    with pytest.raises(VslError, match="423"):
        await battery.set(f"{REMOTE}/charge", "4")
    await washing.commit(REMOTE)
    await battery.set(f"{REMOTE}/charge", "4")


async def test_types_are_found_on_all_agents(washing: VslClient, battery: VslClient) -> None:
    everywhere = await washing.value("/search/type/basic/number")
    assert everywhere == f"{REMOTE}/charge"
    assert await washing.value("/search/type/basic/text//type/basic/number") == ""
    texts = await washing.value("/search/type/basic/text")
    assert texts == f"/agent1/washingmachine1/washing//{REMOTE}/charging"
    with pytest.raises(VslError, match="422"):
        await washing.value("/search/colour/red")


async def test_an_agent_that_is_down_is_told_apart(bench: Bench, washing: VslClient, battery: VslClient) -> None:
    await washing.value(f"{REMOTE}/charge")
    await bench.agents["agent2"].close()
    with pytest.raises(VslError, match="503"):
        await washing.value(f"{REMOTE}/charge")
    assert await washing.value("/search/type/washingService") == "/agent1/washingmachine1"


async def test_the_whole_structure_in_one_go(bench: Bench, battery: VslClient) -> None:
    gateway = bench.authority.agent("gateway")
    body = '{"agentId":"gateway","hashFrom":""}'
    response = await bench.ask(gateway, "POST", "/ka/requestKorUpdate", body, agent="agent2")
    update = msgspec.json.decode(response.body)
    assert set(update) == {"hashFrom", "hashTo", "addedNodes", "removedNodes", "agentName"}
    assert (update["hashFrom"], update["removedNodes"], update["agentName"]) == ("", [], "agent2")
    root = update["addedNodes"]["/agent2"]
    assert root["types"] == ["/treeRoot"]
    charge = root["children"]["battery1"]["children"]["charge"]
    assert set(charge) == {"readerIds", "writerIds", "restrictions", "types", "cacheParameters", "children"}
    assert charge["types"] == ["/basic/number"]
    assert "battery1" in charge["readerIds"]


async def test_the_hash_changes_with_the_structure_only(bench: Bench, battery: VslClient) -> None:
    gateway = bench.authority.agent("gateway")

    async def hashed() -> str:
        response = await bench.ask(gateway, "POST", "/ka/requestKorUpdate", "{}", agent="agent2")
        return str(msgspec.json.decode(response.body)["hashTo"])

    before = await hashed()
    await battery.set(f"{REMOTE}/charge", "1")
    assert await hashed() == before
    await bench.client("doorlock1", "agent2").register("/doorLockService")
    assert await hashed() != before


async def test_a_delegation_registers_and_opens_callbacks_for_the_service(bench: Bench) -> None:
    gateway = bench.authority.agent("gateway")
    header = {"Authorization": delegation(Identity("tempin1", ("tempin1",)))}
    response = await bench.ask(gateway, "POST", "/service/register", '{"modelId":"/sensorService"}', headers=header)
    assert response.body == b'"/agent1/tempin1"'
    connection = await bench.connect(gateway)
    await connection.upgrade("/callbacks", {"Host": "a", "Accept": "application/json", **header}, TIMEOUT)
    assert bench.agents["agent1"].calls[-1].client_id == "tempin1"
    connection.close()


@pytest.mark.parametrize("header", ["Basic eDp5", "VSL", "VSL !!!", "VSL e30=", "VSL bm8ganNvbg=="])
async def test_a_malformed_delegation_is_unauthorised(bench: Bench, header: str) -> None:
    gateway = bench.authority.agent("gateway")
    response = await bench.ask(gateway, "GET", "/vsl/agent1", headers={"Authorization": header})
    assert response.status == 401


async def test_a_service_cannot_delegate(bench: Bench, battery: VslClient) -> None:
    who = bench.authority.service("movement1")
    header = {"Authorization": delegation(Identity("battery1", ("battery1",)))}
    await bench.ask(who, "GET", f"/vsl{REMOTE}/charge", headers=header, agent="agent2")
    assert bench.agents["agent2"].calls[-1].client_id == "movement1"
