"""What is written of rulings on candidates in SQLite, within a transaction of the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vote, Vouched
from proxy.federation.storage import ruled
from proxy.federation.storage.base import MAX_ACCEPTANCES
from proxy.federation.topics import SHOWINGS

type Number = Callable[[sqlite3.Connection, int], tuple[str, int]]
"""Takes numbers for changes: returns the writer, and the first one."""

_PRESENT = "SELECT 1 FROM contributions WHERE origin = ? AND topic = ? AND body IS NOT NULL"
_KEEP = """
INSERT INTO rulings (digest, body, time, withdrawn, told, homes, alone, writer, change)
VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET withdrawn = 0, told = max(told, excluded.told), homes = max(homes, excluded.homes),
    alone = CASE WHEN homes = 0 THEN excluded.alone ELSE alone END,
    time = CASE WHEN withdrawn = 1 THEN excluded.time ELSE time END,
    writer = CASE WHEN withdrawn = 1 THEN excluded.writer ELSE writer END,
    change = CASE WHEN withdrawn = 1 THEN excluded.change ELSE change END
"""
_VOTE = "INSERT OR REPLACE INTO votes (digest, origin, witnesses, instances, onset) VALUES (?, ?, ?, ?, ?)"
_TAKEN_BACK = """
UPDATE rulings SET told = 0, withdrawn = (homes = 0), writer = ?, change = ?
WHERE digest = ? AND withdrawn = 0 AND (told = 1 OR homes = 0)
"""
_VOTED = """
SELECT digest, body, time, told, homes, alone FROM rulings
WHERE withdrawn = 0 AND (digest IN (SELECT digest FROM votes WHERE origin = ?) OR (? AND told = 0 AND homes = 0))
"""
_VOTES = "SELECT origin, witnesses, instances, onset FROM votes WHERE digest = ?"
_EXPIRE = """
DELETE FROM rulings WHERE digest IN
    (SELECT digest FROM rulings WHERE withdrawn = ? ORDER BY time DESC, digest LIMIT -1 OFFSET ?)
RETURNING digest
"""


def accept(database: sqlite3.Connection, vouched: Sequence[Vouched], number: Number) -> list[bool]:
    """Keep what holds of what was decided, and who vouched; return of each whether it does."""
    voters = ruled.voters(vouched)
    present = {origin for origin in voters if database.execute(_PRESENT, (origin, SHOWINGS)).fetchone()}
    held = ruled.holding(vouched, present)
    writer, first = number(database, len(held))
    database.executemany(
        _KEEP,
        [
            (*key, each.acceptance.time, 0, each.homes, each.alone, writer, change)
            for change, (key, each) in enumerate(held.values(), first)
        ],
    )
    database.executemany(_VOTE, [(digest, *vote) for digest, (_, each) in held.items() for vote in each.votes])
    _expire(database)
    return [ruled.Key.of(each.acceptance.candidate).digest in held for each in vouched]


def hear(
    database: sqlite3.Connection, accepted: Sequence[Acceptance], withdrawn: Sequence[Candidate], number: Number
) -> None:
    """Keep what the level above accepted and took back."""
    told, gone = ruled.told_rows(accepted), ruled.digests(withdrawn)
    writer, first = number(database, len(told) + len(gone))
    database.executemany(_KEEP, [(*each, 1, 0, 0, writer, change) for change, each in enumerate(told, first)])
    changed = enumerate(gone, first + len(told))
    database.executemany(_TAKEN_BACK, [(writer, change, digest) for change, digest in changed])
    _expire(database)


def remove(database: sqlite3.Connection, origin: str, number: Number, *, contributed: bool) -> None:
    """Decide again without an origin, once its contributions are taken out."""
    rows = database.execute(_VOTED, (origin, contributed)).fetchall()
    votes = [(row[0], Vote(*vote)) for row in rows for vote in database.execute(_VOTES, (row[0],))]
    database.execute("DELETE FROM votes WHERE origin = ?", (origin,))
    changes = ruled.without(ruled.carried(rows, votes), origin)
    withdrawn = [each.digest for each in changes if each.withdrawn]
    writer, first = number(database, len(withdrawn))
    database.executemany(
        "UPDATE rulings SET homes = ? WHERE digest = ?", [(each.homes, each.digest) for each in changes]
    )
    database.executemany(
        "UPDATE rulings SET withdrawn = 1, writer = ?, change = ? WHERE digest = ?",
        [(writer, change, digest) for change, digest in enumerate(withdrawn, first)],
    )
    _discard_votes(database, (each.digest for each in changes if each.drops_votes))


def _expire(database: sqlite3.Connection) -> None:
    for withdrawn in (0, 1):
        gone = database.execute(_EXPIRE, (withdrawn, MAX_ACCEPTANCES)).fetchall()
        _discard_votes(database, (digest for (digest,) in gone))


def _discard_votes(database: sqlite3.Connection, digests: Iterable[bytes]) -> None:
    database.executemany("DELETE FROM votes WHERE digest = ?", [(digest,) for digest in digests])
