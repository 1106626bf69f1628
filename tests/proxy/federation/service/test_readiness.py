"""How often the store is asked whether it works."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from proxy.federation.service.readiness import KEPT, Readiness
from proxy.federation.storage.base import Store, StoreError


class Asked:
    """A store that counts how often it is asked, and answers when it is let."""

    def __init__(self) -> None:
        self.times = 0
        self.works = True
        self.answers = asyncio.Event()
        self.answers.set()

    async def ready(self) -> None:
        self.times += 1
        await self.answers.wait()
        if not self.works:
            raise StoreError("disk full")


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def readiness(store: Asked, watch: Watch) -> Readiness:
    return Readiness(cast("Store", store), watch)


async def test_many_who_ask_cost_one_write() -> None:
    store, watch = Asked(), Watch()
    asked = readiness(store, watch)
    store.answers.clear()
    waiting = [asyncio.create_task(asked.check()) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    store.answers.set()
    await asyncio.gather(*waiting[1:])
    for _ in range(50):
        await asked.check()
    assert store.times == 1
    watch.now += KEPT
    await asked.check()
    assert store.times == 2


async def test_a_store_that_fails_is_told_until_it_works_again() -> None:
    store, watch = Asked(), Watch()
    asked = readiness(store, watch)
    store.works = False
    for _ in range(3):
        with pytest.raises(StoreError, match="disk full"):
            await asked.check()
    assert store.times == 1
    store.works = True
    watch.now += KEPT
    await asked.check()
    store.works = False
    watch.now += KEPT
    with pytest.raises(StoreError):
        await asked.check()
