from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from proxy.audit import signed_heads
from proxy.audit.event import Kind, Notice
from proxy.audit.head import Head
from proxy.audit.journal import Journal
from proxy.audit.keys import SigningKey
from proxy.audit.layout import JOURNAL_FILE
from proxy.audit.signatures import Signatures, read_signatures
from proxy.audit.statement import Signed, Statement
from proxy.audit.verify import Damage
from tests.policy.calls import NOW


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.of(tmp_path / "state")


def made(key: SigningKey, number: int, sequence: int, letter: str) -> Signed:
    heads = {"worker-0": Head(sequence, letter * 64), "worker-1": Head(0, "0" * 64)}
    return key.sign(Statement(key=key.public.name, number=number, time="2026-11-23T07:30:27.123Z", heads=heads))


def recorded(directory: Path, *statements: Signed) -> None:
    journal = Journal(directory, clock=lambda: NOW)
    for each in statements:
        details = {"statement": each.statement, "signature": each.signature}
        journal.append(Notice(kind=Kind.HEADS, time=NOW, sentence="signed", details=details))
    journal.close(timeout=30)


def heard(directory: Path, key: SigningKey, *kept: Signed) -> Signatures:
    return read_signatures(directory, key.public, kept)


def test_statements_of_the_log_of_the_file_and_of_elsewhere_are_taken_together(tmp_path: Path, key: SigningKey) -> None:
    recorded(tmp_path, made(key, 1, 10, "a"), made(key, 2, 20, "b"))
    signed_heads.write(tmp_path, made(key, 4, 40, "d"))
    found = heard(tmp_path, key, made(key, 3, 30, "c"))
    assert found.problem is None
    assert found.statements == 4
    assert found.signed == {"worker-0": {10: "a" * 64, 20: "b" * 64, 30: "c" * 64, 40: "d" * 64}}
    assert found.newest is not None
    assert found.newest.number == 4


def test_the_earliest_word_about_a_record_stands(tmp_path: Path, key: SigningKey) -> None:
    recorded(tmp_path, made(key, 1, 10, "a"))
    signed_heads.write(tmp_path, made(key, 2, 10, "b"))
    assert heard(tmp_path, key).signed == {"worker-0": {10: "a" * 64}}


def test_a_forged_statement_in_the_log_is_named_with_its_place(tmp_path: Path, key: SigningKey) -> None:
    forged = msgspec.structs.replace(made(key, 2, 20, "b"), signature=made(key, 1, 10, "a").signature)
    recorded(tmp_path, made(key, 1, 10, "a"), forged)
    signed_heads.write(tmp_path, made(key, 3, 30, "c"))
    found = heard(tmp_path, key)
    assert found.problem is not None
    assert (found.problem.damage, found.problem.file, found.problem.line) == (Damage.CHANGED, JOURNAL_FILE, 2)
    assert found.problem.record == "heads 2"
    assert 20 not in found.signed["worker-0"]


def test_statements_in_the_log_by_an_earlier_key_cannot_be_checked_and_are_left_out(
    tmp_path: Path, key: SigningKey
) -> None:
    recorded(tmp_path, made(SigningKey.of(tmp_path / "before"), 7, 10, "a"))
    signed_heads.write(tmp_path, made(key, 1, 30, "c"))
    found = heard(tmp_path, key)
    assert (found.problem, found.statements) == (None, 1)


def test_the_file_may_not_be_behind_the_log(tmp_path: Path, key: SigningKey) -> None:
    recorded(tmp_path, made(key, 5, 50, "e"))
    signed_heads.write(tmp_path, made(key, 4, 40, "d"))
    problem = heard(tmp_path, key).problem
    assert problem is not None
    assert problem.message == "is number 4, older than number 5 in the log itself: it was put in its place"


def test_a_log_without_any_chain_of_the_supervisor_still_has_the_file(tmp_path: Path, key: SigningKey) -> None:
    signed_heads.write(tmp_path, made(key, 4, 40, "d"))
    assert heard(tmp_path, key).statements == 1
