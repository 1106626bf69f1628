"""`federation.db`: what a client keeps on disk (SQLite in WAL mode), and the one thread that touches it.

It holds nothing that could not be told or learnt again, except which epoch and sequence come next. So a damaged file is
moved aside and begun anew, with a new epoch; while the disk refuses, the federation pauses and everything else goes on.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import structlog

from proxy.storage.sqlite_file import BESIDE, make

FILE = "federation.db"
DAMAGED = "federation.damaged.db"
_VERSION = 2
_OF_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_PRIMARY = 0xFF
"""The part of an error code that says what happened; the rest says where."""
_SCHEMA = """
CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE word (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE outgoing (
    topic TEXT PRIMARY KEY, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, digest BLOB NOT NULL,
    body BLOB NOT NULL, taken REAL
) STRICT;
CREATE TABLE version (
    service_type TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, received REAL NOT NULL,
    sites INTEGER NOT NULL, nodes INTEGER NOT NULL, weight INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (service_type, name)
) STRICT;
CREATE TABLE adopted (
    service_type TEXT PRIMARY KEY, name TEXT NOT NULL, heard TEXT NOT NULL, listed TEXT NOT NULL, etag TEXT NOT NULL
) STRICT;
CREATE TABLE pin (service_type TEXT PRIMARY KEY, name TEXT NOT NULL, by TEXT NOT NULL, since REAL NOT NULL) STRICT;
CREATE TABLE acceptance (
    candidate BLOB PRIMARY KEY, time INTEGER NOT NULL, number INTEGER NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0
) STRICT;
"""
_FROM_1 = """
ALTER TABLE acceptance ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
DELETE FROM word WHERE name = 'acceptances';
"""
"""Acceptances are read from the beginning: which of them no longer hold was not understood before."""

log = structlog.get_logger("alleyes")


class DiskError(Exception):
    """The file cannot be used now; the text names it and says what can be done."""


class DamagedError(Exception):
    """What is in the file cannot be what was written there."""


class Disk:
    """The file, opened when it is needed, and again after it refused."""

    def __init__(self, directory: Path, on_new: Callable[[sqlite3.Connection], None]) -> None:
        """Keep the file in a state directory; `on_new` fills one that was just made."""
        self._directory = directory
        self._on_new = on_new
        self._database: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="federation")

    async def run[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` does with the database, in one durable transaction, in the thread.

        Raises:
            DiskError: it was not done.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.do, work)

    def do[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the same here and now, for whoever is in the thread, or has none.

        Raises:
            DiskError: it was not done.
        """
        path = self._directory / FILE
        try:
            database = self._database
            if database is None:
                database = self._database = _opened(path, self._on_new)
            with database:
                database.execute("BEGIN IMMEDIATE")
                return work(database)
        except (sqlite3.Error, DamagedError, OSError) as error:
            self._close()
            if not _is_damage(error):
                raise DiskError(
                    f"{path}: {error}; the federation pauses -- make room on the disk, or make the file writable"
                ) from error
            aside = self._move_aside(path)
            told = f"{path}: is damaged ({error}); it was moved to {aside.name}, and the federation begins anew"
            log.error("federation", detail=told)
            raise DiskError(told) from error

    async def call[**P, T](self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what anything else does that waits for a disk, in the same thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *arguments, **named))

    async def close(self) -> None:
        """Finish what is under way, and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _move_aside(self, path: Path) -> Path:
        aside = path.with_name(DAMAGED)
        try:
            for suffix in ("", *BESIDE):
                aside.with_name(DAMAGED + suffix).unlink(missing_ok=True)
                moved = path.with_name(FILE + suffix)
                if moved.exists():
                    moved.replace(aside.with_name(DAMAGED + suffix))
        except OSError as error:
            raise DiskError(f"{path}: is damaged, and cannot be moved aside: {error.strerror} -- remove it") from error
        return aside


def _opened(path: Path, on_new: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    make(path)
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        if (version := _version(database)) < _VERSION:
            database.execute("BEGIN IMMEDIATE")
            for statement in (_SCHEMA if version == 0 else _FROM_1).split(";"):
                database.execute(statement)
            if version == 0:
                on_new(database)
            database.execute(f"PRAGMA user_version = {_VERSION}")
            database.execute("COMMIT")
        _require_good(database)
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def _require_good(database: sqlite3.Connection) -> None:
    if (version := _version(database)) != _VERSION:
        raise DamagedError(f"it is of version {version}, and this is for version {_VERSION}")
    (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise DamagedError(str(found).splitlines()[-1])


def _is_damage(error: Exception) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _OF_DAMAGE
    return isinstance(error, DamagedError)
