"""Stores of a federation service: each test that asks for one runs over both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from proxy.federation.storage.base import Store
from proxy.federation.storage.postgres import PostgresStore
from proxy.federation.storage.sqlite import SqliteStore

Opened = Callable[[], Store]
"""Makes another store, as another process would, over the same data."""


@pytest.fixture(params=["sqlite", "postgres"])
def store_at(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    if request.param == "postgres":
        conninfo = request.getfixturevalue("database")
        return lambda: PostgresStore(conninfo)
    return lambda: SqliteStore(tmp_path / "federation.db")


@pytest.fixture
async def store(store_at: Opened) -> AsyncIterator[Store]:
    store: Store = store_at()
    await store.open()
    yield store
    await store.close()
