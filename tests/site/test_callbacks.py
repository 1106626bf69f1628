"""Subscriptions, notifications and virtual nodes over the WebSocket. Source: vsl-rest, section 5."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial

import cbor2
import pytest
from wsproto.connection import ConnectionType
from wsproto.extensions import PerMessageDeflate

from tests.site.conftest import TIMEOUT, Bench
from tests.site.http_client import UnreachableError
from tests.site.vsl_client import CBOR, Invocation, VslClient, VslError
from tests.site.websocket import Channel
from tests.waiting import until

ROOT = "/agent1/lightcontrol1"
NODE = f"{ROOT}/lightOn"


class Ears:
    """Keeps what a service is told."""

    def __init__(self) -> None:
        self.frames: list[Invocation] = []

    def hear(self, frame: Invocation) -> None:
        self.frames.append(frame)

    @property
    def addresses(self) -> list[str]:
        return [frame["address"] for frame in self.frames]


@pytest.fixture
async def light(bench: Bench) -> VslClient:
    client = bench.client("lightcontrol1")
    await client.register("/lightControler")
    await client.open_callbacks()
    return client


@pytest.fixture
async def movement(bench: Bench) -> VslClient:
    client = bench.client("movement1")
    await client.register("/movementSensor")
    await client.open_callbacks()
    return client


async def test_subscribers_hear_of_every_write_with_a_serial(light: VslClient, movement: VslClient) -> None:
    ears = Ears()
    await light.subscribe(NODE, ears.hear)
    await movement.set(NODE, "1")
    await movement.set(NODE, "1")
    await until(lambda: len(ears.frames) == 2)
    first, second = ears.frames
    assert str(uuid.UUID(first["callbackId"])) == first["callbackId"]
    assert first == {"callbackId": first["callbackId"], "serial": 1, "address": NODE, "invoke": "NOTIFY"}
    assert second == {**first, "serial": 2}


async def test_only_the_written_nodes_are_told_not_their_parents(light: VslClient, movement: VslClient) -> None:
    root, node = Ears(), Ears()
    await light.subscribe(ROOT, root.hear)
    await light.subscribe(NODE, node.hear)
    await movement.set(ROOT, {"children": {"lightOn": {"value": "1"}, "brightness": {"value": "3"}}})
    await until(lambda: len(node.frames) == 1)
    assert root.frames == []


async def test_a_subscription_with_depth_covers_the_subtree(light: VslClient, movement: VslClient) -> None:
    ears = Ears()
    await light.subscribe(ROOT, ears.hear, depth=1)
    await movement.set(ROOT, {"children": {"lightOn": {"value": "1"}, "brightness": {"value": "3"}}})
    await until(lambda: len(ears.frames) == 2)
    assert sorted(ears.addresses) == [f"{ROOT}/brightness", NODE]


async def test_a_new_subscription_replaces_the_old_one(light: VslClient, movement: VslClient) -> None:
    old, new = Ears(), Ears()
    await light.subscribe(NODE, old.hear)
    await light.subscribe(NODE, new.hear)
    await movement.set(NODE, "1")
    await until(lambda: len(new.frames) == 1)
    assert old.frames == []


async def test_unsubscribing_ends_it(light: VslClient, movement: VslClient) -> None:
    gone, kept = Ears(), Ears()
    await light.subscribe(NODE, gone.hear)
    await light.subscribe(f"{ROOT}/brightness", kept.hear)
    await light.unsubscribe(NODE)
    await movement.set(NODE, "1")
    await movement.set(f"{ROOT}/brightness", "1")
    await until(lambda: len(kept.frames) == 1)
    assert gone.frames == []


async def test_unsubscribing_with_depth_ends_those_below(light: VslClient, movement: VslClient) -> None:
    gone, kept = Ears(), Ears()
    await light.subscribe(NODE, gone.hear)
    await light.subscribe("/agent1/movement1/movement", kept.hear)
    await light.unsubscribe(ROOT, depth=1)
    await movement.set(NODE, "1")
    await movement.set("/agent1/movement1/movement", "1")
    await until(lambda: len(kept.frames) == 1)
    assert gone.frames == []


async def test_notify_tells_without_a_write(light: VslClient, movement: VslClient) -> None:
    ears = Ears()
    await light.subscribe(NODE, ears.hear)
    await movement.notify(NODE)
    await until(lambda: len(ears.frames) == 1)
    assert await light.value(NODE) == "0"


async def test_subscribing_works_without_a_socket_but_needs_a_readable_node(bench: Bench, light: VslClient) -> None:
    deaf = bench.client("movement1")
    await deaf.subscribe(NODE, lambda _: None)
    await light.set(NODE, "1")
    with pytest.raises(VslError, match="403"):
        await deaf.subscribe(f"{ROOT}/secret", lambda _: None)
    with pytest.raises(VslError, match="404"):
        await deaf.subscribe(f"{ROOT}/none", lambda _: None)


async def test_one_socket_per_service_the_later_one_counts(bench: Bench, light: VslClient, movement: VslClient) -> None:
    ears = Ears()
    await light.subscribe(NODE, ears.hear)
    newer = bench.client("lightcontrol1")
    await newer.open_callbacks()
    await movement.set(NODE, "1")
    await asyncio.sleep(0.05)
    assert ears.frames == []
    await newer.subscribe(NODE, ears.hear)
    await movement.set(NODE, "0")
    await until(lambda: len(ears.frames) == 1)


async def test_a_virtual_node_is_answered_by_its_owner(light: VslClient, movement: VslClient) -> None:
    node = "/agent1/movement1/movement"
    written: list[Invocation] = []

    def owner(frame: Invocation) -> dict[str, str] | None:
        written.append(frame)
        return {"value": "virtual!"} if frame["invoke"] == "VGET" else None

    await movement.register_virtual_node(node, owner)
    assert await light.value(node) == "virtual!"
    await light.set(node, "1")
    asked, told = written
    assert asked["identity"] == {"clientId": "lightcontrol1", "accessIDs": ["lightcontrol1"], "ka": False}
    assert (asked["invoke"], asked["serial"], asked["address"]) == ("VGET", 1, node)
    assert (told["invoke"], told["data"]) == ("VSET", {"value": "1"})
    await movement.unregister_virtual_node(node)
    assert await light.value(node) == "0"


async def test_an_error_of_the_owner_is_passed_through(light: VslClient, movement: VslClient) -> None:
    def broken(_: Invocation) -> None:
        raise VslError(418, "no water")

    await movement.register_virtual_node("/agent1/movement1/movement", broken)
    with pytest.raises(VslError, match="418 no water"):
        await light.value("/agent1/movement1/movement")


async def test_the_owner_of_a_virtual_node_hears_of_subscribers_and_may_refuse_them(
    light: VslClient, movement: VslClient
) -> None:
    node = "/agent1/movement1/movement"
    told: list[str] = []

    def owner(frame: Invocation) -> None:
        told.append(f"{frame['invoke']} {frame['address']}")
        if told[3:]:
            raise VslError(500, "too many")

    await movement.register_virtual_node(node, owner)
    await light.subscribe(node, lambda _: None)
    await light.unsubscribe(node)
    assert told == [f"VSUBSCRIBE {node}", f"VUNSUBSCRIBE {node}"]
    await light.subscribe(node, lambda _: None)
    with pytest.raises(VslError, match="505 too many"):
        await light.subscribe(node, lambda _: None)


@pytest.mark.parametrize("wrong", [None, "text"])
async def test_a_client_that_speaks_cbor_is_called_back_in_cbor(
    bench: Bench, light: VslClient, wrong: str | None
) -> None:
    node = "/agent1/movement1/movement"
    owner = VslClient(
        partial(bench.network.reach, "movement1", "agent1"),
        bench.authority.service("movement1").client_context(),
        media_type=CBOR,
    )
    await owner.register("/movementSensor")
    await owner.open_callbacks()
    heard: list[Invocation] = []
    await owner.subscribe(NODE, heard.append)

    def answer(frame: Invocation) -> dict[str, str] | None:
        heard.append(frame)
        if wrong is not None:
            raise VslError(418, wrong)
        return {"value": "virtual!"} if frame["invoke"] == "VGET" else None

    await owner.register_virtual_node(node, answer)
    await light.set(NODE, "1")
    if wrong is None:
        assert await light.value(node) == "virtual!"
    else:
        with pytest.raises(VslError, match="418 text"):
            await light.value(node)
    assert [frame["invoke"] for frame in heard] == ["NOTIFY", "VGET"]
    assert str(uuid.UUID(heard[0]["callbackId"])) == heard[0]["callbackId"]
    await owner.close()


async def test_only_the_creator_may_answer_for_a_node(light: VslClient) -> None:
    with pytest.raises(VslError, match="404"):
        await light.register_virtual_node("/agent1/movement1/movement", lambda _: None)
    with pytest.raises(VslError, match="403"):
        await light.register_virtual_node("/agent1/search", lambda _: None)


async def test_an_owner_without_a_socket_is_not_reachable(bench: Bench, light: VslClient) -> None:
    deaf = bench.client("movement1")
    await deaf.register("/movementSensor")
    await deaf.register_virtual_node("/agent1/movement1/movement", lambda _: None)
    with pytest.raises(VslError, match="404 callback is not reachable for client with id: movement1"):
        await light.value("/agent1/movement1/movement")


async def test_frames_in_cbor_are_binary_with_byte_ids(bench: Bench, movement: VslClient) -> None:
    who = bench.authority.service("lightcontrol1")
    body = '{"modelId":"/lightControler"}'
    assert (await bench.ask(who, "POST", "/service/register", body)).status == 200
    connection = await bench.connect(who)
    channel = await connection.upgrade("/callbacks", {"Host": "a", "Accept": "application/cbor"}, TIMEOUT)
    received: list[str | bytes] = []
    connection.listen(lambda data: received.extend(channel.feed(data)))
    callback_id = uuid.uuid4()
    subscribe = f'{{"operation":"SUBSCRIBE","callbackId":"{callback_id}"}}'
    assert (await bench.ask(who, "POST", f"/vsl{NODE}", subscribe)).status == 204
    await movement.set(NODE, "1")
    await until(lambda: bool(received))
    frame = received[0]
    assert isinstance(frame, bytes)
    assert frame.startswith(b"\xbf\x6acallbackId\x50" + callback_id.bytes + b"\x66serial\x01\x67address\x78\x1d")
    assert cbor2.loads(frame)["invoke"] == "NOTIFY"
    connection.close()


async def test_the_sub_protocol_is_mandatory(bench: Bench) -> None:
    who = bench.authority.service("lightcontrol1")
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "eA==", "Accept": ""}
    assert (await bench.ask(who, "GET", "/callbacks", headers=headers)).status == 503


async def test_a_socket_without_certificate_is_accepted_as_somebody(bench: Bench) -> None:
    connection = await bench.connect(None)
    await connection.upgrade("/callbacks", {"Host": "a", "Accept": "application/json"}, TIMEOUT)
    assert bench.agents["agent1"].calls[-1].client_id == "service2"
    connection.close()


async def test_what_is_no_response_closes_the_socket(bench: Bench) -> None:
    connection = await bench.connect(bench.authority.service("lightcontrol1"))
    channel = await connection.upgrade("/callbacks", {"Host": "a", "Accept": "application/json"}, TIMEOUT)
    received: list[str | bytes] = []
    connection.listen(lambda data: received.extend(channel.feed(data)))
    channel.send("nonsense")
    async with asyncio.timeout(TIMEOUT):
        await connection.lost.wait()
    assert not channel.open


async def test_compressed_frames_are_understood(bench: Bench) -> None:
    who = bench.authority.service("lightcontrol1")
    connection = await bench.connect(who)
    offer = {"Host": "a", "Accept": "application/json", "Sec-WebSocket-Extensions": "permessage-deflate"}
    await connection.upgrade("/callbacks", offer, TIMEOUT)
    deflate = PerMessageDeflate()
    deflate.finalize("permessage-deflate")
    channel = Channel(connection._write, ConnectionType.CLIENT, [deflate])
    received: list[str | bytes] = []
    connection.listen(lambda data: received.extend(channel.feed(data)))
    await bench.ask(who, "POST", "/service/register", '{"modelId":"/lightControler"}')
    body = f'{{"operation":"SUBSCRIBE","callbackId":"{uuid.uuid4()}"}}'
    await bench.ask(who, "POST", f"/vsl{NODE}", body)
    await bench.ask(who, "PUT", f"/vsl{NODE}", '{"value":"1"}')
    await until(lambda: bool(received))
    assert '"invoke":"NOTIFY"' in str(received[0])
    connection.close()


async def test_an_upgrade_that_is_denied_is_an_error(bench: Bench) -> None:
    connection = await bench.connect(bench.authority.service("lightcontrol1"))
    with pytest.raises(UnreachableError, match="answered with 404"):
        await connection.upgrade("/elsewhere", {"Host": "a", "Accept": "application/json"}, TIMEOUT)
