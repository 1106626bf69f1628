"""The last mappings that were good, over a restart."""

from __future__ import annotations

from pathlib import Path

from policy.loading import check_document
from proxy.decoders.rest.loading import packed
from proxy.decoders.rest.mapping import MappingDocument
from proxy.storage.mappings_store import FILE, MappingsStore
from tests.proxy.test_mappings import LAMP

MAPPING = packed(check_document(LAMP, Path("lamp.yaml"), MappingDocument))


def test_what_was_kept_stands_in_for_the_same_file_alone(tmp_path: Path) -> None:
    MappingsStore(tmp_path).save({"lamp": MAPPING, "things": MAPPING}, {"lamp": "lamp.yaml"})
    store = MappingsStore(tmp_path)
    assert store.load("lamp", "lamp.yaml") == MAPPING
    assert store.load("lamp", "other.yaml") is None
    assert store.load("things", "lamp.yaml") is None
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_what_this_version_cannot_use_is_none(tmp_path: Path) -> None:
    store = MappingsStore(tmp_path)
    assert store.load("lamp", "lamp.yaml") is None
    store.save({"lamp": b'{"name": "Of another version", "words": 1}'}, {"lamp": "lamp.yaml"})
    assert store.load("lamp", "lamp.yaml") is None
    (tmp_path / FILE).write_bytes(b"{")
    assert store.load("lamp", "lamp.yaml") is None
