"""Quarantines on disk (SQLite in WAL mode), so that they outlive the gateway."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from policy.quarantine import QuarantineEntry
from proxy.firewall.plan import Entry

FILE = "state.db"


class QuarantineStoreError(Exception):
    """The file cannot be used; the text names it and the remedy."""


class Stored(NamedTuple):
    """One stored quarantine."""

    entry: dict[str, object]
    """As `QuarantineRegister.restore` takes it."""
    kernel: Entry | None
    """What stood in the kernel for it, if anything."""


class QuarantineStore:
    """One row for each quarantined identity. Not thread-safe; kept on one background thread."""

    def __init__(self, directory: Path) -> None:
        """Open or make the file.

        Raises:
            QuarantineStoreError: it is damaged or not writable.
        """
        self._path = directory / FILE
        try:
            # Before SQLite does: the files that it makes beside it get the same permissions.
            self._path.touch(mode=0o600)
            self._path.chmod(0o600)
            self._database = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=5)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS quarantine"
                " (identity TEXT PRIMARY KEY, entry BLOB NOT NULL, kernel BLOB NOT NULL) STRICT"
            )
        except (sqlite3.Error, OSError) as error:
            raise QuarantineStoreError(
                f"{self._path}: {error}; make it writable, or move it away to start without quarantines"
            ) from error

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

    def all(self) -> list[Stored]:
        """Return all entries.

        Raises:
            QuarantineStoreError: the file is damaged.
        """
        try:
            rows = self._database.execute("SELECT entry, kernel FROM quarantine ORDER BY identity").fetchall()
            return [
                Stored(
                    entry=msgspec.json.decode(entry, type=dict[str, object]),
                    kernel=msgspec.json.decode(kernel, type=Entry | None),
                )
                for entry, kernel in rows
            ]
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise QuarantineStoreError(
                f"{self._path}: {error}; restore it from a backup, or move it away to start without quarantines"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
