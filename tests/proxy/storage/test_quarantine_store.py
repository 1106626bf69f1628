"""Quarantines outlive the gateway, in a real file of SQLite."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import msgspec
import pytest

from policy.escalation import PastQuarantine
from policy.quarantine import QuarantineRegister
from proxy.firewall.plan import Entry
from proxy.storage import quarantine_store
from proxy.storage.quarantine_store import FILE, QuarantineStore, QuarantineStoreError
from tests.proxy.parts import quarantine_entry

KERNEL = Entry(ip="192.0.2.17", mac="02:00:5e:00:53:01", until=4600.0)


def test_what_is_stored_comes_back_after_a_restart(tmp_path: Path) -> None:
    first, second = quarantine_entry(), quarantine_entry("/agent1/tv", ip="2001:db8::4")
    with QuarantineStore(tmp_path) as store:
        store.put(second, None)
        store.put(first, KERNEL)
    with QuarantineStore(tmp_path) as store:
        stored = store.all()
    assert [each.kernel for each in stored] == [None, KERNEL]
    register = QuarantineRegister()
    assert register.restore((each.entry for each in stored), now=2000.0) == (second, first)


def test_a_later_quarantine_of_the_same_identity_replaces_the_first(tmp_path: Path) -> None:
    with QuarantineStore(tmp_path) as store:
        store.put(quarantine_entry(), KERNEL)
        store.put(quarantine_entry(until=9000.0), None)
        (stored,) = store.all()
    assert (stored.entry["until"], stored.kernel) == (9000.0, None)


def test_who_was_quarantined_before_is_remembered_up_to_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine_store, "MOST_SENDERS", 3)
    known = [PastQuarantine(identity=f"sender{number}", times=1, until=1000.0 + number) for number in range(4)]
    again = PastQuarantine(identity="sender1", times=2, until=5000.0)
    with QuarantineStore(tmp_path) as store:
        for past in (*known, again):
            store.remember(past)
        store.forget("sender3")
        store.forget("nobody")
    with QuarantineStore(tmp_path) as store:
        assert store.history() == [again, known[2]]


def test_what_was_removed_is_gone(tmp_path: Path) -> None:
    with QuarantineStore(tmp_path) as store:
        store.put(quarantine_entry(), KERNEL)
        store.remove("nobody")
        assert len(store.all()) == 1
        store.remove("/agent1/washingmachine1")
        assert store.all() == []


def test_what_is_stored_survives_the_process_being_killed(tmp_path: Path) -> None:
    store = QuarantineStore(tmp_path)
    store.put(quarantine_entry(), KERNEL)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in tmp_path.glob(f"{FILE}*"):
        (copy / path.name).write_bytes(path.read_bytes())
    with QuarantineStore(copy) as after:
        assert len(after.all()) == 1
    store.close()


def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    QuarantineStore(tmp_path).close()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_nobody_else_can_read_the_write_ahead_log(tmp_path: Path) -> None:
    with QuarantineStore(tmp_path) as store:
        store.put(quarantine_entry(), KERNEL)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob(f"{FILE}*")}
    assert set(modes.values()) == {0o600}, modes


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database, certainly not one of SQLite" * 100)
    with pytest.raises(
        QuarantineStoreError, match=rf"^{tmp_path / FILE}: .*; restore it from a backup, or move it away"
    ):
        QuarantineStore(tmp_path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(QuarantineStoreError, match=str(tmp_path / "missing" / FILE)):
        QuarantineStore(tmp_path / "missing")


@pytest.mark.parametrize(
    ("entry", "kernel"),
    [
        (b"garbage", b"null"),
        (b"[]", b"null"),
        (msgspec.json.encode(quarantine_entry()), b"garbage"),
        (msgspec.json.encode(quarantine_entry()), b'{"ip":"not an address"}'),
    ],
)
def test_damaged_rows_are_told(tmp_path: Path, entry: bytes, kernel: bytes) -> None:
    with QuarantineStore(tmp_path) as store:
        database = sqlite3.connect(tmp_path / FILE)
        with database:
            database.execute("INSERT INTO quarantine VALUES ('x', ?, ?)", (entry, kernel))
        database.close()
        with pytest.raises(QuarantineStoreError, match="restore it from a backup, or move it away"):
            store.all()
