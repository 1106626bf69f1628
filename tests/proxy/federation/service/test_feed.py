"""What is stored gets into the sums, by whoever it was stored."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from models.exchange.showings import Showings
from proxy.federation.service.pools import Pools
from proxy.federation.storage.base import Row, StoreError
from proxy.federation.storage.sqlite import SqliteStore
from proxy.federation.topics import SHOWINGS
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


async def test_a_database_that_is_restored_from_a_backup_is_read_again(tmp_path: Path) -> None:
    """A process that runs meanwhile says what one says that starts afterwards."""
    path = tmp_path / "federation.db"
    showings = msgspec.msgpack.encode(Showings(instances={LIGHT: 1}, open=[]))
    async with parts(tmp_path) as found:
        await found.store.put([row_of("same", learnt(weight=3)), row_of("older", learnt(weight=4))])
        await found.store.put([Row("older", SHOWINGS, 1, 1, showings)])
        backup = sqlite3.connect(tmp_path / "backup.db")
        with closing(sqlite3.connect(path)) as database:
            database.backup(backup)
        following = asyncio.create_task(found.feed.follow())
        await found.store.put([row_of("older", learnt(weight=6, sequence=2)), row_of("gone", learnt(weight=7))])
        await found.store.put([row_of("gone", learnt("/gone")), Row("gone", SHOWINGS, 1, 1, showings)])
        await until(lambda: found.pools.origins == 3 and found.pools.ballot.origins == 2)
        with closing(sqlite3.connect(path)) as database, closing(backup):
            backup.backup(database)
        await until(lambda: found.pools.origins == 2 and not found.pools.read_again)
        async with parts(tmp_path) as later:
            loading = asyncio.create_task(later.feed.follow())
            await later.feed.loaded.wait()
            loading.cancel()
            for origin in ("same", "older", "gone", "nobody"):
                assert found.pools.others(LIGHT, origin) == later.pools.others(LIGHT, origin)
                assert found.pools.version(LIGHT, origin) == later.pools.version(LIGHT, origin)
            assert found.pools.ballot.names == later.pools.ballot.names == {"older"}
            assert found.pools.others("/gone", "nobody") == later.pools.others("/gone", "nobody")
        await found.store.put([row_of("older", learnt(weight=8, sequence=2))])
        await until(lambda: _weight(found.pools) == 3 + 8)
        following.cancel()


def _weight(pools: Pools) -> int:
    told = pools.others(LIGHT, "nobody").elsewhere
    return 0 if told is None else told.model.weight


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
