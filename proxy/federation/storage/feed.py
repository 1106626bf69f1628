"""How far a feed was read, writer by writer.

Each process numbers what it changes 1, 2, 3, ... in the order in which it commits. Whoever has seen a number of a
writer has had the chance to see all smaller ones. A row that another writer changes moves to a number of that writer's.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence

from proxy.federation.storage.base import Cursor


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


def reached(newest: int, changes: Sequence[int], room: int) -> int:
    """Return how far a writer was read, when its changes were asked for and `room` of them would have been taken.

    Args:
        newest: its newest number, asked for before.
        changes: the numbers that were found, in order.
        room: how many would have been taken.
    """
    if len(changes) >= room:
        return changes[-1]
    return max(newest, changes[-1]) if changes else newest
