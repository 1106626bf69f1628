"""The chains of all processes read as one log."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import msgspec
import pytest

from proxy.audit import signed_heads
from proxy.audit.chain import unseal
from proxy.audit.event import Kind, Notice, VerdictEvent
from proxy.audit.head import Head
from proxy.audit.journal import Journal
from proxy.audit.keys import SigningKey
from proxy.audit.layout import HEAD_FILE, JOURNAL_FILE, SIGNED_FILE, chain_of_worker
from proxy.audit.log import find, follow, newest, verify
from proxy.audit.notary import Notary
from proxy.audit.reader import AmbiguousIdError, Record
from proxy.audit.trail import AuditTrail
from proxy.audit.verify import Damage
from tests.policy.calls import NOW
from tests.proxy.audit.events import verdict


def write_chain(directory: Path, *numbers: int) -> None:
    """Write verdicts, each at the second of its number."""
    journal = Journal(directory, clock=lambda: NOW)
    for number in numbers:
        made = msgspec.structs.replace(verdict(), id=f"19a7c0-{number:04}-abcdef")
        journal.append(VerdictEvent(verdict=made, time=NOW + number))
    journal.close(timeout=30)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    journal = Journal(tmp_path, clock=lambda: NOW)
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
    assert [report.ok for report in verify(log).chains.values()] == [True, True, True]
    changed = log / chain_of_worker(10) / JOURNAL_FILE
    changed.write_bytes(changed.read_bytes().replace(b'"alert":', b'"alarm":', 1))
    assert {path.name: report.ok for path, report in verify(log).chains.items()} == {
        log.name: True,
        "worker-0": True,
        "worker-10": False,
    }


def started(directory: Path, workers: int) -> None:
    journal = Journal(directory, clock=lambda: NOW)
    journal.append(Notice(kind=Kind.START, time=NOW, sentence="The gateway started.", details={"workers": workers}))
    journal.close(timeout=30)


def test_a_chain_that_was_taken_out_as_a_whole_is_missed(tmp_path: Path) -> None:
    started(tmp_path, 2)
    for number in (0, 1):
        write_chain(tmp_path / chain_of_worker(number), number)
    assert all(report.ok for report in verify(tmp_path).chains.values())
    (tmp_path / chain_of_worker(0) / JOURNAL_FILE).unlink()
    for path in (tmp_path / chain_of_worker(1)).iterdir():
        path.unlink()
    (tmp_path / chain_of_worker(1)).rmdir()
    found = verify(tmp_path).chains
    assert [found[tmp_path / chain_of_worker(number)].ok for number in (0, 1)] == [False, False]
    assert found[tmp_path].ok


def test_the_supervisor_s_chain_is_missed_where_there_are_others(log: Path) -> None:
    (log / JOURNAL_FILE).unlink()
    assert not verify(log).chains[log].ok


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=JOURNAL_FILE):
        newest(tmp_path, 1)


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, SigningKey]:
    """A log of two workers that a supervisor signed, and its key; a third verdict came to each after that."""
    started(tmp_path, 2)
    for number in (0, 1):
        write_chain(tmp_path / chain_of_worker(number), *range(10))
    key = SigningKey.of(tmp_path / "state")
    sign(tmp_path, key)
    for number in (0, 1):
        write_chain(tmp_path / chain_of_worker(number), 10)
    return tmp_path, key


def sign(log: Path, key: SigningKey) -> None:
    journal = Journal(log, clock=lambda: NOW)
    notary = Notary(log, key, AuditTrail(journal, lambda: NOW), clock=lambda: NOW)
    notary.sign()
    assert notary.problem is None
    journal.close(timeout=30)
    notary.sign()


def test_a_signed_log_is_whole_also_before_the_newest_records_are_signed(signed: tuple[Path, SigningKey]) -> None:
    log, key = signed
    found = verify(log, key.public)
    assert found.ok
    assert [report.unsigned for report in found.chains.values()] == [0, 1, 1]
    assert (found.signatures.key, found.signatures.statements) == (key.public.name, 2)


def rewritten(chain: Path, kept: int) -> None:
    """Cut a chain, and write it on with its head, as somebody could who has the rights of its worker."""
    path = chain / JOURNAL_FILE
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))
    (chain / HEAD_FILE).unlink()
    last = unseal(path.read_bytes().splitlines(keepends=True)[-1])
    assert last is not None
    (chain / HEAD_FILE).write_bytes(msgspec.json.encode(Head(last.sequence, last.hash)))


def test_a_chain_that_was_cut_with_its_head_is_found_by_the_public_key_alone(signed: tuple[Path, SigningKey]) -> None:
    log, key = signed
    rewritten(log / "worker-1", 6)
    assert verify(log).ok
    found = verify(log, key.public)
    first = found.chains[log / "worker-1"].first
    assert first is not None
    assert (first.damage, first.record, first.line) == (Damage.MISSING, "number 7", 7)
    assert found.chains[log / "worker-0"].ok


def test_a_chain_that_was_written_anew_is_found_by_the_public_key_alone(signed: tuple[Path, SigningKey]) -> None:
    log, key = signed
    rewritten(log / "worker-1", 6)
    write_chain(log / "worker-1", *range(50, 60))
    assert verify(log).ok
    first = verify(log, key.public).chains[log / "worker-1"].first
    assert first is not None
    assert (first.damage, first.line) == (Damage.CHANGED, 10)


def test_a_chain_that_is_gone_is_missed_also_without_the_start_that_names_it(tmp_path: Path) -> None:
    write_chain(tmp_path, 1)
    write_chain(tmp_path / "worker-5", 1)
    key = SigningKey.of(tmp_path / "state")
    sign(tmp_path, key)
    shutil.rmtree(tmp_path / "worker-5")
    assert verify(tmp_path).ok
    assert not verify(tmp_path, key.public).chains[tmp_path / "worker-5"].ok


def test_an_older_statement_in_place_of_the_newest_is_found(signed: tuple[Path, SigningKey]) -> None:
    log, key = signed
    older = (log / SIGNED_FILE).read_bytes()
    sign(log, key)
    kept = signed_heads.read(log / SIGNED_FILE)
    assert kept is not None
    (log / SIGNED_FILE).write_bytes(older)
    problem = verify(log, key.public).signatures.problem
    assert problem is not None
    assert "is number 2, older than number 3 in the log itself" in problem.message

    # Also where the supervisor's own chain was taken back to that time.
    lines = (log / JOURNAL_FILE).read_bytes().splitlines(keepends=True)
    rewritten(log, len(lines) - 1)
    assert verify(log, key.public).signatures.problem is None
    problem = verify(log, key.public, [kept]).signatures.problem
    assert problem is not None
    assert "older than number 4 that was kept" in problem.message


def test_long_after_the_newest_signature_nothing_may_have_been_written(signed: tuple[Path, SigningKey]) -> None:
    log, key = signed
    write_chain(log / "worker-0", 100)
    assert verify(log, key.public).ok
    write_chain(log / "worker-0", 200)
    first = verify(log, key.public).chains[log / "worker-0"].first
    assert first is not None
    assert (first.damage, first.line) == (Damage.UNSIGNED, 11)


@pytest.mark.parametrize("change", ["forged", "missing", "another key"])
def test_a_statement_that_is_not_of_the_key_is_named(signed: tuple[Path, SigningKey], change: str) -> None:
    log, key = signed
    path = log / SIGNED_FILE
    if change == "forged":
        path.write_bytes(path.read_bytes().replace(b"worker-1 10", b"worker-1 11"))
    elif change == "missing":
        path.unlink()
    else:
        sign(log, SigningKey.of(log / "other"))
    found = verify(log, key.public)
    assert not found.ok
    problem = found.signatures.problem
    assert problem is not None
    assert (problem.file, problem.damage) == (SIGNED_FILE, Damage.MISSING if change == "missing" else Damage.CHANGED)
