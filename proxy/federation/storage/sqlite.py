"""The embedded store: one SQLite file in WAL mode, for a service that is one process on one machine.

Everything is written on one thread and read on another, each with its own connection, so that the event loop never
waits and readers do not wait for writers. Another process may use the file as well, as the command line does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vouched
from proxy.federation.storage import ruled, sqlite_rulings
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
from proxy.federation.storage.feed import new_writer, positions, reached
from proxy.federation.storage.group_commit import GroupCommit
from proxy.federation.storage.migrations import SQLITE, VERSION, VERSION_TABLE, steps
from proxy.storage.ownership import give_to_owner_of

_CACHE = 32_768
"""KiB of pages that a connection keeps: of many origins any may come next."""
_WAIT = 5.0
"""Seconds to wait for another process that writes."""

_PUT = """
INSERT INTO contributions (origin, topic, epoch, sequence, body, fresh, writer, change) VALUES (?, ?, ?, ?, ?, 1, ?, ?)
ON CONFLICT (origin, topic) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, body = excluded.body,
    fresh = 0, writer = excluded.writer, change = excluded.change
WHERE (excluded.epoch, excluded.sequence) > (contributions.epoch, contributions.sequence)
RETURNING fresh
"""
_HELD = "SELECT epoch, sequence FROM contributions WHERE origin = ? AND topic = ?"
_TOPICS = "SELECT COUNT(*) FROM contributions WHERE origin = ?"
_INVITATION = "SELECT digest, origin, role, expires FROM tokens WHERE digest = ? AND expires > ?"
_COUNTS = "SELECT 1 FROM certificates WHERE serial = ? AND revoked IS NULL"
_RENEWABLE = "SELECT 1 FROM certificates WHERE serial = ? AND origin = ? AND revoked IS NULL"
_ORIGINS = """
SELECT origin, MAX(role), COUNT(*) - COUNT(revoked), MAX(CASE WHEN revoked IS NULL THEN not_after END), MAX(revoked),
    (SELECT COUNT(*) FROM contributions AS c WHERE c.origin = certificates.origin AND c.body IS NOT NULL)
FROM certificates WHERE origin > ? GROUP BY origin ORDER BY origin LIMIT ?
"""


class _Feed(NamedTuple):
    """How one of the feeds is read."""

    writers: str
    """Asks for writers and their newest numbers."""
    changes: str
    """Asks for rows of a writer, behind a number, in order; the last column is the number."""


_WRITERS = "SELECT writer, newest FROM writers"
_CONTRIBUTIONS = _Feed(
    _WRITERS,
    "SELECT origin, topic, epoch, sequence, body, change FROM contributions"
    " WHERE writer = ? AND change > ? ORDER BY change LIMIT ?",
)
_REVOCATIONS = _Feed(
    _WRITERS,
    "SELECT serial, origin, not_after, revoked, change FROM certificates"
    " WHERE writer = ? AND change > ? ORDER BY change LIMIT ?",
)
_RULINGS = _Feed(
    # Cursors of this feed travel to clients: without the writers that have none they are short.
    "SELECT writer, MAX(change) FROM rulings GROUP BY writer",
    "SELECT body, time, withdrawn, change FROM rulings WHERE writer = ? AND change > ? ORDER BY change LIMIT ?",
)


class SqliteStore:
    """`Store` in one file. Numbers its changes like any writer: a file that was restored from a backup starts anew."""

    def __init__(self, path: Path) -> None:
        """Take a file that is opened later, in a directory that exists."""
        self._path = path
        self._id = new_writer()
        self._committed = 0
        """The newest number under this id that is known to be committed."""
        self._taken = 0
        """The newest that the transaction under way has taken."""
        self._puts = GroupCommit(self._commit)
        self._writing = ThreadPoolExecutor(1, "federation-write")
        self._reading = ThreadPoolExecutor(1, "federation-read")
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    async def open(self) -> None:
        """See `Store`."""
        await self._in(self._writing, self._open)

    async def close(self) -> None:
        """See `Store`."""
        await self._puts.close()
        loop = asyncio.get_running_loop()
        for executor, connection in ((self._reading, self._reader), (self._writing, self._writer)):
            if connection is not None:
                await loop.run_in_executor(executor, connection.close)
            executor.shutdown()

    async def ready(self) -> None:
        """See `Store`."""
        await self._write(lambda database: database.execute("UPDATE schema_version SET version = version"))

    async def put(self, rows: Sequence[Row]) -> list[Held]:
        """See `Store`."""
        check_rows(rows)
        return await self._puts.put(rows) if rows else []

    async def remove(self, origin: str) -> int:
        """See `Store`."""

        def work(database: sqlite3.Connection) -> int:
            topics = database.execute(
                "SELECT topic FROM contributions WHERE origin = ? AND body IS NOT NULL ORDER BY topic", (origin,)
            ).fetchall()
            first = self._number(database, len(topics))
            database.executemany(
                "UPDATE contributions SET body = NULL, sequence = ?, writer = ?, change = ?"
                " WHERE origin = ? AND topic = ?",
                [(LAST, self._id, first + index, origin, topic) for index, (topic,) in enumerate(topics)],
            )
            sqlite_rulings.remove(database, origin, self._numbers, contributed=bool(topics))
            return len(topics)

        return await self._write(work)

    async def changes(self, cursor: Cursor, limit: int) -> tuple[list[Row], Cursor]:
        """See `Store`."""
        rows, after = await self._feed(_CONTRIBUTIONS, cursor, limit)
        return [Row(*row) for row in rows], after

    async def add_token(self, token: Token, now: int) -> None:
        """See `Store`."""

        def work(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM tokens WHERE expires <= ?", (now,))
            (count,) = database.execute("SELECT COUNT(*) FROM tokens").fetchone()
            if count >= MAX_TOKENS:
                raise StoreError(f"{count} invitations wait to be used already: let them be used, or expire, first")
            database.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?)", (token.digest, token.origin, token.role, token.expires)
            )

        await self._write(work)

    async def token(self, digest: bytes, now: int) -> Token | None:
        """See `Store`."""
        found = await self._read(lambda database: database.execute(_INVITATION, (digest, now)).fetchall())
        return Token(*found[0]) if found else None

    async def enrol(self, digest: bytes, certificate: Certificate, now: int) -> bool:
        """See `Store`."""

        def work(database: sqlite3.Connection) -> bool:
            used = database.execute("DELETE FROM tokens WHERE digest = ? AND expires > ?", (digest, now)).rowcount
            if used:
                _certify(database, certificate, now)
            return bool(used)

        return await self._write(work)

    async def counts(self, serial: str) -> bool:
        """See `Store`."""
        return bool(await self._read(lambda database: database.execute(_COUNTS, (serial,)).fetchall()))

    async def renew(self, serial: str, certificate: Certificate, now: int) -> bool:
        """See `Store`."""

        def work(database: sqlite3.Connection) -> bool:
            if not database.execute(_RENEWABLE, (serial, certificate.origin)).fetchall():
                return False
            _certify(database, certificate, now)
            return True

        return await self._write(work)

    async def revoke(self, origin: str, now: int) -> Revoked:
        """See `Store`."""

        def work(database: sqlite3.Connection) -> Revoked:
            invitations = database.execute("DELETE FROM tokens WHERE origin = ?", (origin,)).rowcount
            serials = database.execute(
                "SELECT serial FROM certificates WHERE origin = ? AND revoked IS NULL ORDER BY serial", (origin,)
            ).fetchall()
            first = self._number(database, len(serials))
            database.executemany(
                "UPDATE certificates SET revoked = ?, writer = ?, change = ? WHERE serial = ?",
                [(now, self._id, first + index, serial) for index, (serial,) in enumerate(serials)],
            )
            return Revoked(len(serials), invitations)

        return await self._write(work)

    async def revocations(self, cursor: Cursor, limit: int) -> tuple[list[Revocation], Cursor]:
        """See `Store`."""
        rows, after = await self._feed(_REVOCATIONS, cursor, limit)
        return [Revocation(*row) for row in rows], after

    async def origins(self, after: str, limit: int) -> list[Origin]:
        """See `Store`."""
        rows = await self._read(lambda database: database.execute(_ORIGINS, (after, limit)).fetchall())
        return [Origin(*row) for row in rows]

    async def accept(self, vouched: Sequence[Vouched]) -> list[bool]:
        """See `Store`."""
        ruled.check(vouched)
        return await self._write(lambda database: sqlite_rulings.accept(database, vouched, self._numbers))

    async def hear(self, accepted: Sequence[Acceptance], withdrawn: Sequence[Candidate]) -> None:
        """See `Store`."""
        ruled.check(accepted, withdrawn)
        await self._write(lambda database: sqlite_rulings.hear(database, accepted, withdrawn, self._numbers))

    async def rulings(self, cursor: Cursor, limit: int) -> tuple[list[Ruling], Cursor]:
        """See `Store`."""
        rows, after = await self._feed(_RULINGS, cursor, limit)
        return [ruled.ruling(*row) for row in rows], after

    def _open(self) -> None:
        # Before SQLite does: the files that it makes beside it get the same permissions and the same owner.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            give_to_owner_of(self._path.parent, descriptor)
        finally:
            os.close(descriptor)
        self._writer = self._connect()
        self._writer.execute("PRAGMA journal_mode = WAL")
        with _transaction(self._writer, "BEGIN IMMEDIATE"):
            self._migrate(self._writer)
        self._reader = self._connect()
        self._reader.execute("PRAGMA query_only = ON")

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=_WAIT)
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA cache_size = -{_CACHE}")
        return database

    def _migrate(self, database: sqlite3.Connection) -> None:
        # Only one process at a time is in a writing transaction: it is the lock.
        database.execute(VERSION_TABLE.format(**SQLITE._asdict()))
        database.execute("INSERT INTO schema_version VALUES (1, 0) ON CONFLICT DO NOTHING")
        (version,) = database.execute("SELECT version FROM schema_version WHERE id = 1").fetchone()
        for statement in steps(SQLITE, version, str(self._path)):
            database.execute(statement)
        database.execute("UPDATE schema_version SET version = ? WHERE id = 1", (VERSION,))
        # What was read from a writer that has no row left can not change any more.
        database.execute(
            "DELETE FROM writers WHERE NOT EXISTS (SELECT 1 FROM contributions AS c WHERE c.writer = writers.writer)"
            " AND NOT EXISTS (SELECT 1 FROM certificates AS c WHERE c.writer = writers.writer)"
            " AND NOT EXISTS (SELECT 1 FROM rulings AS r WHERE r.writer = writers.writer)"
        )

    def _number(self, database: sqlite3.Connection, count: int) -> int:
        """Take numbers for changes of this transaction; return the first one."""
        now = time.time_ns() // 1_000_000
        newest = database.execute(
            "UPDATE writers SET newest = newest + ?, seen = ? WHERE writer = ? AND newest >= ? RETURNING newest",
            (count, now, self._id, self._committed),
        ).fetchall()
        if newest:
            self._taken = int(newest[0][0])
            return self._taken - count + 1
        # An id that was cleared away, or has smaller numbers as in a restored backup, is not used again: readers may
        # still know how far they had read it.
        self._id = new_writer()
        self._taken, self._committed = count, 0
        database.execute("INSERT INTO writers VALUES (?, ?, ?)", (self._id, count, now))
        return 1

    def _numbers(self, database: sqlite3.Connection, count: int) -> tuple[str, int]:
        """Take numbers; return also whose they are: the id may be a new one then."""
        first = self._number(database, count)
        return self._id, first

    async def _commit(self, rows: Sequence[Row]) -> list[Held]:
        return await self._write(lambda database: self._put(database, rows))

    def _put(self, database: sqlite3.Connection, rows: Sequence[Row]) -> list[Held]:
        first = self._number(database, len(rows))
        return [self._put_one(database, row, first + index) for index, row in enumerate(rows)]

    def _put_one(self, database: sqlite3.Connection, row: Row, change: int) -> Held:
        values = (row.origin, row.topic, row.epoch, row.sequence, row.body, self._id, change)
        stored = database.execute(_PUT, values).fetchall()
        key = (row.origin, row.topic)
        if not stored:
            epoch, sequence = database.execute(_HELD, key).fetchone()
            return Held(stored=False, epoch=epoch, sequence=sequence)
        if stored[0][0]:
            (topics,) = database.execute(_TOPICS, (row.origin,)).fetchone()
            if topics > MAX_TOPICS:
                database.execute("DELETE FROM contributions WHERE origin = ? AND topic = ?", key)
                return Held(stored=False, epoch=row.epoch, sequence=row.sequence, full=True)
        return Held(stored=True, epoch=row.epoch, sequence=row.sequence)

    async def _feed(self, feed: _Feed, cursor: Cursor, limit: int) -> tuple[list[tuple[Any, ...]], Cursor]:
        def work(database: sqlite3.Connection) -> tuple[list[tuple[Any, ...]], Cursor]:
            newest = dict(database.execute(feed.writers).fetchall())
            read = positions(cursor, newest.items())
            found: list[tuple[Any, ...]] = []
            for writer, after in read.items():
                room = limit - len(found)
                if room > 0 and newest[writer] > after:
                    rows = database.execute(feed.changes, (writer, after, room)).fetchall()
                    read[writer] = reached(newest[writer], [row[-1] for row in rows], room)
                    found += [row[:-1] for row in rows]
            return found, Cursor(read)

        return await self._read(work)

    async def _write[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            database = self._opened(self._writer)
            self._taken = self._committed
            with _transaction(database, "BEGIN IMMEDIATE"):
                done = work(database)
            self._committed = self._taken
            return done

        return await self._in(self._writing, run)

    async def _read[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            database = self._opened(self._reader)
            with _transaction(database, "BEGIN"):
                return work(database)

        return await self._in(self._reading, run)

    def _opened(self, connection: sqlite3.Connection | None) -> sqlite3.Connection:
        if connection is None:
            raise StoreError(f"{self._path}: not open; see why it could not be opened")
        return connection

    async def _in[T](self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self._path}: {error}; {_remedy(error)}") from error


def _certify(database: sqlite3.Connection, certificate: Certificate, now: int) -> None:
    database.execute("DELETE FROM certificates WHERE origin = ? AND not_after <= ?", (certificate.origin, now))
    database.execute(
        "INSERT INTO certificates (serial, origin, role, not_after) VALUES (?, ?, ?, ?)",
        (certificate.serial, certificate.origin, certificate.role, certificate.not_after),
    )


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection, begin: str) -> Iterator[None]:
    database.execute(begin)
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _remedy(error: Exception) -> str:
    # What SQLite calls operational is about reaching the file, the rest about what is in it.
    if isinstance(error, OSError | sqlite3.OperationalError):
        return "make its directory writable for the service, with space left, and used by no other program"
    return "restore it from a backup, or move it away: everybody then enrols again, and brings its state"
