"""Which store a configuration asks for."""

from __future__ import annotations

from pathlib import Path

from proxy.federation.service.stores import store_of
from proxy.federation.storage.base import Cursor, Row
from proxy.federation.storage.postgres import PostgresStore
from proxy.federation.storage.sqlite import SqliteStore
from tests.proxy.federation.service.running import Place


def test_a_file_unless_there_is_a_database(tmp_path: Path) -> None:
    assert isinstance(store_of(Place(tmp_path).document), SqliteStore)
    postgres = {"storage": {"postgres": {"dsn": "host=/nowhere dbname=federation"}}}
    assert isinstance(store_of(Place(tmp_path, postgres).document), PostgresStore)


async def test_feeds_keep_back_where_that_is_asked_for(tmp_path: Path, database: str) -> None:
    told: list[int] = []
    for settle in ({}, {"settle": "30s"}):
        store = store_of(Place(tmp_path, {"storage": {"postgres": {"dsn": database, **settle}}}).document)
        await store.open()
        await store.put([Row("site-a", "showings", 1, 1 + len(told), b"x")])
        told.append(len((await store.changes(Cursor(), 10))[0]))
        await store.close()
    assert told == [1, 0]
