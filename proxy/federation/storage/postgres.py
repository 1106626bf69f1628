"""The store for any number of service processes over one PostgreSQL, or a database that speaks its language."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vouched
from proxy.federation.storage import postgres_rulings, ruled
from proxy.federation.storage import postgres_statements as sql
from proxy.federation.storage.base import (
    LAST,
    MAX_TOKENS,
    MAX_TOPICS,
    Certificate,
    Cursor,
    Held,
    Origin,
    Revocation,
    Revoked,
    Row,
    Ruling,
    StoreError,
    Token,
    check_rows,
)
from proxy.federation.storage.feed import Settling, new_writer, positions, reached
from proxy.federation.storage.group_commit import GroupCommit
from proxy.federation.storage.layers import layers
from proxy.federation.storage.postgres_connections import Connection, Connections
from proxy.federation.storage.postgres_migration import migrate
from proxy.federation.storage.postgres_rulings import Number

_FORGET_WRITERS = 24 * 3600 * 1000
"""Milliseconds after which a writer without rows is cleared away."""
_READY = 2.0
"""Seconds after which a store that does not answer is not ready."""


class PostgresStore:
    """`Store` in PostgreSQL."""

    def __init__(self, conninfo: str, *, settle: float = 0.0) -> None:
        """Take where to connect to later, as libpq understands it.

        Args:
            conninfo: the database.
            settle: seconds for which the feeds keep back from what is newest: 0, but for databases where a commit
                becomes visible on one machine after the other (Citus).

        Raises:
            StoreError: libpq does not understand it.
        """
        self._connections = Connections(conninfo)
        self._id = new_writer()
        self._committed = 0
        """The newest number under this id that is known to be committed."""
        self._puts = GroupCommit(self._commit)
        self._settling = {statement: Settling(settle) for statement in (sql.WRITERS, sql.RULING_WRITERS)}

    async def open(self) -> None:
        """See `Store`."""
        await self._connections.open()
        await migrate(self._connections)
        await self._connections.transact(_clear_writers)

    async def close(self) -> None:
        """See `Store`."""
        await self._puts.close()
        await self._connections.close()

    async def ready(self) -> None:
        """See `Store`."""

        async def work(connection: Connection) -> None:
            row = await (await connection.execute("SHOW transaction_read_only")).fetchone()
            if row != ("off",):
                raise StoreError(f"{self._connections.place}: read-only; connect to the server that can be written to")

        await self._connections.transact(work, patience=_READY)

    async def put(self, rows: Sequence[Row]) -> list[Held]:
        """See `Store`."""
        check_rows(rows)
        return await self._puts.put(rows) if rows else []

    async def remove(self, origin: str) -> int:
        """See `Store`."""

        async def work(connection: Connection, number: Number) -> int:
            # First of all, as when rows are put: who waits for whom does not form a circle within a process.
            await number(0)
            topics = [row[0] for row in await (await connection.execute(sql.TOPICS, (origin,))).fetchall()]
            writer, first = await number(len(topics))
            changes = list(range(first, first + len(topics)))
            removed = (await connection.execute(sql.REMOVE, (LAST, writer, topics, changes, origin))).rowcount
            await postgres_rulings.remove(connection, origin, number, contributed=bool(topics))
            return removed

        return await self._change(work)

    async def changes(self, cursor: Cursor, limit: int) -> tuple[list[Row], Cursor]:
        """See `Store`."""
        rows, after = await self._feed(sql.WRITERS, sql.CHANGES, cursor, limit)
        return [Row(*row) for row in rows], after

    async def add_token(self, token: Token, now: int) -> None:
        """See `Store`."""

        async def work(connection: Connection) -> None:
            await connection.execute(sql.EXPIRE_INVITATIONS, (now,))
            row = await (await connection.execute(sql.COUNT_INVITATIONS)).fetchone()
            if row is not None and row[0] >= MAX_TOKENS:
                raise StoreError(f"{row[0]} invitations wait to be used already: let them be used, or expire, first")
            await connection.execute(sql.ADD_INVITATION, (token.digest, token.origin, token.role, token.expires))

        await self._connections.transact(work, repeatable=False)

    async def token(self, digest: bytes, now: int) -> Token | None:
        """See `Store`."""

        async def work(connection: Connection) -> Token | None:
            row = await (await connection.execute(sql.INVITATION, (digest, now))).fetchone()
            return Token(*row) if row else None

        return await self._connections.transact(work)

    async def enrol(self, digest: bytes, certificate: Certificate, now: int) -> bool:
        """See `Store`."""

        async def work(connection: Connection) -> bool:
            used = (await connection.execute(sql.USE_INVITATION, (digest, now))).rowcount
            if used:
                await _certify(connection, certificate, now)
            return bool(used)

        return await self._connections.transact(work, repeatable=False)

    async def counts(self, serial: str) -> bool:
        """See `Store`."""

        async def work(connection: Connection) -> bool:
            return await (await connection.execute(sql.COUNTS, (serial,))).fetchone() is not None

        return await self._connections.transact(work)

    async def renew(self, serial: str, certificate: Certificate, now: int) -> bool:
        """See `Store`."""

        async def work(connection: Connection) -> bool:
            if not (await connection.execute(sql.HOLD_CERTIFICATE, (serial, certificate.origin))).rowcount:
                return False
            await _certify(connection, certificate, now)
            return True

        return await self._connections.transact(work, repeatable=False)

    async def revoke(self, origin: str, now: int) -> Revoked:
        """See `Store`."""

        async def work(connection: Connection, number: Number) -> Revoked:
            await number(0)
            # First these: what is being enrolled with one is waited for, and then found.
            invitations = (await connection.execute(sql.DISCARD_INVITATIONS, (origin,))).rowcount
            serials = await _hold_certificates(connection, origin)
            writer, first = await number(len(serials))
            changes = list(range(first, first + len(serials)))
            revoked = (await connection.execute(sql.REVOKE, (now, writer, serials, changes))).rowcount
            return Revoked(revoked, invitations)

        return await self._change(work)

    async def revocations(self, cursor: Cursor, limit: int) -> tuple[list[Revocation], Cursor]:
        """See `Store`."""
        rows, after = await self._feed(sql.WRITERS, sql.REVOCATIONS, cursor, limit)
        return [Revocation(*row) for row in rows], after

    async def origins(self, after: str, limit: int) -> list[Origin]:
        """See `Store`."""

        async def work(connection: Connection) -> list[Origin]:
            rows = await (await connection.execute(sql.ORIGINS, (after, limit))).fetchall()
            names = [row[0] for row in rows]
            topics: dict[str, int] = dict(await (await connection.execute(sql.COUNT_TOPICS, (names,))).fetchall())
            return [
                Origin(name, role, certificates, not_after, revoked, topics.get(name, 0))
                for name, role, certificates, not_after, revoked in rows
            ]

        return await self._connections.transact(work)

    async def accept(self, vouched: Sequence[Vouched]) -> list[bool]:
        """See `Store`."""
        ruled.check(vouched)
        return await self._change(lambda connection, number: postgres_rulings.accept(connection, vouched, number))

    async def hear(self, accepted: Sequence[Acceptance], withdrawn: Sequence[Candidate]) -> None:
        """See `Store`."""
        ruled.check(accepted, withdrawn)
        await self._change(lambda connection, number: postgres_rulings.hear(connection, accepted, withdrawn, number))

    async def rulings(self, cursor: Cursor, limit: int) -> tuple[list[Ruling], Cursor]:
        """See `Store`."""
        rows, after = await self._feed(sql.RULING_WRITERS, sql.RULINGS, cursor, limit)
        return [ruled.ruling(*row) for row in rows], after

    async def _commit(self, rows: Sequence[Row]) -> list[Held]:
        return await self._change(lambda connection, number: _put(connection, rows, number))

    async def _change[T](self, work: Callable[[Connection, Number], Awaitable[T]]) -> T:
        """Do something that takes numbers, in one transaction."""
        taken = "", 0

        async def run(connection: Connection) -> T:
            async def number(count: int) -> tuple[str, int]:
                nonlocal taken
                writer, first = await self._number(connection, count)
                taken = writer, first + count - 1
                return writer, first

            return await work(connection, number)

        done = await self._connections.transact(run)
        writer, newest = taken
        if writer == self._id:
            self._committed = max(self._committed, newest)
        return done

    async def _number(self, connection: Connection, count: int) -> tuple[str, int]:
        """Take numbers for changes of this transaction; return this writer's id and the first one.

        Until the transaction has ended, no other of this process gets any: numbers are committed in their order.
        """
        now = time.time_ns() // 1_000_000
        writer = self._id
        row = await (await connection.execute(sql.NUMBER, (count, now, writer, self._committed))).fetchone()
        if row is not None:
            return writer, row[0] - count + 1
        # An id that was cleared away, or has smaller numbers as in a restored backup, is not used again: readers may
        # still know how far they had read it.
        self._id = writer = new_writer()
        self._committed = 0
        await connection.execute(sql.NEW_WRITER, (writer, count, now))
        return writer, 1

    async def _feed(
        self, writers: str, changes: str, cursor: Cursor, limit: int
    ) -> tuple[list[tuple[Any, ...]], Cursor]:
        async def work(connection: Connection) -> tuple[list[tuple[Any, ...]], Cursor]:
            newest: dict[str, int] = dict(await (await connection.execute(writers)).fetchall())
            settled = self._settling[writers].settled(newest, time.monotonic())
            read = positions(cursor, newest.items())
            found: list[tuple[Any, ...]] = []
            for writer, after in read.items():
                room = limit - len(found)
                upto = settled[writer]
                if room > 0 and upto > after:
                    asked = (writer, after, upto, room)
                    rows = await (await connection.execute(changes, asked, binary=True)).fetchall()
                    read[writer] = reached(upto, [row[-1] for row in rows], room)
                    found += [row[:-1] for row in rows]
            return found, Cursor(read)

        return await self._connections.transact(work)


async def _put(connection: Connection, rows: Sequence[Row], number: Number) -> list[Held]:
    writer, first = await number(len(rows))
    held: dict[int, Held] = {}
    for part in layers(rows):
        held |= await _put_part(connection, {index: rows[index] for index in part}, writer, first)
    return [held[index] for index in range(len(rows))]


async def _certify(connection: Connection, certificate: Certificate, now: int) -> None:
    await connection.execute(sql.EXPIRE_CERTIFICATES, (certificate.origin, now))
    await connection.execute(
        sql.ADD_CERTIFICATE, (certificate.serial, certificate.origin, certificate.role, certificate.not_after)
    )


async def _hold_certificates(connection: Connection, origin: str) -> list[str]:
    """Lock what an origin has, so that none of it can be renewed any more; return the serial numbers.

    A renewal that was under way is waited for, and seen only by the next statement.
    """
    serials: list[str] | None = None
    while True:
        found = [row[0] for row in await (await connection.execute(sql.CERTIFICATES, (origin,))).fetchall()]
        if found == serials:
            return found
        serials = found


async def _put_part(connection: Connection, rows: dict[int, Row], writer: str, first: int) -> dict[int, Held]:
    """Put rows of which no two are of the same topic and origin; return what is held then, by index."""
    given = list(rows.values())
    cursor = await connection.execute(
        sql.PUT,
        (
            writer,
            [row.origin for row in given],
            [row.topic for row in given],
            [row.epoch for row in given],
            [row.sequence for row in given],
            [row.body for row in given],
            [first + index for index in rows],
        ),
    )
    fresh = {(origin, topic): bool(new) for origin, topic, new in await cursor.fetchall()}
    full = await _discard(connection, [key for key, new in fresh.items() if new])
    missing = [row for row in given if (row.origin, row.topic) not in fresh]
    held = await _held(connection, missing) if missing else {}

    def of(row: Row) -> Held:
        key = row.origin, row.topic
        if key in full:
            return Held(stored=False, epoch=row.epoch, sequence=row.sequence, full=True)
        epoch, sequence = held.get(key, row.stamp)
        return Held(stored=key in fresh, epoch=epoch, sequence=sequence)

    return {index: of(row) for index, row in rows.items()}


async def _held(connection: Connection, rows: Sequence[Row]) -> dict[tuple[str, str], tuple[int, int]]:
    cursor = await connection.execute(sql.HELD, ([row.origin for row in rows], [row.topic for row in rows]))
    return {(origin, topic): (epoch, sequence) for origin, topic, epoch, sequence in await cursor.fetchall()}


async def _discard(connection: Connection, new: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Take back new topics of origins that have too many; return which."""
    if not new:
        return set()
    cursor = await connection.execute(sql.FULL, (list({origin for origin, _ in new}), MAX_TOPICS))
    over = Counter({origin: count - MAX_TOPICS for origin, count in await cursor.fetchall()})
    full = set()
    for origin, topic in reversed(new):
        if over[origin] > 0:
            over[origin] -= 1
            full.add((origin, topic))
            await connection.execute(sql.DISCARD, (origin, topic))
    return full


async def _clear_writers(connection: Connection) -> None:
    """Forget processes that ended and have nothing left: each start of one makes a writer."""
    before = time.time_ns() // 1_000_000 - _FORGET_WRITERS
    for writer, newest in await (await connection.execute(sql.OLD_WRITERS, (before,))).fetchall():
        if not await _has_rows(connection, writer):
            await connection.execute(sql.CLEAR_WRITER, (writer, newest))


async def _has_rows(connection: Connection, writer: str) -> bool:
    for statement in sql.ROWS_OF_WRITER:
        if await (await connection.execute(statement, (writer,))).fetchone():
            return True
    return False
