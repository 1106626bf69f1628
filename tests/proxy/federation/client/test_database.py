"""The client's file: durable, made anew where it is damaged, and never a reason for anything else to end."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.federation.client.database import DAMAGED, FILE, Disk, DiskError


def fill(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO number VALUES ('epoch', 7)")


def epoch(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT value FROM number WHERE name = 'epoch'").fetchone()[0])


def next_epoch(database: sqlite3.Connection) -> None:
    database.execute("UPDATE number SET value = value + 1")


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Disk]:
    found = Disk(tmp_path, fill)
    yield found
    await found.close()


async def test_what_was_written_is_there_after_a_restart(disk: Disk, tmp_path: Path) -> None:
    await disk.run(next_epoch)
    again = Disk(tmp_path, fill)
    assert await again.run(epoch) == 8
    await again.close()


def test_the_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    disk = Disk(tmp_path, fill)
    disk.do(next_epoch)
    found = sorted(path for path in tmp_path.iterdir() if path.name.startswith(FILE))
    assert [path.name for path in found] == [FILE, f"{FILE}-shm", f"{FILE}-wal"]
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    disk._close()


async def test_what_fails_half_way_is_not_done(disk: Disk) -> None:
    def half(database: sqlite3.Connection) -> None:
        next_epoch(database)
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        await disk.run(half)
    assert await disk.run(epoch) == 7


@pytest.mark.parametrize("damage", ["header", "page", "nothing of ours"])
async def test_a_damaged_file_is_moved_aside_and_begun_anew(tmp_path: Path, damage: str) -> None:
    before = Disk(tmp_path, fill)

    def much(database: sqlite3.Connection) -> None:
        database.executemany("INSERT INTO word VALUES (?, ?)", ((str(i), "x" * 500) for i in range(200)))

    await before.run(much)
    await before.run(next_epoch)
    await before.close()
    path = tmp_path / FILE
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:16] = bytes(16)
    elif damage == "page":
        content[8192:40_960] = b"\xff" * (40_960 - 8192)
    else:
        content = bytearray(b"no database\n" * 1000)
    path.write_bytes(content)

    disk = Disk(tmp_path, fill)
    with pytest.raises(DiskError, match=rf"{FILE}: is damaged .*moved to {DAMAGED}"):
        await disk.run(epoch)
    assert await disk.run(epoch) == 7, "begun anew"
    assert (tmp_path / DAMAGED).read_bytes() == bytes(content), "kept for whoever wants to look"
    await disk.close()


async def test_a_file_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    """Acceptances are asked for from the beginning: which ones were withdrawn was not understood before."""
    disk = Disk(tmp_path, fill)
    await disk.run(next_epoch)
    await disk.close()
    old = sqlite3.connect(tmp_path / FILE)
    old.executescript(
        "ALTER TABLE acceptance DROP COLUMN withdrawn; INSERT INTO acceptance VALUES (x'c0', 5, 1);"
        "INSERT INTO word VALUES ('acceptances', 'cursor'), ('name', 'one'); PRAGMA user_version = 1;"
    )
    old.close()
    disk = Disk(tmp_path, fill)
    assert await disk.run(epoch) == 8
    assert await disk.run(lambda database: database.execute("SELECT * FROM word").fetchall()) == [("name", "one")]
    assert await disk.run(lambda database: database.execute("SELECT * FROM acceptance").fetchall()) == [
        (b"\xc0", 5, 1, 0)
    ]
    await disk.close()


async def test_a_disk_that_refuses_loses_nothing_and_is_used_again_once_it_works(disk: Disk) -> None:
    await disk.run(next_epoch)

    def fill_the_disk(database: sqlite3.Connection) -> None:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")  # SQLite answers as it does with ENOSPC: SQLITE_FULL
        database.execute("INSERT INTO word VALUES ('large', ?)", ("x" * 100_000,))

    with pytest.raises(DiskError, match=r"full.*the federation pauses -- make room on the disk"):
        await disk.run(fill_the_disk)
    assert await disk.run(epoch) == 8


async def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "none", fill)
    with pytest.raises(DiskError, match="No such file or directory"):
        await disk.run(epoch)
    await disk.close()
