"""What is stored gets into the sums, by whoever it was stored."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.federation.storage.base import StoreError
from proxy.federation.storage.sqlite import SqliteStore
from tests.proxy.federation.service.learnt import LIGHT, learnt
from tests.proxy.federation.service.stored import parts, row_of
from tests.waiting import PATIENCE, until


async def test_what_was_stored_before_is_there_once_it_is_loaded(tmp_path: Path) -> None:
    async with parts(tmp_path) as had:
        await had.store.put([row_of(f"site-{number}", learnt(weight=number + 1)) for number in range(100)])
    async with parts(tmp_path) as found:
        following = asyncio.create_task(found.feed.follow())
        assert not found.feed.loaded.is_set()
        await found.feed.loaded.wait()
        assert found.pools.origins == 100
        following.cancel()


async def test_what_another_process_stores_is_followed(tmp_path: Path) -> None:
    async with parts(tmp_path) as found:
        following = asyncio.create_task(found.feed.follow())
        await found.feed.loaded.wait()
        other = SqliteStore(tmp_path / "federation.db")
        await other.open()
        await other.put([row_of("site-a", learnt())])
        await other.close()
        await until(lambda: found.pools.origins == 1)
        following.cancel()


async def test_a_store_that_does_not_answer_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with parts(tmp_path) as found:
        good, failures = found.store.changes, iter(range(2))

        async def changes(*arguments: object) -> object:
            if next(failures, None) is not None:
                raise StoreError("away")
            return await good(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(found.store, "changes", changes)
        await found.store.put([row_of("site-a", learnt())])
        following = asyncio.create_task(found.feed.follow())
        async with asyncio.timeout(PATIENCE):
            await found.feed.loaded.wait()
        assert found.pools.knows(LIGHT)
        following.cancel()
