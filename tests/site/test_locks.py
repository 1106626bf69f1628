"""Locks: buffered writes, who is kept out, how they end. Source: vsl-rest, sections 4.2 and 9."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine

import pytest

from tests.site.conftest import Bench
from tests.site.knowledge_agent import operations
from tests.site.vsl_client import Invocation, VslClient, VslError
from tests.waiting import PATIENCE

ROOT = "/agent1/lightcontrol1"
NODE = f"{ROOT}/lightOn"


@pytest.fixture
async def light(bench: Bench) -> VslClient:
    client = bench.client("lightcontrol1")
    await client.register("/lightControler")
    return client


@pytest.fixture
async def movement(bench: Bench) -> VslClient:
    client = bench.client("movement1")
    await client.register("/movementSensor")
    return client


def refusal(code: int, message: str) -> pytest.RaisesExc[VslError]:
    return pytest.raises(VslError, match=re.escape(f"{code} {message}"))


async def test_writes_of_the_holder_wait_for_the_commit(light: VslClient) -> None:
    await light.lock(ROOT)
    await light.set(NODE, "1")
    assert await light.value(NODE) == "0"
    await light.commit(ROOT)
    assert await light.value(NODE) == "1"


async def test_a_rollback_drops_them(light: VslClient) -> None:
    await light.lock(ROOT)
    await light.set(NODE, "1")
    await light.rollback(ROOT)
    assert await light.value(NODE) == "0"
    await light.set(NODE, "1")
    assert await light.value(NODE) == "1"


async def test_the_lock_is_acquired_by_callback_before_the_answer(light: VslClient) -> None:
    frames: list[Invocation] = []
    await light.open_callbacks()
    await light.lock(ROOT, frames.append)
    assert [(frame["invoke"], frame["address"], frame["serial"]) for frame in frames] == [("LOCK_AQUIRED", ROOT, 1)]


async def test_a_lock_whose_callback_cannot_be_reached_does_not_stay(light: VslClient, movement: VslClient) -> None:
    with refusal(404, "callback is not reachable for client with id: lightcontrol1"):
        await light.lock(ROOT, lambda _: None)
    await movement.set(NODE, "1")


async def test_others_cannot_write_below_commit_or_lock(light: VslClient, movement: VslClient) -> None:
    await light.lock(ROOT)
    with refusal(423, f"Error, the Root Node of the Set operation ({NODE}) is already locked by someone else!"):
        await movement.set(NODE, "1")
    denied = "No permission to commit/release the lock, lock was acquired by lightcontrol1, your ID is movement1"
    with refusal(403, denied):
        await movement.commit(ROOT)
    with refusal(422, ""):
        await movement.lock(NODE)
    assert await movement.value(NODE) == "0"


async def test_others_cannot_write_above_a_locked_child(light: VslClient, movement: VslClient) -> None:
    await light.lock(NODE)
    with refusal(423, f"Error, the Root Node of the Set operation ({ROOT}) is already locked by someone else!"):
        await movement.set(ROOT, {"children": {"brightness": {"value": "1"}}})


async def test_twice_by_the_same_service(light: VslClient) -> None:
    await light.lock(ROOT)
    with refusal(422, f"lockSubtree was issued twice by the same service at node {ROOT} is already locked"):
        await light.lock(ROOT)


async def test_an_own_lock_below_is_committed_by_one_above(light: VslClient) -> None:
    await light.lock(NODE)
    await light.set(NODE, "1")
    await light.lock(ROOT)
    assert await light.value(NODE) == "1"


@pytest.mark.parametrize("end", [VslClient.commit, VslClient.rollback])
async def test_what_is_not_locked_cannot_be_ended(
    light: VslClient, end: Callable[[VslClient, str], Coroutine[None, None, None]]
) -> None:
    with refusal(404, f"Node {ROOT} is not locked, cannot rollback Subtree."):
        await end(light, ROOT)


async def test_a_lock_expires_with_a_warning_and_its_writes_are_lost(
    light: VslClient, movement: VslClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "LOCK_LIFETIME", 0.3)
    monkeypatch.setattr(operations, "LOCK_CHECK", 0.1)
    frames: list[str] = []
    expired = asyncio.Event()

    def hear(frame: Invocation) -> None:
        frames.append(frame["invoke"])
        if frame["invoke"] == "LOCK_EXPIRED":
            expired.set()

    await light.open_callbacks()
    await light.lock(ROOT, hear)
    await light.set(NODE, "1")
    async with asyncio.timeout(PATIENCE):
        await expired.wait()
    assert frames == ["LOCK_AQUIRED", "LOCK_WILL_EXPIRE", "LOCK_EXPIRED"]
    assert await light.value(NODE) == "0"
    await movement.set(NODE, "1")
