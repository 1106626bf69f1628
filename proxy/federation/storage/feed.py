"""How far a feed was read, writer by writer.

Each process numbers what it changes 1, 2, 3, ... in the order in which it commits. Whoever has seen a number of a
writer has had the chance to see all smaller ones. A row that another writer changes moves to a number of that writer's.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from proxy.federation.storage.base import Cursor

_APART = 0.5


def new_writer() -> str:
    """Return an id for a process that writes, which no other has or had."""
    return secrets.token_urlsafe(9)


def positions(cursor: Cursor, newest: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return behind which number to go on reading, for each writer that there is.

    A writer that is gone has left nothing that could be read. One whose numbers are smaller than what was read stands
    in a database that was restored from a backup: it is read again.

    Args:
        cursor: how far was read.
        newest: the writers with their newest numbers, asked for before the changes are.
    """
    return {writer: read if (read := cursor.read.get(writer, 0)) <= number else 0 for writer, number in newest}


def reached(upto: int, changes: Sequence[int], room: int) -> int:
    """Return how far a writer was read.

    Args:
        upto: the number up to which its changes were asked for.
        changes: the numbers that were found, in order.
        room: how many would have been taken.
    """
    return changes[-1] if len(changes) >= room else upto


class Settling:
    """Keeps readers back from the newest numbers, where a commit becomes visible on one machine after the other."""

    def __init__(self, seconds: float) -> None:
        """Take for how long a commit may be visible in part; 0 where a commit is one moment."""
        self._seconds = seconds
        self._seen: deque[tuple[float, Mapping[str, int]]] = deque()

    def settled(self, newest: Mapping[str, int], now: float) -> Mapping[str, int]:
        """Return up to which number each writer may be read.

        Args:
            newest: their newest numbers.
            now: seconds, of a clock that only goes forward.
        """
        if not self._seconds:
            return newest
        # Two a second are remembered: however many ask, this stays small.
        if not self._seen or now - self._seen[-1][0] >= _APART:
            self._seen.append((now, newest))
        while len(self._seen) > 1 and self._seen[1][0] <= now - self._seconds:
            self._seen.popleft()
        then, numbers = self._seen[0]
        known = numbers if then <= now - self._seconds else {}
        return {writer: min(known.get(writer, 0), number) for writer, number in newest.items()}
