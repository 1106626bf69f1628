from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from proxy.audit.chain import GENESIS, encode, unseal
from proxy.audit.chained_file import ChainedFile, JournalError, JournalInUseError, Outcome
from proxy.audit.head import Head, read_head
from proxy.audit.layout import FRESH_FILE, HEAD_FILE, JOURNAL_FILE, rotated, rotated_file
from proxy.audit.retention import DEFAULT, Retention
from proxy.audit.verify import verify
from tests.policy.calls import NOW
from tests.proxy.audit.events import journal_lines, records


def bodies(*names: str) -> list[bytes]:
    return [encode({"kind": "start", "sentence": name}) for name in names]


def sentences(directory: Path) -> list[object]:
    return [record["sentence"] for record in records(directory)]


@contextmanager
def opened(
    directory: Path, retention: Retention = DEFAULT, clock: Callable[[], float] = lambda: NOW
) -> Iterator[ChainedFile]:
    with closing(ChainedFile(directory, clock=clock, retention=retention)) as file:
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


ONE_EACH = Retention(file_bytes=1)
"""Every write finds the file of the one before full."""


def filled(directory: Path, *names: str, retention: Retention = ONE_EACH) -> None:
    """Write records, each into a file of its own."""
    with opened(directory, retention) as file:
        for name in names:
            assert file.write(bodies(name)).error is None


def test_a_full_file_is_rotated_and_the_chain_goes_on(tmp_path: Path) -> None:
    filled(tmp_path, "a", "b", "c")
    assert rotated(tmp_path) == [tmp_path / rotated_file(1), tmp_path / rotated_file(2)]
    assert sentences(tmp_path) == ["c"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in rotated(tmp_path)] == [0o600, 0o600]
    filled(tmp_path, "d")

    report = verify(tmp_path)
    assert (report.ok, report.records, report.newest) == (True, 4, 4)


def test_an_old_file_is_rotated_also_when_nothing_is_written(tmp_path: Path) -> None:
    now = NOW
    retention = Retention(file_seconds=3600)
    with opened(tmp_path, retention, lambda: now) as file:
        file.write(bodies("a"))
        now = NOW + 3599
        assert file.tend() is None
        assert rotated(tmp_path) == []
        now = NOW + 3600
        assert file.tend() is None
        assert [path.name for path in rotated(tmp_path)] == [rotated_file(1)]
        assert file.tend() is None
        assert len(rotated(tmp_path)) == 1


def test_the_age_of_a_file_is_that_of_its_first_record_across_restarts(tmp_path: Path) -> None:
    now = NOW
    dated = encode({"kind": "start", "time": "2025-11-13T02:13:20.000Z", "sentence": "a"})
    with opened(tmp_path, clock=lambda: now) as file:
        file.write([dated])
    now = NOW + 3600
    with opened(tmp_path, Retention(file_seconds=3600), lambda: now) as file:
        file.write(bodies("b"))
    assert [path.name for path in rotated(tmp_path)] == [rotated_file(1)]


def test_what_is_kept_no_longer_is_removed_once_a_record_says_so(tmp_path: Path) -> None:
    filled(tmp_path, *"abcdefgh")
    with opened(tmp_path, Retention(keep_bytes=700, file_bytes=1)) as file:
        assert file.write(bodies("i")).error is None

    left = [int(path.name[8:24]) for path in rotated(tmp_path)]
    assert 0 < len(left) < 7
    (said,) = [each for each in records(tmp_path) if each["kind"] == "retention"]
    first = unseal(rotated(tmp_path)[0].read_bytes())
    assert first is not None
    assert said["details"] == {"through": left[0] - 1, "hash": first.previous, "files": 8 - len(left)}
    assert verify(tmp_path).ok


def test_what_is_too_old_is_removed_also_when_nothing_is_written(tmp_path: Path) -> None:
    filled(tmp_path, "a", "b")
    os.utime(tmp_path / rotated_file(1), (NOW - 7200, NOW - 7200))
    with opened(tmp_path, Retention(keep_seconds=3600)) as file:
        assert file.tend() is None
    assert rotated(tmp_path) == []
    assert sentences(tmp_path) == ["b", "The 1 oldest files, up to record 1, were removed, as the configuration says."]
    assert verify(tmp_path).ok


def test_files_that_a_crash_left_after_the_record_of_their_removal_are_no_damage(tmp_path: Path) -> None:
    filled(tmp_path, "a", "b", "c")
    first = (tmp_path / rotated_file(1)).read_bytes()
    second = (tmp_path / rotated_file(2)).read_bytes()
    for path in rotated(tmp_path):
        os.utime(path, (NOW - 7200, NOW - 7200))
    with opened(tmp_path, Retention(keep_seconds=3600)) as file:
        file.tend()
    assert rotated(tmp_path) == []
    (tmp_path / rotated_file(2)).write_bytes(second)
    assert verify(tmp_path).ok
    (tmp_path / rotated_file(1)).write_bytes(first)
    assert verify(tmp_path).ok


def test_a_record_that_is_damaged_keeps_what_is_before_it(tmp_path: Path) -> None:
    filled(tmp_path, "a", "b")
    os.utime(tmp_path / rotated_file(1), (NOW - 7200, NOW - 7200))
    (tmp_path / JOURNAL_FILE).write_bytes(b"x" + (tmp_path / JOURNAL_FILE).read_bytes())
    with opened(tmp_path, Retention(keep_seconds=3600)) as file:
        assert "the first record of journal.jsonl is damaged" in str(file.tend())
    assert len(rotated(tmp_path)) == 1


def test_a_rotation_that_fails_costs_no_record(tmp_path: Path) -> None:
    filled(tmp_path, "a")
    (tmp_path / rotated_file(1)).write_text("in the way")
    with opened(tmp_path, ONE_EACH) as file:
        outcome = file.write(bodies("b"))
        assert (outcome.written, "cannot be rotated: File exists" in str(outcome.error)) == (1, True)
        assert file.write(bodies("c")) == Outcome(written=1, reported=False, error=None)
    assert sentences(tmp_path) == ["a", "b", "c"]
    assert (tmp_path / rotated_file(1)).read_text() == "in the way"


def test_after_a_crash_right_after_a_rotation_the_chain_goes_on(tmp_path: Path) -> None:
    filled(tmp_path, "a", "b")
    (tmp_path / FRESH_FILE).touch()
    (tmp_path / JOURNAL_FILE).rename(tmp_path / rotated_file(2))
    (tmp_path / JOURNAL_FILE).touch()
    with opened(tmp_path) as file:
        file.write(bodies("c"))
    report = verify(tmp_path)
    assert (report.ok, report.records, report.incidents) == (True, 3, 0)
