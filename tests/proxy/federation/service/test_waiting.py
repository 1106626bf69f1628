"""Who waits is woken when something changed, and not for every single change."""

from __future__ import annotations

import asyncio

import pytest

from proxy.federation.service import waiting
from proxy.federation.service.waiting import SOONEST, Changes
from tests.waiting import PATIENCE


async def test_all_who_wait_for_it_are_woken_and_nobody_else() -> None:
    changes = Changes()
    waits = (("a", PATIENCE), ("a", PATIENCE), ("b", 0.4))
    tasks = [asyncio.create_task(changes.wait(*each)) for each in waits]
    await asyncio.sleep(0)
    changes.tell("a")
    assert await asyncio.gather(*tasks) == [True, True, False]


async def test_changes_that_follow_each_other_wake_once() -> None:
    changes = Changes()
    loop = asyncio.get_running_loop()
    began, woken = loop.time(), 0
    while loop.time() - began < 4 * SOONEST:
        waits = asyncio.create_task(changes.wait("a", PATIENCE))
        while not waits.done():
            changes.tell("a")
            await asyncio.sleep(0.01)
        woken += 1
    assert woken <= (loop.time() - began) / SOONEST + 2


async def test_the_more_wait_the_more_rarely_they_are_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PER_SECOND", 5)
    changes = Changes()
    loop = asyncio.get_running_loop()

    async def round_of(number: int) -> float:
        tasks = [asyncio.create_task(changes.wait("a", PATIENCE)) for _ in range(number)]
        await asyncio.sleep(0)
        changes.tell("a")
        await asyncio.gather(*tasks)
        return loop.time()

    began = loop.time()
    assert await round_of(10) - began < 2, "the first ones at once"
    assert await round_of(1) - began > 1.9, "ten of five a second take two seconds"


async def test_nothing_is_kept_of_who_gave_up() -> None:
    changes = Changes()
    assert not await changes.wait("a", 0.01)
    task = asyncio.create_task(changes.wait("a", 5))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert changes._waiting == {}
    changes.tell("a")
    assert changes._due == {}


async def test_all_are_woken_at_once_at_the_end() -> None:
    changes = Changes()
    tasks = [asyncio.create_task(changes.wait(topic, 10 * PATIENCE)) for topic in ("a", "b")]
    await asyncio.sleep(0)
    changes.tell_all()
    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(*tasks) == [True, True]
