"""Descriptions survive a restart."""

from __future__ import annotations

from pathlib import Path

from proxy.storage.things_store import FILE, KeptPoint, KeptThings, ThingsStore
from proxy.thing_sighting import Sighting


def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    fetched = KeptThings(1e9, {"http://10.77.2.11/lamp": b"{}"}, listing=True)
    lamp = Sighting("lamp", "urn:lamp", "Lamp", ("/lamp/on",), "digest", gone=2e9)
    kept = {"things": KeptPoint({"http://10.77.2.11/": fetched}, [lamp])}
    ThingsStore(tmp_path).save(kept)
    assert ThingsStore(tmp_path).load() == kept
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_a_broken_file_is_none(tmp_path: Path) -> None:
    assert ThingsStore(tmp_path).load() == {}
    (tmp_path / FILE).write_bytes(b"{")
    assert ThingsStore(tmp_path).load() == {}
