"""Neighbours are remembered over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.storage.address_store import FILE, AddressStore, Seen

SENDERS = {
    "192.0.2.9": {
        "certificate:light1": Seen(1000.0, ("/agent1/light1", "/agent2/light1")),
        "/agent1/light2": Seen(2000.5, ("/agent1/light2",)),
    }
}


def test_what_was_stored_comes_back(tmp_path: Path) -> None:
    AddressStore(tmp_path).save(SENDERS)
    assert AddressStore(tmp_path).load() == SENDERS
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"192.0.2.9": ["/agent1/light1"]}', b"[]"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert AddressStore(tmp_path).load() == {}


def test_nothing_stored_yet(tmp_path: Path) -> None:
    assert AddressStore(tmp_path).load() == {}
