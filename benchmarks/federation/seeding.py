"""Puts origins into a store as if they had contributed: to enrol and connect 100,000 of them would take an hour.

What is stored is what the service would have stored of them, and services read it as they read what others stored.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.federation.bodies import States
from benchmarks.federation.services import Database
from benchmarks.federation.stamping import body
from proxy.federation.service.topics import model_topic
from proxy.federation.storage.base import MAX_ROWS, Row, Store
from proxy.federation.storage.postgres import PostgresStore
from proxy.federation.storage.sqlite import SqliteStore


def store_of(database: Database) -> Store:
    """Return a store that is not open."""
    return SqliteStore(Path(database.where)) if database.server is None else PostgresStore(database.where)


async def seed(database: Database, states: States, first: int, last: int, epoch: int) -> None:
    """Store a contribution of each of the origins with numbers from `first` up to `last`, that one not.

    Raises:
        StoreError: it cannot be done.
    """
    store = store_of(database)
    await store.open()
    try:
        for begin in range(first, last, MAX_ROWS):
            numbers = range(begin, min(begin + MAX_ROWS, last))
            await store.put([_row(states, number, epoch) for number in numbers])
    finally:
        await store.close()


def _row(states: States, number: int, epoch: int) -> Row:
    model = states.models[number % len(states.models)]
    return Row(f"seeded-{number}", model_topic(states.service_type), epoch, 1, body(model, epoch, 1))
