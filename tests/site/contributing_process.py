"""A process that puts contributions into a store and says so after each, until it is killed.

    python -m tests.site.contributing_process (sqlite|postgres) PLACE EPOCH

Each caller puts two topics together. What it has been told is stored it prints: origin, epoch, sequence.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path

from proxy.federation.storage.base import Row, Store
from proxy.federation.storage.postgres import PostgresStore
from proxy.federation.storage.sqlite import SqliteStore

CALLERS = 16
TOPICS = ("model:/light", "showings")


def store_of(kind: str, place: str) -> Store:
    """Return a store that is not open."""
    return SqliteStore(Path(place)) if kind == "sqlite" else PostgresStore(place)


async def contribute(store: Store, caller: int, epoch: int) -> None:
    """Put one state after the other for ever."""
    for sequence in itertools.count(1):
        origin = f"o{caller}"
        for held in await store.put([Row(origin, topic, epoch, sequence, os.urandom(300)) for topic in TOPICS]):
            assert (held.epoch, held.sequence) == (epoch, sequence)
        os.write(sys.stdout.fileno(), f"{origin} {epoch} {sequence}\n".encode())


async def run(kind: str, place: str, epoch: int) -> None:
    """Contribute as several callers at once."""
    store = store_of(kind, place)
    await store.open()
    async with asyncio.TaskGroup() as callers:
        for caller in range(CALLERS):
            callers.create_task(contribute(store, caller, epoch))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
