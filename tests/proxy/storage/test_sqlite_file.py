"""SQLite files are their owner's alone, and reading them changes nothing, whoever reads."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from proxy.storage.sqlite_file import BESIDE, address_for_reading, make


def written(path: Path) -> sqlite3.Connection:
    make(path)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE IF NOT EXISTS t (a)")
    database.execute("INSERT INTO t VALUES (1)")
    return database


def rows(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(address_for_reading(path), uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM t").fetchone()[0])


def test_the_file_and_those_beside_it_are_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.touch(0o644)
    with contextlib.closing(written(path)):
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert modes == dict.fromkeys(["x.db", *(f"x.db{each}" for each in BESIDE)], 0o600)


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").touch(0o644)
    (tmp_path / "x.db").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        make(tmp_path / "x.db")
    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o644


def test_what_is_being_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with contextlib.closing(written(path)) as database:
        assert rows(path) == 1
        database.execute("INSERT INTO t VALUES (2)")
        assert rows(path) == 2


def test_reading_leaves_nothing_beside_a_file_that_nobody_uses(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    written(path).close()
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert list(before) == ["x.db"]
    assert rows(path) == 1
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
