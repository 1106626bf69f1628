"""Brings the tables in PostgreSQL to the form of this program, however many processes start at once."""

from __future__ import annotations

from psycopg import errors

from proxy.federation.storage import postgres_statements as sql
from proxy.federation.storage.migrations import POSTGRES, VERSION, VERSION_TABLE, steps
from proxy.federation.storage.postgres_connections import Connection, Connections


async def migrate(connections: Connections) -> None:
    """Take the steps that are missing, in one transaction that holds the lock row.

    A database that is up to date is only looked at: the service's user then needs no right to make tables.

    Raises:
        StoreError: a newer program has used the database, or it cannot be changed.
    """
    if await connections.transact(_version) != VERSION:
        await _make_lock_row(connections)
        await connections.transact(lambda connection: _take_steps(connection, connections.place))


async def _version(connection: Connection) -> int | None:
    try:
        # In a part of the transaction of its own: the error takes back that part alone.
        async with connection.transaction():
            row = await (await connection.execute(sql.VERSION)).fetchone()
    except errors.UndefinedTable:
        return None
    return row[0] if row else None


async def _make_lock_row(connections: Connections) -> None:
    async def make(connection: Connection) -> bool:
        try:
            async with connection.transaction():
                await connection.execute(VERSION_TABLE.format(**POSTGRES._asdict()))
                await connection.execute(sql.FIRST_VERSION)
        except (errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateObject):
            # IF NOT EXISTS does not see a table that another transaction makes at this moment.
            return False
        return True

    while not await connections.transact(make):
        pass


async def _take_steps(connection: Connection, place: str) -> None:
    for (version,) in await (await connection.execute(sql.LOCKED_VERSION)).fetchall():
        for statement in steps(POSTGRES, version, place):
            await connection.execute(statement)
    await connection.execute(sql.NEW_VERSION, (VERSION,))
