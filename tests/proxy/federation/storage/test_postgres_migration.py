from __future__ import annotations

import asyncio

import psycopg
import pytest

from proxy.federation.storage.base import Cursor, Row, StoreError
from proxy.federation.storage.migrations import VERSION
from proxy.federation.storage.postgres import PostgresStore


@pytest.mark.parametrize("attempt", range(3))
async def test_many_that_start_at_once_all_succeed(database: str, attempt: int) -> None:
    """PostgreSQL has several errors for who comes second: which one is a matter of chance."""
    stores = [PostgresStore(database) for _ in range(6)]
    await asyncio.gather(*(store.open() for store in stores))
    await asyncio.gather(*(store.put([Row(f"o{n}", "showings", 1, 1, b"x")]) for n, store in enumerate(stores)))
    assert len((await stores[0].changes(Cursor(), 10))[0]) == 6
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(database: str) -> None:
    store = PostgresStore(database)
    await store.open()
    await store.close()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE schema_version SET version = %s", (VERSION + 1,))
        newer = PostgresStore(database)
        with pytest.raises(StoreError, match=r"PostgreSQL database test\d+ at .* has form \d+, of a newer alleyes"):
            await newer.open()
        await newer.close()
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [(VERSION + 1,)]


async def test_who_was_killed_in_between_is_taken_over_from(database: str) -> None:
    """Where tables are not taken back with a transaction, they are there and the version is the old one."""
    store = PostgresStore(database)
    await store.open()
    await store.close()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE schema_version SET version = 0")
        connection.execute("DROP TABLE rulings")
    again = PostgresStore(database)
    await again.open()
    assert (await again.rulings(Cursor(), 1))[0] == []
    await again.close()


async def test_a_current_database_takes_no_right_to_make_tables(database: str) -> None:
    owner = PostgresStore(database)
    await owner.open()
    await owner.close()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS plain")
        connection.execute("CREATE ROLE plain LOGIN")
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain")
    plain = PostgresStore(database.replace("user=alleyes", "user=plain"))
    await plain.open()
    assert (await plain.put([Row("a", "showings", 1, 1, b"x")]))[0].stored
    await plain.close()


async def test_a_user_without_the_right_is_told(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS stranger")
        connection.execute("CREATE ROLE stranger LOGIN")
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    store = PostgresStore(database.replace("user=alleyes", "user=stranger"))
    with pytest.raises(StoreError, match="let the service's user create tables"):
        await store.open()
    await store.close()
