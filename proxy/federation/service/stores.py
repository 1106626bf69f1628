"""The store that `federation.yaml` asks for."""

from __future__ import annotations

from proxy.federation.configuration import FederationDocument
from proxy.federation.storage.base import Store
from proxy.federation.storage.sqlite import SqliteStore


def store_of(document: FederationDocument) -> Store:
    """Return it, not yet opened."""
    return SqliteStore(document.storage.sqlite)
