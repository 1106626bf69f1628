from __future__ import annotations

from pathlib import Path

import pytest

from proxy.audit.layout import JOURNAL_FILE, rotated
from proxy.audit.reader import AmbiguousIdError, Record, Tail, find, newest
from proxy.audit.retention import Retention
from tests.proxy.audit.events import event, journal_lines, write


def ids(found: list[Record]) -> list[object]:
    return [record.data["id"] for record in found]


def expected(*numbers: int) -> list[object]:
    return [event(number).verdict.id for number in numbers]


def test_records_are_read_as_they_stand(tmp_path: Path) -> None:
    write(tmp_path, 3)

    found = newest(tmp_path, 3)

    assert ids(found) == expected(0, 1, 2)
    assert [record.line + b"\n" for record in found] == journal_lines(tmp_path)


@pytest.mark.parametrize("count", [0, 1, 2, 199, 200, 201, 10_000])
def test_the_newest_records_are_found_without_the_others(tmp_path: Path, count: int) -> None:
    write(tmp_path, 200)

    assert ids(newest(tmp_path, count)) == expected(*range(200))[max(0, 200 - count) :]


def test_torn_text_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, 2)
    first, second = journal_lines(tmp_path)
    (tmp_path / JOURNAL_FILE).write_bytes(first + b"\x00\x00\n\n[1]\n" + second + b'{"sequence":')

    assert ids(newest(tmp_path, 10)) == expected(0, 1)


def test_a_record_is_found_by_its_id_or_by_its_unique_beginning(tmp_path: Path) -> None:
    write(tmp_path, 12)

    for text in ("19a7c0-0003-abcdef", "19a7c0-0003"):
        found = find(tmp_path, text)
        assert found is not None
        assert ids([found]) == expected(3)
    assert find(tmp_path, "19a7c0-0099") is None
    assert find(tmp_path, 'x","id":"') is None


def test_a_beginning_that_fits_several_names_some_of_them(tmp_path: Path) -> None:
    write(tmp_path, 12)

    with pytest.raises(AmbiguousIdError) as caught:
        find(tmp_path, "19a7c0-000")
    assert caught.value.candidates == expected(0, 1, 2, 3, 4)


def test_the_tail_is_the_newest_and_then_each_new_record_once_it_is_whole(tmp_path: Path) -> None:
    write(tmp_path, 5)
    tail = Tail(tmp_path, 2)
    assert ids(tail.take()) == expected(3, 4)
    assert tail.take() == []

    write(tmp_path, 2, first=5)
    assert ids(tail.take()) == expected(5, 6)

    write(tmp_path, 1, first=7)
    whole = (tmp_path / JOURNAL_FILE).read_bytes()
    (tmp_path / JOURNAL_FILE).write_bytes(whole[:-20])
    assert tail.take() == []
    (tmp_path / JOURNAL_FILE).write_bytes(whole)
    assert ids(tail.take()) == expected(7)
    tail.close()


def test_a_journal_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for read in (lambda: newest(tmp_path, 1), lambda: find(tmp_path, "a")):
        with pytest.raises(FileNotFoundError):
            read()


def test_rotated_files_are_read_like_one(tmp_path: Path) -> None:
    write(tmp_path, 40, retention=Retention(file_bytes=1))
    assert len(rotated(tmp_path)) > 5

    assert ids(newest(tmp_path, 100)) == expected(*range(40))
    assert ids(newest(tmp_path, 7)) == expected(*range(33, 40))
    found = find(tmp_path, "19a7c0-0003")
    assert found is not None
    assert ids([found]) == expected(3)


def test_the_tail_follows_through_rotations(tmp_path: Path) -> None:
    write(tmp_path, 3)
    tail = Tail(tmp_path, 1)
    assert ids(tail.take()) == expected(2)
    write(tmp_path, 20, first=3, retention=Retention(file_bytes=1))
    assert ids(tail.take()) == expected(*range(3, 23))
    write(tmp_path, 1, first=23)
    assert ids(tail.take()) == expected(23)
    tail.close()
