"""What was accepted is remembered for a restart, in order and within bounds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.relationship import Key
from proxy.federation.client.database import DAMAGED, Disk, DiskError
from proxy.federation.client.heard_acceptances import MOST, HeardAcceptances


def accepted(number: int) -> Acceptance:
    key = Key(f"/partner{number}", own=False, operation="get", data_type="")
    return Acceptance(candidate=Candidate("/lamp", "relationship", key), time=number)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path, lambda _: None)
    yield found
    found._close()


def note(disk: Disk, numbers: range, cursor: str) -> None:
    told = [accepted(number) for number in numbers]
    disk.do(lambda database: HeardAcceptances(database).note(told, (), cursor))


def test_nothing_was_told_at_first(disk: Disk) -> None:
    assert disk.do(lambda database: HeardAcceptances(database).cursor) == ""
    assert disk.do(lambda database: HeardAcceptances(database).all()) == []


def test_what_was_told_is_there_in_its_order_once(disk: Disk) -> None:
    note(disk, range(3), "a")
    note(disk, range(2, 5), "b")
    assert disk.do(lambda database: HeardAcceptances(database).cursor) == "b"
    assert [each.time for each in disk.do(lambda database: HeardAcceptances(database).all())] == [0, 1, 2, 3, 4]


def test_the_oldest_give_way(disk: Disk) -> None:
    for start in range(0, MOST + 300, 100):
        note(disk, range(start, start + 100), str(start))
    found = disk.do(lambda database: HeardAcceptances(database).all())
    assert len(found) == MOST
    assert found[-1] == accepted(MOST + 375 if (MOST + 300) % 100 else MOST + 299)


def test_what_was_withdrawn_is_told_after_a_restart_too(disk: Disk) -> None:
    """Who adopted it may have stored that, and not yet that it no longer holds."""
    note(disk, range(3), "a")
    gone = accepted(1).candidate
    disk.do(lambda database: HeardAcceptances(database).note((), [gone], "b"))
    assert [each.time for each in disk.do(lambda database: HeardAcceptances(database).all())] == [0, 2]
    assert disk.do(lambda database: HeardAcceptances(database).withdrawn()) == [gone]
    note(disk, range(1, 2), "c")
    assert [each.time for each in disk.do(lambda database: HeardAcceptances(database).all())] == [0, 2, 1]
    assert disk.do(lambda database: HeardAcceptances(database).withdrawn()) == []


def test_what_cannot_be_read_is_damage(disk: Disk, tmp_path: Path) -> None:
    def spoil(database: sqlite3.Connection) -> None:
        database.execute("INSERT INTO acceptance VALUES (x'ff00', 1, 1, 0)")

    disk.do(spoil)
    with pytest.raises(DiskError, match="is damaged"):
        disk.do(lambda database: HeardAcceptances(database).all())
    assert (tmp_path / DAMAGED).exists()
