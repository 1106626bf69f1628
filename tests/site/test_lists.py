"""Lists change by gets: vsl-rest, section 4.2."""

from __future__ import annotations

import pytest

from tests.site.conftest import Bench
from tests.site.house import HOUSE
from tests.site.vsl_client import VslClient, VslError

ROOMS = "/agent1/house1/rooms"


@pytest.fixture
async def house(bench: Bench) -> VslClient:
    client = bench.client("house1")
    await client.register(HOUSE)
    return client


async def test_elements_are_added_and_deleted(house: VslClient) -> None:
    assert await house.elements(ROOMS) == []
    assert await house.add(ROOMS, "/basic/text", "kitchen") == f"{ROOMS}/kitchen"
    assert await house.add("/~/rooms", "/basic/text", "hall", position=0) == f"{ROOMS}/hall"
    assert await house.elements(ROOMS) == ["hall", "kitchen"]
    await house.set(f"{ROOMS}/kitchen", "warm")
    assert await house.value(f"{ROOMS}/kitchen") == "warm"
    assert await house.search("/basic/text") == ["/agent1/house1/picture", f"{ROOMS}/hall", f"{ROOMS}/kitchen"]
    await house.delete(ROOMS, "hall")
    assert await house.elements(ROOMS) == ["kitchen"]


async def test_who_gives_no_name_gets_one(house: VslClient) -> None:
    address = await house.add(ROOMS, "/lightControler")
    (name,) = await house.elements(ROOMS)
    assert address == f"{ROOMS}/{name}"
    assert len(name) == 10
    assert await house.value(f"{address}/lightOn") == "0"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("add/basic/text//kitchen", 464),
        ("add/basic/text//a b", 404),
        ("add/basic/text//add", 404),
        ("add/nosuch", 404),
        ("add", 404),
        ("del/nothing", 404),
        ("del", 404),
        ("elements/x", 404),
        ("kitchen//x", 404),
    ],
)
async def test_what_cannot_be_done(house: VslClient, path: str, code: int) -> None:
    await house.add(ROOMS, "/basic/text", "kitchen")
    with pytest.raises(VslError) as refused:
        await house.get(f"{ROOMS}/{path.replace(' ', '%20')}")
    assert refused.value.code == code


async def test_nothing_but_a_list_has_elements(house: VslClient) -> None:
    with pytest.raises(VslError) as refused:
        await house.get("/agent1/house1/add/basic/text")
    assert refused.value.code == 404
