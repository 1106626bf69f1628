from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import pytest

from proxy.audit.files import finish_rotation, follower, name_of, opened, remove, rotate, stored
from proxy.audit.layout import FRESH_FILE, JOURNAL_FILE, rotated, rotated_file


def rotated_at(directory: Path, first: int, content: str) -> None:
    """Rotate, and begin the next file with some content."""
    (directory / FRESH_FILE).touch()
    rotate(directory, first)
    (directory / JOURNAL_FILE).write_text(content)


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    (tmp_path / JOURNAL_FILE).write_text("one")
    rotated_at(tmp_path, 1, "two")
    rotated_at(tmp_path, 12, "three")
    return tmp_path


def test_the_files_of_a_chain_are_read_oldest_first(chain: Path) -> None:
    assert [(name_of(file), file.read()) for file in opened(chain)] == [
        (rotated_file(1), b"one"),
        (rotated_file(12), b"two"),
        (JOURNAL_FILE, b"three"),
    ]


def test_a_rotation_while_they_are_read_neither_hides_nor_repeats_a_file(chain: Path) -> None:
    found = []
    for number, file in enumerate(opened(chain)):
        if number == 0:
            rotated_at(chain, 30, "four")
        found.append(file.read())
    assert found == [b"one", b"two", b"three"]


def test_a_reader_finds_what_follows_the_file_that_it_has(chain: Path) -> None:
    file: BinaryIO = (chain / JOURNAL_FILE).open("rb")
    assert follower(chain, file) is None
    rotated_at(chain, 30, "four")
    rotated_at(chain, 40, "five")
    found = []
    while (later := follower(chain, file)) is not None:
        file.close()
        file = later
        found.append(file.read())
    assert found == [b"four", b"five"]
    file.close()


def test_where_the_reader_s_file_was_removed_it_goes_on_with_the_oldest(chain: Path) -> None:
    with (chain / rotated_file(1)).open("rb") as file:
        remove([chain / rotated_file(1)])
        later = follower(chain, file)
        assert later is not None
        with later:
            assert later.read() == b"two"


def test_nothing_is_written_over(chain: Path) -> None:
    (chain / FRESH_FILE).touch()
    with pytest.raises(FileExistsError):
        rotate(chain, 12)
    assert (chain / JOURNAL_FILE).read_text() == "three"
    assert (chain / rotated_file(12)).read_text() == "two"


def test_without_the_next_file_all_stays_as_it_was(chain: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rotate(chain, 30)
    assert len(rotated(chain)) == 2
    assert (chain / JOURNAL_FILE).read_text() == "three"


def test_a_rotation_that_a_crash_left_half_done_is_undone(chain: Path) -> None:
    (chain / FRESH_FILE).touch()
    os.link(chain / JOURNAL_FILE, chain / rotated_file(30))
    assert [file.read() for file in opened(chain)] == [b"one", b"two", b"three"]
    finish_rotation(chain)
    assert [path.name for path in rotated(chain)] == [rotated_file(1), rotated_file(12)]
    assert (chain / JOURNAL_FILE).read_text() == "three"
    assert not (chain / FRESH_FILE).exists()


def test_sizes_and_ages_are_those_of_the_files(chain: Path) -> None:
    os.utime(chain / rotated_file(1), (1000, 1000))
    assert next((each.size, each.newest) for each in stored(rotated(chain))) == (3, 1000.0)


def test_a_journal_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(opened(tmp_path))
