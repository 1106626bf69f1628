from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from proxy.audit.chain import GENESIS, encode, unseal
from proxy.audit.chained_file import ChainedFile, JournalError, JournalInUseError, Outcome
from proxy.audit.head import Head, read_head
from proxy.audit.layout import HEAD_FILE, JOURNAL_FILE
from proxy.audit.verify import verify
from tests.policy.calls import NOW
from tests.proxy.audit.events import journal_lines, records


def bodies(*names: str) -> list[bytes]:
    return [encode({"kind": "start", "sentence": name}) for name in names]


def sentences(directory: Path) -> list[object]:
    return [record["sentence"] for record in records(directory)]


@contextmanager
def opened(directory: Path) -> Iterator[ChainedFile]:
    with closing(ChainedFile(directory, clock=lambda: NOW)) as file:
        yield file


def test_records_follow_one_another_in_one_chain_across_restarts(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        assert file.write(bodies("a", "b")) == Outcome(written=2, reported=False, error=None)
    with opened(tmp_path) as file:
        file.write(bodies("c"))
        assert file.sequence == 3

    links = [unseal(line) for line in journal_lines(tmp_path)]
    assert [link.sequence for link in links if link] == [1, 2, 3]
    assert [link.previous for link in links if link] == [GENESIS, *(link.hash for link in links[:2] if link)]
    assert read_head(tmp_path) == Head(3, links[2].hash if links[2] else "")


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "audit"
    with opened(directory):
        modes = [
            stat.S_IMODE(path.stat().st_mode) for path in (directory, directory / JOURNAL_FILE, directory / HEAD_FILE)
        ]

    assert modes == [0o700, 0o600, 0o600]


def test_a_directory_that_others_may_write_to_is_refused_with_the_remedy(tmp_path: Path) -> None:
    directory = tmp_path / "audit"
    directory.mkdir()
    directory.chmod(0o770)

    with pytest.raises(JournalError, match="chmod 700"):
        ChainedFile(directory, clock=lambda: NOW)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(JournalInUseError, match="another process writes it"):
        ChainedFile(tmp_path, clock=lambda: NOW)
    with opened(tmp_path) as file:
        assert file.sequence == 0


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/null")])
def test_only_a_regular_file_is_written_to(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / JOURNAL_FILE)

    with pytest.raises(JournalError):
        ChainedFile(tmp_path, clock=lambda: NOW)


@pytest.mark.parametrize(
    "torn",
    [
        b'{"sequence":3,"kind":"st',
        b"\x00" * 4096,
        b'{"sequence":3}\n',
        b"\n",
        b"one line\nanother\n",
        b"one line\nanother",
        b"x" * 200_000,
        b"x" * 70_000 + b"\n" + b"y" * 70_000,
    ],
)
def test_torn_bytes_stay_and_are_accounted_for(tmp_path: Path, torn: bytes) -> None:
    with opened(tmp_path) as file:
        file.write(bodies("a", "b"))
    whole = (tmp_path / JOURNAL_FILE).read_bytes()
    (tmp_path / JOURNAL_FILE).write_bytes(whole + torn)

    with opened(tmp_path) as file:
        file.write(bodies("c"))

    data = (tmp_path / JOURNAL_FILE).read_bytes()
    left = torn.removesuffix(b"\n")
    assert data.startswith(whole + left + b"\n")
    recovery = unseal(data[len(whole + left) + 1 :].split(b"\n")[0])
    assert recovery is not None
    assert (recovery.kind, recovery.sequence) == ("recovery", 3)
    assert recovery.torn is not None
    assert (recovery.torn.bytes, recovery.torn.sha256) == (len(left), hashlib.sha256(left).hexdigest())
    report = verify(tmp_path)
    assert report.ok
    assert (report.records, report.incidents) == (4, 1)


def test_a_crash_during_the_recovery_is_recovered_from_too(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        file.write(bodies("a"))
    for torn in (b"torn", b"\n", b'\n{"sequence":2,"kind":"recovery"'):
        with (tmp_path / JOURNAL_FILE).open("ab") as journal:
            journal.write(torn)

    with opened(tmp_path) as file:
        file.write(bodies("b"))

    report = verify(tmp_path)
    assert (report.ok, report.records, report.incidents) == (True, 3, 1)


def test_a_journal_without_any_whole_record_begins_anew(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_FILE).write_bytes(b"nothing of ours\n")

    with opened(tmp_path) as file:
        file.write(bodies("a"))

    report = verify(tmp_path)
    assert (report.ok, report.records, report.newest) == (True, 2, 2)


def test_newest_records_that_are_missing_at_the_start_are_counted_in_the_log(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        file.write(bodies("a", "b", "c"))
    (tmp_path / JOURNAL_FILE).write_bytes(journal_lines(tmp_path)[0])

    with opened(tmp_path):
        pass

    assert sentences(tmp_path)[1:] == [
        "The audit log was not closed properly: the newest 2 records that the head file knows of are missing."
    ]
    assert records(tmp_path)[1]["details"] == {"missing": 2}
    assert verify(tmp_path).ok


def test_a_head_that_is_missing_at_the_start_leaves_a_trace_in_the_log(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        file.write(bodies("a"))
    (tmp_path / HEAD_FILE).unlink()

    with opened(tmp_path):
        pass

    (said,) = sentences(tmp_path)[1:]
    assert "the head file is missing or damaged, so newest records may be missing, too." in str(said)
    assert verify(tmp_path).ok


def test_lost_records_are_reported_before_the_next_ones(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        assert file.write(bodies("a"), lost=7, cause="No space left on device") == Outcome(1, reported=True, error=None)

    assert sentences(tmp_path) == ["The disk did not take 7 records: No space left on device.", "a"]
    assert records(tmp_path)[0]["details"] == {"lost": 7, "cause": "No space left on device"}


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(JournalError, match="file/audit: cannot hold the audit log: Not a directory"):
        ChainedFile(tmp_path / "file" / "audit", clock=lambda: NOW)
