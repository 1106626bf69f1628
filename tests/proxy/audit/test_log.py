"""The chains of all processes read as one log."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from proxy.audit.event import Kind, Notice, VerdictEvent
from proxy.audit.journal import Journal
from proxy.audit.layout import JOURNAL_FILE, chain_of_worker
from proxy.audit.log import find, follow, newest, verify
from proxy.audit.reader import AmbiguousIdError, Record
from tests.policy.calls import NOW
from tests.proxy.audit.events import verdict


def write_chain(directory: Path, *numbers: int) -> None:
    """Write verdicts, each at the second of its number."""
    journal = Journal(directory)
    for number in numbers:
        made = msgspec.structs.replace(verdict(), id=f"19a7c0-{number:04}-abcdef")
        journal.append(VerdictEvent(verdict=made, time=NOW + number))
    journal.close(timeout=30)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    journal = Journal(tmp_path)
    journal.append(Notice(kind=Kind.START, time=NOW, sentence="The gateway started."))
    journal.close(timeout=30)
    write_chain(tmp_path / chain_of_worker(0), 1, 3, 5)
    write_chain(tmp_path / chain_of_worker(10), 2, 4)
    return tmp_path


def numbers(records: list[Record]) -> list[int]:
    return [int(str(record.data.get("id", "x-0000-x")).split("-")[1]) for record in records]


def test_records_of_all_processes_come_in_the_order_of_time(log: Path) -> None:
    assert numbers(newest(log, 100)) == [0, 1, 2, 3, 4, 5]
    assert numbers(newest(log, 2)) == [4, 5]
    assert newest(log, 0) == []


def test_what_comes_is_followed_also_that_of_a_worker_that_was_added(log: Path) -> None:
    found = follow(log, 1)
    assert numbers([next(found)]) == [5]

    def write_more() -> None:
        write_chain(log / chain_of_worker(1), 6)
        write_chain(log, 7)

    later = threading.Timer(0.1, write_more)
    later.start()
    assert sorted(numbers([next(found), next(found)])) == [6, 7]
    later.join()


def test_a_record_is_found_in_whichever_chain_it_is(log: Path) -> None:
    for text in ("19a7c0-0004-abcdef", "19a7c0-0004"):
        record = find(log, text)
        assert record is not None
        assert numbers([record]) == [4]
    assert find(log, "19a7c0-0009") is None


def test_a_beginning_that_fits_records_of_several_chains_is_ambiguous(log: Path) -> None:
    with pytest.raises(AmbiguousIdError) as caught:
        find(log, "19a7c0-000")
    assert len(caught.value.candidates) == 5


def test_every_chain_is_verified(log: Path) -> None:
    assert [report.ok for report in verify(log).values()] == [True, True, True]
    changed = log / chain_of_worker(10) / JOURNAL_FILE
    changed.write_bytes(changed.read_bytes().replace(b'"alert":', b'"alarm":', 1))
    assert {path.name: report.ok for path, report in verify(log).items()} == {
        log.name: True,
        "worker-0": True,
        "worker-10": False,
    }


def started(directory: Path, workers: int) -> None:
    journal = Journal(directory)
    journal.append(Notice(kind=Kind.START, time=NOW, sentence="The gateway started.", details={"workers": workers}))
    journal.close(timeout=30)


def test_a_chain_that_was_taken_out_as_a_whole_is_missed(tmp_path: Path) -> None:
    started(tmp_path, 2)
    for number in (0, 1):
        write_chain(tmp_path / chain_of_worker(number), number)
    assert all(report.ok for report in verify(tmp_path).values())
    (tmp_path / chain_of_worker(0) / JOURNAL_FILE).unlink()
    for path in (tmp_path / chain_of_worker(1)).iterdir():
        path.unlink()
    (tmp_path / chain_of_worker(1)).rmdir()
    found = verify(tmp_path)
    assert [found[tmp_path / chain_of_worker(number)].ok for number in (0, 1)] == [False, False]
    assert found[tmp_path].ok


def test_the_supervisor_s_chain_is_missed_where_there_are_others(log: Path) -> None:
    (log / JOURNAL_FILE).unlink()
    assert not verify(log)[log].ok


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=JOURNAL_FILE):
        newest(tmp_path, 1)
