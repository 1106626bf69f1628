from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.federation.storage.base import Cursor, Held, Row, StoreError
from proxy.federation.storage.migrations import VERSION
from proxy.federation.storage.sqlite import SqliteStore
from tests.waiting import PATIENCE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "federation.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    yield store
    await store.close()


def row(origin: str = "a", sequence: int = 1) -> Row:
    return Row(origin, "model:/light", 1, sequence, b"x")


async def test_nobody_else_may_read_the_file(store: SqliteStore, path: Path) -> None:
    await store.put([row()])
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_commits_reach_the_disk(store: SqliteStore) -> None:
    assert store._writer is not None
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_callers_at_once_are_few_transactions(store: SqliteStore) -> None:
    assert store._writer is not None
    commits: list[str] = []
    store._writer.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
    await asyncio.gather(*(store.put([row(f"o{n}")]) for n in range(500)))
    assert len(commits) <= 3


async def test_reading_does_not_wait_for_who_writes(store: SqliteStore, path: Path) -> None:
    await store.put([row()])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert len((await asyncio.wait_for(store.changes(Cursor(), 10), PATIENCE))[0]) == 1
    other.execute("ROLLBACK")
    other.close()


async def test_the_event_loop_goes_on_while_another_process_writes(store: SqliteStore, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    put = asyncio.create_task(store.put([row()]))
    await asyncio.sleep(0.2)
    assert not put.done()
    other.execute("COMMIT")
    other.close()
    assert (await asyncio.wait_for(put, PATIENCE))[0].stored


async def test_an_error_leaves_nothing_half_done(store: SqliteStore, path: Path) -> None:
    await store.put([row()])
    other = sqlite3.connect(path)
    other.execute(
        "CREATE TRIGGER full BEFORE INSERT ON contributions WHEN new.origin = 'z' BEGIN SELECT RAISE(FAIL, 'no'); END"
    )
    other.close()
    outcomes = await asyncio.gather(store.put([row("b"), row("z")]), store.put([row("c")]), return_exceptions=True)
    assert all(isinstance(each, StoreError) and str(path) in str(each) for each in outcomes)
    assert (await store.changes(Cursor(), 10))[0] == [row()]
    assert await store.put([row("b")]) == [Held(stored=True, epoch=1, sequence=1)]


async def test_a_damaged_file_is_named_with_the_remedy(path: Path) -> None:
    await asyncio.to_thread(path.write_bytes, b"this is no database" * 1000)
    store = SqliteStore(path)
    with pytest.raises(StoreError, match=r"federation\.db: .*restore it from a backup"):
        await store.open()
    with pytest.raises(StoreError, match="not open"):
        await store.ready()
    await store.close()


async def test_a_missing_directory_is_named_with_the_remedy(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "none" / "federation.db")
    with pytest.raises(StoreError, match=r"none/federation\.db.*; make its directory"):
        await store.open()
    await store.close()


async def test_a_link_is_not_followed(tmp_path: Path, path: Path) -> None:
    await asyncio.to_thread(path.symlink_to, tmp_path / "elsewhere")
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="make its directory"):
        await store.open()
    await store.close()
    assert [file.name for file in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))] == [path.name]


async def test_a_newer_file_is_refused_and_left_alone(store: SqliteStore, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE schema_version SET version = ?", (VERSION + 1,))
    newer = SqliteStore(path)
    with pytest.raises(StoreError, match=r"federation\.db has form \d+, of a newer alleyes"):
        await newer.open()
    await newer.close()
    assert other.execute("SELECT version FROM schema_version").fetchone() == (VERSION + 1,)
    other.close()


async def test_two_that_open_a_new_file_at_once_both_succeed(path: Path) -> None:
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    async def use(name: str) -> None:
        store = SqliteStore(path)
        barrier.wait()
        await store.open()
        await store.put([row(name)])
        await store.close()

    def run(name: str) -> None:
        try:
            asyncio.run(use(name))
        except BaseException as error:  # noqa: BLE001, handed to the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(f"o{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    store = SqliteStore(path)
    await store.open()
    assert len((await store.changes(Cursor(), 10))[0]) == 4
    await store.close()


async def test_a_writer_that_was_cleared_away_takes_a_new_id(store: SqliteStore, path: Path) -> None:
    """A reader that knows how far it had read the old one must not miss what is numbered from the beginning again."""
    for sequence in range(1, 4):
        await store.put([row(sequence=sequence)])
    _, cursor = await store.changes(Cursor(), 10)
    other = SqliteStore(path)
    await other.open()
    await other.put([row(sequence=9)])  # nothing of the first writer's is left
    cleaner = SqliteStore(path)
    await cleaner.open()
    for sequence in range(10, 20):
        await store.put([row(sequence=sequence)])
    assert (await other.changes(cursor, 10))[0] == [row(sequence=19)]
    await other.close()
    await cleaner.close()


async def test_ready_says_so_when_the_file_cannot_be_written(store: SqliteStore) -> None:
    await store.ready()
    assert store._writer is not None
    store._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="make its directory writable"):
        await store.ready()
