"""Which store a configuration asks for."""

from __future__ import annotations

from pathlib import Path

from proxy.federation.service.stores import store_of
from proxy.federation.storage.postgres import PostgresStore
from proxy.federation.storage.sqlite import SqliteStore
from tests.proxy.federation.service.running import Place


def test_a_file_unless_there_is_a_database(tmp_path: Path) -> None:
    assert isinstance(store_of(Place(tmp_path).document), SqliteStore)
    postgres = {"storage": {"postgres": {"dsn": "host=/nowhere dbname=federation"}}}
    assert isinstance(store_of(Place(tmp_path, postgres).document), PostgresStore)
