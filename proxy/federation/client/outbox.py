"""What an origin has told, or has yet to tell, on disk: of each topic the newest state, with its epoch and sequence.

Each state is cumulative and replaces the one before, so the outbox is bounded by the number of topics, however long the
service is away. A stamp is on disk before it leaves: after a crash the same bytes are sent again, or newer ones.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from proxy.federation.client.database import DamagedError
from proxy.federation.topics import MODEL, type_of

AGAIN = 6 * 3600.0
"""Seconds of real time after which the service is told again what it took: it may have lost its disk since. The stamp
is the same, so that a service that holds it has no work."""
_EPOCH = "epoch"
_SEQUENCE = "sequence"
_EPOCHS = "epochs"
_DIGEST = 16

type Render = Callable[[int, int], bytes]
"""Returns the bytes of a state with its epoch and sequence."""


class Outgoing(NamedTuple):
    """A state to be sent."""

    topic: str
    epoch: int
    sequence: int
    body: bytes


def begin(database: sqlite3.Connection, now: float) -> None:
    """Begin the first epoch, in a new database, at real time `now` (s)."""
    database.executemany("INSERT INTO number VALUES (?, ?)", [(_EPOCH, int(now * 1000)), (_SEQUENCE, 0), (_EPOCHS, 1)])


def digest(state: bytes) -> bytes:
    """Return what tells whether a state has changed."""
    return hashlib.blake2b(state, digest_size=_DIGEST).digest()


@dataclass(frozen=True)
class Outbox:
    """The outbox in a database, within a transaction of `Disk`."""

    database: sqlite3.Connection

    @property
    def epoch(self) -> int:
        """The epoch, ms of real time when it began."""
        return self._number(_EPOCH)

    @property
    def sequence(self) -> int:
        """The newest sequence in it."""
        return self._number(_SEQUENCE)

    @property
    def epochs(self) -> int:
        """How many epochs there have been since the file was made."""
        return self._number(_EPOCHS)

    def put(self, topic: str, content: bytes, render: Render) -> bool:
        """Have a state sent in place of the topic's older one, if it is another; return whether it is."""
        found = self.database.execute("SELECT digest FROM outgoing WHERE topic = ?", (topic,)).fetchone()
        if found is not None and found[0] == content:
            return False
        epoch, sequence = self.epoch, self.sequence + 1
        self.database.execute("UPDATE number SET value = ? WHERE name = ?", (sequence, _SEQUENCE))
        self.database.execute(
            "INSERT OR REPLACE INTO outgoing VALUES (?, ?, ?, ?, ?, NULL)",
            (topic, epoch, sequence, content, render(epoch, sequence)),
        )
        return True

    def keep_only(self, topics: Collection[str]) -> None:
        """Forget models of topics that there are no more."""
        held = [topic for (topic,) in self.database.execute("SELECT topic FROM outgoing")]
        gone = [(topic,) for topic in held if topic.startswith(MODEL) and topic not in topics]
        self.database.executemany("DELETE FROM outgoing WHERE topic = ?", gone)

    def waiting(self, now: float, topics: str, after: int, most: int) -> list[Outgoing]:
        """Return what is to be sent at real time `now` (s).

        Args:
            now: Real time, s.
            topics: How their topics begin.
            after: Their sequences are above it; the lowest come first.
            most: Number of states.
        """
        rows = self.database.execute(
            "SELECT topic, epoch, sequence, body FROM outgoing WHERE substr(topic, 1, ?) = ?"
            " AND (taken IS NULL OR abs(taken - ?) > ?) AND sequence > ? ORDER BY sequence LIMIT ?",
            (len(topics), topics, now, AGAIN, after, most),
        ).fetchall()
        return [Outgoing(*row) for row in rows]

    def unsent(self) -> int:
        """Return how many topics have a state that the service has not taken."""
        (count,) = self.database.execute("SELECT count(*) FROM outgoing WHERE taken IS NULL").fetchone()
        return int(count)

    def taken(self, sent: Outgoing, now: float) -> None:
        """Note that the service holds a state; one that replaced it meanwhile goes on waiting."""
        self.database.execute(
            "UPDATE outgoing SET taken = ? WHERE topic = ? AND epoch = ? AND sequence = ?",
            (now, sent.topic, sent.epoch, sent.sequence),
        )

    def tell_again(self, held: Collection[str], *, anyway: bool) -> bool:
        """Have everything sent again, with the same stamps, where the service seems to have lost it; return whether.

        Args:
            held: Service types of which the service has something.
            anyway: Also if it has something of each that it took.
        """
        rows = self.database.execute("SELECT topic FROM outgoing WHERE taken IS NOT NULL").fetchall()
        lost = [topic for (topic,) in rows if (name := type_of(topic)) is not None and name not in held]
        if not lost and not anyway:
            return False
        self.database.execute("UPDATE outgoing SET taken = NULL")
        return True

    def begin_epoch(self, held: int, now: float) -> int:
        """Begin anew, after what the service holds, at real time `now` (s); all has to be told again.

        Args:
            held: Epoch of what the service holds.
            now: Real time, s.

        Returns:
            The new epoch.
        """
        epoch = max(int(now * 1000), held + 1, self.epoch + 1)
        self.database.executemany(
            "UPDATE number SET value = ? WHERE name = ?", [(epoch, _EPOCH), (0, _SEQUENCE), (self.epochs + 1, _EPOCHS)]
        )
        self.database.execute("DELETE FROM outgoing")
        return epoch

    def _number(self, name: str) -> int:
        found = self.database.execute("SELECT value FROM number WHERE name = ?", (name,)).fetchone()
        if found is None:
            raise DamagedError(f"there is no {name}")
        return int(found[0])
