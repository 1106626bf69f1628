from __future__ import annotations

from pathlib import Path

import pytest

from proxy.audit import signed_heads
from proxy.audit.event import Detail, Kind
from proxy.audit.head import Head, read_head
from proxy.audit.keys import SigningKey
from proxy.audit.layout import HEAD_FILE, JOURNAL_FILE, SIGNED_FILE, chain_of_worker
from proxy.audit.notary import INTERVAL, RECORD_INTERVAL, Notary
from proxy.audit.statement import Statement
from tests.policy.calls import NOW
from tests.proxy.audit.events import journal_lines, write


class Noted:
    """Keeps what is noted, and has a clock that a test moves."""

    def __init__(self, directory: Path) -> None:
        self.notes: list[tuple[Kind, str, dict[str, Detail]]] = []
        self.time = 0.0
        self.directory = directory
        self.key = SigningKey.of(directory / "state")

    def note(self, kind: Kind, sentence: str, **details: Detail) -> None:
        self.notes.append((kind, sentence, details))

    def notary(self) -> Notary:
        return Notary(self.directory, self.key, self, clock=lambda: NOW, monotonic=lambda: self.time)

    def newest(self) -> Statement:
        signed = signed_heads.read(self.directory / SIGNED_FILE)
        assert signed is not None
        assert self.key.public.signed(signed)
        return Statement.parse(signed.statement)


@pytest.fixture
def noted(tmp_path: Path) -> Noted:
    write(tmp_path, 2)
    for number in (0, 11):
        write(tmp_path / chain_of_worker(number), 3 + number)
    return Noted(tmp_path)


def test_the_heads_of_all_chains_are_signed(noted: Noted, tmp_path: Path) -> None:
    noted.notary().sign()
    assert noted.newest() == Statement(
        key=noted.key.public.name,
        number=1,
        time="2025-11-13T02:13:20.000Z",
        heads={
            "supervisor": read_head(tmp_path) or Head(0, ""),
            "worker-0": read_head(tmp_path / "worker-0") or Head(0, ""),
            "worker-11": read_head(tmp_path / "worker-11") or Head(0, ""),
        },
    )
    assert noted.newest().heads["worker-11"].sequence == 14


def test_only_what_moved_is_signed_again_and_numbers_go_on_after_a_restart(noted: Noted, tmp_path: Path) -> None:
    notary = noted.notary()
    notary.sign()
    notary.sign()
    assert noted.newest().number == 1
    write(tmp_path / "worker-0", 1, first=3)
    notary.sign()
    assert (noted.newest().number, noted.newest().heads["worker-0"].sequence) == (2, 4)
    write(tmp_path / "worker-0", 1, first=4)
    noted.notary().sign()
    assert noted.newest().number == 3


def test_one_statement_in_ten_minutes_is_kept_in_the_log(noted: Noted, tmp_path: Path) -> None:
    notary = noted.notary()
    for second, kept in ((0.0, 1), (RECORD_INTERVAL - 1, 1), (RECORD_INTERVAL, 2)):
        noted.time = second
        write(tmp_path / "worker-0", 1, first=int(second) + 3)
        notary.sign()
        assert [kind for kind, _, _ in noted.notes] == [Kind.HEADS] * kept
    _, sentence, details = noted.notes[-1]
    assert sentence == "The heads of 3 chains were signed, number 3."
    assert Statement.parse(str(details["statement"])) == noted.newest()


def test_it_is_due_every_few_seconds(noted: Noted) -> None:
    notary = noted.notary()
    due = []
    for second in (0.0, INTERVAL - 0.1, INTERVAL, INTERVAL + 0.1, 2 * INTERVAL):
        noted.time = second
        due.append(notary.due())
    assert due == [True, False, True, False, True]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("cut", "The chain of worker-0 ends with record 1: 3 had been signed."),
        ("anew", "Record 3 of the chain of worker-0 is not the one that had been signed."),
        ("gone", "The chain of worker-0 is gone: 3 records of it had been signed."),
    ],
)
def test_a_chain_that_is_not_what_was_signed_raises_an_alarm_once(
    noted: Noted, tmp_path: Path, restart: bool, change: str, said: str
) -> None:
    notary = noted.notary()
    notary.sign()
    before = noted.newest()
    chain = tmp_path / "worker-0"
    lines = journal_lines(chain)
    for name in (JOURNAL_FILE, HEAD_FILE):
        (chain / name).unlink()
    if change == "cut":
        (chain / JOURNAL_FILE).write_bytes(lines[0])
        write(chain, 0)
    elif change == "anew":
        write(chain, 3, first=100)

    if change == "cut":
        # Opening it again wrote a record about the head that is gone; whoever knows how takes that back too.
        (chain / JOURNAL_FILE).write_bytes(lines[0])
        (chain / HEAD_FILE).write_bytes(b'{"sequence":1,"hash":"%b"}' % lines[0][-67:-3])
    if restart:
        notary = noted.notary()
    noted.notes.clear()
    notary.sign()
    notary.sign()
    alarms = [(sentence, details) for kind, sentence, details in noted.notes if kind is Kind.TAMPERED]
    assert [sentence for sentence, _ in alarms] == [said]
    assert Statement.parse(str(alarms[0][1]["statement"])) == before


def test_what_cannot_be_signed_is_told_and_tried_again(noted: Noted, tmp_path: Path) -> None:
    (tmp_path / SIGNED_FILE).mkdir()
    with pytest.raises(IsADirectoryError):
        noted.notary()
    (tmp_path / SIGNED_FILE).rmdir()
    notary = noted.notary()
    (tmp_path / SIGNED_FILE).mkdir()
    problems: list[str | None] = []
    notary.sign()
    problems.append(notary.problem)
    (tmp_path / SIGNED_FILE).rmdir()
    notary.sign()
    problems.append(notary.problem)
    assert problems == ["heads are not signed: Is a directory", None]
    assert noted.newest().number == 1
