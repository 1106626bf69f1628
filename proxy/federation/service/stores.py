"""The store that `federation.yaml` asks for."""

from __future__ import annotations

from proxy.federation.configuration import FederationDocument
from proxy.federation.storage.base import Store
from proxy.federation.storage.postgres import PostgresStore
from proxy.federation.storage.sqlite import SqliteStore


def store_of(document: FederationDocument) -> Store:
    """Return it, not yet opened.

    Raises:
        StoreError: the database's address cannot be understood.
    """
    postgres = document.storage.postgres
    if postgres is not None:
        return PostgresStore(postgres.dsn.get_secret_value(), settle=postgres.settle or 0)
    return SqliteStore(document.storage.sqlite)
