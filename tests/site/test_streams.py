"""Streams of virtual nodes: vsl-rest, section 8."""

from __future__ import annotations

import pytest

from tests.site.conftest import Bench, error
from tests.site.house import HOUSE
from tests.site.vsl_client import VslClient, VslError

PICTURE = "/agent1/house1/picture"
STREAM = {"Accept": "application/octet-stream", "Content-Type": "application/octet-stream"}


@pytest.fixture
async def house(bench: Bench) -> VslClient:
    client = bench.client("house1")
    await client.register(HOUSE)
    await client.open_callbacks()
    return client


async def test_a_stream_comes_from_the_owner_and_goes_to_it(bench: Bench, house: VslClient) -> None:
    received: list[tuple[str, bytes | None]] = []

    def camera(address: str, sent: bytes | None) -> bytes:
        received.append((address, sent))
        return b"\0picture"

    await house.register_virtual_node(PICTURE, lambda _: {"value": "a camera"}, camera)
    light = bench.client("lightcontrol1")
    assert await light.get_stream(PICTURE) == b"\0picture"
    await light.set_stream(PICTURE, b"x" * 100_000)
    assert received == [(PICTURE, None), (PICTURE, b"x" * 100_000)]
    assert await light.value(PICTURE) == "a camera"


async def test_only_virtual_nodes_have_streams(bench: Bench, house: VslClient) -> None:
    with pytest.raises(VslError) as missing:
        await house.get_stream(PICTURE)
    assert missing.value.code == 404
    with pytest.raises(VslError) as missing:
        await house.set_stream(PICTURE, b"x")
    assert missing.value.code == 404


async def test_an_owner_that_opens_no_stream_is_given_up(house: VslClient) -> None:
    await house.register_virtual_node(PICTURE, lambda _: None)
    with pytest.raises(VslError) as late:
        await house.get_stream(PICTURE)
    assert late.value.code == 500


async def test_a_stream_that_nobody_waits_for_is_gone(bench: Bench) -> None:
    who = bench.authority.service("house1")
    target = "/callback-stream/b4fb38af-381a-4772-8268-b84199dfab95-1"
    assert error(await bench.ask(who, "GET", target, headers=STREAM))[0] == 410
    assert (await bench.ask(who, "PUT", target, b"\0x", headers=STREAM)).status == 410
