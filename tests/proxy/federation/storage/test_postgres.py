from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import psycopg
import pytest

from proxy.federation.storage.base import Cursor, Row, StoreError
from proxy.federation.storage.postgres import PostgresStore
from tests.waiting import PATIENCE


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(database)
    await store.open()
    yield store
    await store.close()


def row(origin: str = "a", sequence: int = 1, body: bytes = b"x") -> Row:
    return Row(origin, "model:/light", 1, sequence, body)


class Reader:
    """Follows the feed, as a service process does to keep its sums."""

    def __init__(self, store: PostgresStore, limit: int) -> None:
        self.store = store
        self.limit = limit
        self.picture: dict[tuple[str, str], Row] = {}
        self.cursor = Cursor()

    async def read(self) -> int:
        rows, self.cursor = await self.store.changes(self.cursor, self.limit)
        for each in rows:
            held = self.picture.get((each.origin, each.topic))
            # A row may come twice, but no writer's feed goes back behind what another one told before.
            if held is None or each.stamp > held.stamp:
                self.picture[each.origin, each.topic] = each
        return len(rows)

    async def follow(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.read()
            await asyncio.sleep(random.uniform(0, 0.01))
        while await self.read():
            pass


def table(database: str) -> dict[tuple[str, str], Row]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT origin, topic, epoch, sequence, body FROM contributions").fetchall()
    return {(each[0], each[1]): Row(*each) for each in rows}


@pytest.mark.parametrize(
    "options", ["", " options='-c default_transaction_isolation=serializable'"], ids=["", "serial"]
)
async def test_readers_miss_nothing_while_several_write_the_same(database: str, options: str) -> None:
    conninfo = database + options
    writers = [PostgresStore(conninfo) for _ in range(3)]
    await asyncio.gather(*(writer.open() for writer in writers))
    stop = asyncio.Event()
    late = Reader(writers[0], 50)
    readers = [Reader(writers[1], 7), Reader(writers[2], 1000)]
    following = [asyncio.create_task(reader.follow(stop)) for reader in readers]
    newest: dict[tuple[str, str], tuple[int, int]] = {}
    chance = random.Random(5)

    async def write(writer: PostgresStore, number: int) -> None:
        for step in range(25):
            origins = chance.sample(range(30), 6)  # some of each one's own, some everybody's
            rows = [
                Row(
                    f"o{n}" if n < 15 else f"w{number}-{n}",
                    "model:/light",
                    1,
                    step * 10 + chance.randrange(10),
                    b"%d" % step,
                )
                for n in origins
            ]
            for each in rows:
                key = each.origin, each.topic
                newest[key] = max(newest.get(key, (0, 0)), each.stamp)
            await writer.put(rows)
            if step == 12 and number == 0:
                await writer.remove("o3")

    # Several callers of each, as many connections of origins.
    await asyncio.gather(*(write(writer, number) for number, writer in enumerate(writers) for _ in range(3)))
    stop.set()
    await asyncio.gather(*following)
    while await late.read():
        pass
    held = table(database)
    for reader in (*readers, late):
        assert reader.picture == held
    held.pop(("o3", "model:/light"), None)
    newest.pop(("o3", "model:/light"), None)
    assert {key: each.stamp for key, each in held.items()} == newest
    await asyncio.gather(*(writer.close() for writer in writers))


async def test_numbers_are_seen_in_their_order(store: PostgresStore, database: str) -> None:
    """While a batch is under way, nothing that is numbered after it can be read."""
    await store.put([row()])
    _, cursor = await store.changes(Cursor(), 10)
    other = await psycopg.AsyncConnection.connect(database)
    async with other.transaction():
        # As another connection of the same process, stopped between number and commit.
        await other.execute("UPDATE writers SET newest = newest + 1 WHERE writer = %s", (store._id,))
        later = asyncio.create_task(store.put([row("later")]))
        await asyncio.sleep(0.2)
        assert not later.done()
        assert (await store.changes(cursor, 10))[0] == []
        await other.execute(
            "INSERT INTO contributions VALUES ('earlier', 'showings', 1, 1, 'x', 1, %s, 2)", (store._id,)
        )
    await later
    await other.close()
    assert [each.origin for each in (await store.changes(cursor, 10))[0]] == ["earlier", "later"]


async def test_puts_go_on_when_the_connection_is_cut(store: PostgresStore, database: str) -> None:
    stored = 0

    async def write(name: str) -> None:
        nonlocal stored
        for sequence in range(1, 40):
            (held,) = await store.put([row(name, sequence)])
            assert (held.epoch, held.sequence) == (1, sequence)
            stored += 1
            await asyncio.sleep(0.002)

    async def cut() -> None:
        connection = await psycopg.AsyncConnection.connect(database, autocommit=True)
        for _ in range(5):
            await asyncio.sleep(0.05)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await connection.close()

    await asyncio.gather(cut(), *(write(f"o{n}") for n in range(10)))
    assert stored == 390
    assert {each.stamp for each in table(database).values()} == {(1, 39)}


async def test_an_error_is_told_to_all_of_the_batch_and_nothing_is_half_done(
    store: PostgresStore, database: str
) -> None:
    await store.put([row()])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE contributions ADD CHECK (origin <> 'z')")
    outcomes = await asyncio.gather(store.put([row("b"), row("z")]), store.put([row("c")]), return_exceptions=True)
    assert all(isinstance(each, StoreError) and "see the server's log" in str(each) for each in outcomes)
    assert (await store.changes(Cursor(), 10))[0] == [row()]


async def test_a_writer_without_rows_is_cleared_away_and_takes_a_new_id(store: PostgresStore, database: str) -> None:
    for sequence in range(1, 4):
        await store.put([row(sequence=sequence)])
    first = store._id
    _, cursor = await store.changes(Cursor(), 10)
    other = PostgresStore(database)
    await other.open()
    await other.put([row(sequence=9)])  # nothing of the first writer's is left
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE writers SET seen = 0")
        cleaner = PostgresStore(database)
        await cleaner.open()
        left = connection.execute("SELECT writer FROM writers").fetchall()
    assert left == [(other._id,)]
    for sequence in range(10, 20):
        await store.put([row(sequence=sequence)])
    assert store._id != first
    assert (await other.changes(cursor, 10))[0] == [row(sequence=19)]
    await other.close()
    await cleaner.close()


async def test_a_writer_that_has_just_written_is_not_cleared_away(store: PostgresStore, database: str) -> None:
    """It had no rows when the cleaner looked, and has some when the cleaner deletes."""
    await store.put([row(sequence=1)])
    other = PostgresStore(database)
    await other.open()
    await other.put([row(sequence=2)])
    cleaner = await psycopg.AsyncConnection.connect(database, autocommit=True)
    cursor = await cleaner.execute("SELECT newest FROM writers WHERE writer = %s", (store._id,))
    seen = await cursor.fetchone()
    assert seen is not None
    await store.put([row(sequence=3)])
    deleted = await cleaner.execute("DELETE FROM writers WHERE writer = %s AND newest = %s", (store._id, *seen))
    assert deleted.rowcount == 0
    await cleaner.close()
    await other.close()


async def test_readers_keep_back_where_a_commit_is_visible_in_parts(database: str) -> None:
    async with asyncio.timeout(PATIENCE):
        store = PostgresStore(database, settle=2.0)
        await store.open()
        await store.put([row()])
        cursor = Cursor()
        assert (await store.changes(cursor, 10))[0] == []
        found: list[Row] = []
        while not found:
            await asyncio.sleep(0.05)
            found, cursor = await store.changes(cursor, 10)
        assert found == [row()]
        assert await store.changes(cursor, 10) == ([], cursor)
        await store.close()


async def test_a_database_that_was_restored_is_read_again(store: PostgresStore, database: str) -> None:
    for sequence in range(1, 6):
        await store.put([row(sequence=sequence)])
    _, cursor = await store.changes(Cursor(), 10)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE writers SET newest = 2")
        connection.execute("UPDATE contributions SET sequence = 2, change = 2")
    assert (await store.changes(cursor, 10))[0] == [row(sequence=2)]


async def test_ready_says_so_when_nothing_can_be_written(store: PostgresStore, database: str) -> None:
    await store.ready()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            f"ALTER DATABASE {database.rsplit('=', maxsplit=1)[-1]} SET default_transaction_read_only = on"
        )
    other = PostgresStore(database)
    await other.open()
    with pytest.raises(StoreError, match="read-only"):
        await other.ready()
    await other.close()
