"""Quarantines, and who had them before, on disk (SQLite in WAL mode), so that they outlive the gateway."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from policy.escalation import MOST_SENDERS, PastQuarantine
from policy.quarantine import QuarantineEntry, QuarantineRegister
from proxy.firewall.plan import Entry
from proxy.storage.sqlite_file import address_for_reading, make

FILE = "state.db"


class QuarantineStoreError(Exception):
    """The file cannot be used; the text names it and the remedy."""


class Stored(NamedTuple):
    """One stored quarantine."""

    entry: dict[str, object]
    """As `QuarantineRegister.restore` takes it."""
    kernel: Entry | None
    """What stood in the kernel for it, if anything."""


def look(directory: Path) -> None:
    """Check what a directory holds, also while a gateway writes there; neither make nor change a file.

    Raises:
        QuarantineStoreError: the file cannot be used.
    """
    path = directory / FILE
    if not os.path.lexists(path):
        return
    try:
        _require_writable(path)
        with contextlib.closing(sqlite3.connect(address_for_reading(path), uri=True, timeout=5)) as database:
            if database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'quarantine'").fetchone() is not None:
                QuarantineRegister().restore((each.entry for each in _stored(database)), now=0.0)
    except (sqlite3.Error, msgspec.MsgspecError, ValueError, OSError) as error:
        raise _refusal(path, error) from error


def _require_writable(path: Path) -> None:
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _stored(database: sqlite3.Connection) -> list[Stored]:
    rows = database.execute("SELECT entry, kernel FROM quarantine ORDER BY identity").fetchall()
    return [
        Stored(
            entry=msgspec.json.decode(entry, type=dict[str, object]),
            kernel=msgspec.json.decode(kernel, type=Entry | None),
        )
        for entry, kernel in rows
    ]


def _refusal(path: Path, error: Exception) -> QuarantineStoreError:
    # What SQLite calls operational is about reaching the file, the rest about what is in it.
    reaching = isinstance(error, OSError | sqlite3.OperationalError)
    remedy = "make it writable" if reaching else "restore it from a backup"
    return QuarantineStoreError(f"{path}: {error}; {remedy}, or move it away to start without quarantines")


class QuarantineStore:
    """One row for each quarantined identity. Not thread-safe; kept on one background thread."""

    def __init__(self, directory: Path) -> None:
        """Open or make the file.

        Raises:
            QuarantineStoreError: it is damaged or not writable.
        """
        self._path = directory / FILE
        try:
            make(self._path)
            self._database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=5)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS quarantine"
                " (identity TEXT PRIMARY KEY, entry BLOB NOT NULL, kernel BLOB NOT NULL) STRICT"
            )
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS past"
                " (identity TEXT PRIMARY KEY, times INTEGER NOT NULL, until REAL NOT NULL) STRICT"
            )
        except (sqlite3.Error, OSError) as error:
            raise _refusal(self._path, error) from error

    def put(self, entry: QuarantineEntry, kernel: Entry | None) -> None:
        """Store an entry, in place of an older one of the same identity, with what the kernel has of it."""
        self._database.execute(
            "INSERT INTO quarantine VALUES (?, ?, ?)"
            " ON CONFLICT (identity) DO UPDATE SET entry = excluded.entry, kernel = excluded.kernel",
            (entry.identity, msgspec.json.encode(entry), msgspec.json.encode(kernel)),
        )

    def remove(self, identity: str) -> None:
        """Forget an entry; an unknown identity is passed over."""
        self._database.execute("DELETE FROM quarantine WHERE identity = ?", (identity,))

    def remember(self, past: PastQuarantine) -> None:
        """Store that an identity was quarantined. Of more than there is room for, those that ended first go."""
        self._database.execute(
            "INSERT INTO past VALUES (?, ?, ?)"
            " ON CONFLICT (identity) DO UPDATE SET times = excluded.times, until = excluded.until",
            (past.identity, past.times, past.until),
        )
        self._database.execute(
            "DELETE FROM past WHERE identity IN (SELECT identity FROM past ORDER BY until DESC LIMIT -1 OFFSET ?)",
            (MOST_SENDERS,),
        )

    def forget(self, identity: str) -> None:
        """Forget that an identity was quarantined; an unknown one is passed over."""
        self._database.execute("DELETE FROM past WHERE identity = ?", (identity,))

    def history(self) -> list[PastQuarantine]:
        """Return who was quarantined before.

        Raises:
            QuarantineStoreError: the file is damaged.
        """
        try:
            rows = self._database.execute("SELECT identity, times, until FROM past").fetchall()
        except sqlite3.Error as error:
            raise _refusal(self._path, error) from error
        return [PastQuarantine(identity=identity, times=times, until=until) for identity, times, until in rows]

    def all(self) -> list[Stored]:
        """Return all entries.

        Raises:
            QuarantineStoreError: the file is damaged.
        """
        try:
            return _stored(self._database)
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise _refusal(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
