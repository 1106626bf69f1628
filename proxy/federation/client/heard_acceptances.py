"""Acceptances that the service told, on disk: whoever adopts them stores them by itself, but later than they are noted.

After a crash in between, they are told again from here; and so is what was withdrawn, which it may still have stored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from proxy.federation.client.database import DamagedError

MOST = 1024
"""Acceptances that are remembered, with those that were withdrawn; the oldest give way."""
_CURSOR = "acceptances"


@dataclass(frozen=True)
class HeardAcceptances:
    """The acceptances in a database, within a transaction of `Disk`."""

    database: sqlite3.Connection

    @property
    def cursor(self) -> str:
        """Up to where the service has told; empty for nothing."""
        found = self.database.execute("SELECT value FROM word WHERE name = ?", (_CURSOR,)).fetchone()
        return "" if found is None else str(found[0])

    def note(self, accepted: Sequence[Acceptance], withdrawn: Sequence[Candidate], cursor: str) -> None:
        """Remember what was told, and up to where."""
        (newest,) = self.database.execute("SELECT coalesce(max(number), 0) FROM acceptance").fetchone()
        told = [(each.candidate, each.time, False) for each in accepted] + [(each, 0, True) for each in withdrawn]
        rows = [
            (msgspec.msgpack.encode(candidate), time, number, gone)
            for number, (candidate, time, gone) in enumerate(told, int(newest) + 1)
        ]
        self.database.executemany(
            "INSERT OR REPLACE INTO acceptance (candidate, time, number, withdrawn) VALUES (?, ?, ?, ?)", rows
        )
        self.database.execute(
            "DELETE FROM acceptance WHERE number <= (SELECT max(number) - ? FROM acceptance)", (MOST,)
        )
        self.database.execute("INSERT OR REPLACE INTO word VALUES (?, ?)", (_CURSOR, cursor))

    def all(self) -> list[Acceptance]:
        """Return what is remembered and holds, in the order in which it was told."""
        return [Acceptance(candidate=candidate, time=time) for candidate, time in self._those(withdrawn=False)]

    def withdrawn(self) -> list[Candidate]:
        """Return what is remembered and was taken back: it may have been adopted from elsewhere."""
        return [candidate for candidate, _ in self._those(withdrawn=True)]

    def _those(self, *, withdrawn: bool) -> list[tuple[Candidate, int]]:
        rows = self.database.execute(
            "SELECT candidate, time FROM acceptance WHERE withdrawn = ? ORDER BY number", (withdrawn,)
        ).fetchall()
        try:
            return [(msgspec.msgpack.decode(candidate, type=Candidate), time) for candidate, time in rows]
        except msgspec.MsgspecError as error:
            raise DamagedError(f"an acceptance cannot be read: {error}") from error
