"""The kinds of files that people write."""

from __future__ import annotations

from proxy.documents import DOCUMENTS


def test_every_kind_is_told_apart_by_its_settings() -> None:
    assert list(DOCUMENTS) == ["gateway", "policy", "inventory", "scenario", "federation", "mapping"]
    settings = [frozenset(document.model_fields) for document in DOCUMENTS.values()]
    assert len(set(settings)) == len(settings)
