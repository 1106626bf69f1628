from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import psycopg
import pytest

from proxy.federation.storage.base import StoreError
from proxy.federation.storage.postgres_connections import Connection, Connections
from tests.waiting import PATIENCE


@pytest.fixture
async def connections(database: str) -> AsyncIterator[Connections]:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE counts (name TEXT PRIMARY KEY, count BIGINT NOT NULL)")
        connection.execute("INSERT INTO counts VALUES ('a', 0), ('b', 0)")
    connections = Connections(f"{database} options='-c default_transaction_isolation=serializable'")
    await connections.open()
    yield connections
    await connections.close()


async def count(connection: Connection, name: str) -> int:
    row = await (await connection.execute("SELECT count FROM counts WHERE name = %s", (name,))).fetchone()
    assert row is not None
    return int(row[0])


async def test_what_collides_is_done_again(connections: Connections) -> None:
    """Each of two transactions reads what the other one writes: in no order would they see what they saw."""
    met = asyncio.Barrier(2)
    times = 0

    async def add(read: str, write: str) -> None:
        first = True

        async def work(connection: Connection) -> None:
            nonlocal first, times
            times += 1
            seen = await count(connection, read)
            if first:
                first = False
                await met.wait()
            await connection.execute("UPDATE counts SET count = %s WHERE name = %s", (seen + 1, write))

        await connections.transact(work)

    await asyncio.gather(add("a", "b"), add("b", "a"))
    assert times == 3
    assert sorted([await connections.transact(partial(count, name=name)) for name in "ab"]) == [1, 2]


async def test_what_was_lost_is_done_again_on_another_connection(connections: Connections, database: str) -> None:
    times = 0

    async def work(connection: Connection) -> None:
        nonlocal times
        times += 1
        await connection.execute("UPDATE counts SET count = count + 1 WHERE name = 'a'")
        if times == 1:
            with psycopg.connect(database, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))

    await connections.transact(work)
    assert times == 2
    assert await connections.transact(lambda connection: count(connection, "a")) == 1


async def test_what_may_not_be_done_twice_is_not(connections: Connections, database: str) -> None:
    times = 0

    async def work(connection: Connection) -> None:
        nonlocal times
        times += 1
        with psycopg.connect(database, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        await connection.execute("UPDATE counts SET count = count + 1 WHERE name = 'a'")

    with pytest.raises(StoreError, match="see that the server runs"):
        await connections.transact(work, repeatable=False)
    assert times == 1


async def test_trying_again_ends(connections: Connections) -> None:
    async def work(connection: Connection) -> None:
        await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")

    with pytest.raises(StoreError, match=r"again.*try again in a few seconds"):
        await asyncio.wait_for(connections.transact(work, patience=0.3), PATIENCE)


async def test_a_defect_is_not_tried_again(connections: Connections) -> None:
    with pytest.raises(StoreError, match=r"relation .nothing. does not exist .*see the server's log"):
        await asyncio.wait_for(connections.transact(lambda c: c.execute("SELECT * FROM nothing")), PATIENCE)


async def test_a_server_that_became_read_only_is_left(connections: Connections) -> None:
    async def become(connection: Connection) -> None:
        await connection.execute("SET default_transaction_read_only = on")

    async def work(connection: Connection) -> None:
        await connection.execute("UPDATE counts SET count = count + 1 WHERE name = 'a'")

    await connections.transact(become)
    await connections.transact(work)
    assert await connections.transact(lambda connection: count(connection, "a")) == 1


async def test_a_missing_server_is_named_without_the_password() -> None:
    connections = Connections("host=/nonexistent dbname=federation password=secret connect_timeout=1")
    with pytest.raises(
        StoreError, match=r"PostgreSQL database federation at /nonexistent: .*see that the server"
    ) as told:
        await asyncio.wait_for(connections.open(), PATIENCE)
    assert "secret" not in str(told.value)
    with pytest.raises(StoreError, match="not open"):
        await connections.transact(lambda connection: connection.execute("SELECT 1"))
    await connections.close()


def test_what_libpq_does_not_understand() -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        Connections("host=a nonsense")
