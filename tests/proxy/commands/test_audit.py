from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from models.access import Operation
from policy.verdict import Action
from proxy.audit.event import VerdictEvent
from proxy.audit.journal import Journal
from proxy.audit.keys import SigningKey
from proxy.audit.layout import HEAD_FILE, JOURNAL_FILE
from proxy.audit.notary import Notary
from proxy.audit.trail import AuditTrail
from proxy.commands.audit import audit
from tests.policy.calls import NOW, SPYING, call
from tests.proxy.audit.events import event, journal_lines, start_notice, verdict, write
from tests.proxy.parts import plain_settings, write_settings


def alleyes(*arguments: str | Path) -> Result:
    return CliRunner().invoke(audit, [str(argument) for argument in arguments])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    journal = Journal(tmp_path, linger=0, clock=lambda: NOW)
    journal.append(start_notice())
    journal.append(VerdictEvent(verdict=verdict(1, action=Action.FORWARD, av=0.2), time=NOW + 1))
    watched = msgspec.structs.replace(verdict(2), action=Action.FORWARD)
    journal.append(VerdictEvent(verdict=watched, time=NOW + 2))
    journal.append(VerdictEvent(verdict=verdict(3), time=NOW + 3))
    journal.close(timeout=30)
    return tmp_path


def test_tail_prints_one_readable_line_for_each_record(log: Path) -> None:
    result = alleyes("tail", "--directory", log)

    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "2025-11-13T02:13:20.000Z  start       The gateway started."
    assert lines[1].startswith("2025-11-13T02:13:21.000Z  forward     19a7c0-0001-abcdef  Forwarded: /agent1/washing")
    assert lines[2].startswith("2025-11-13T02:13:22.000Z !forward (block)  19a7c0-0002-abcdef  Forwarded (only monitor")
    assert lines[3].startswith("2025-11-13T02:13:23.000Z !block       19a7c0-0003-abcdef  Refused: /agent1/washing")
    assert len(lines) == 4


def test_tail_prints_as_many_as_it_is_told(log: Path) -> None:
    result = alleyes("tail", "-n", "1", "--directory", log)

    assert [line.split()[2] for line in result.output.splitlines()] == ["19a7c0-0003-abcdef"]


def test_following_prints_new_records_until_interrupted(log: Path) -> None:
    command = [sys.executable, "-c", "from proxy.commands.audit import audit; audit()"]
    process = subprocess.Popen(
        [*command, "tail", "-f", "-n", "1", "-o", "json", "--directory", log],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell lets what it starts in the background ignore the key; this one sits in the foreground.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- single-threaded here
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == verdict(3).id
        write(log, 1, first=4)
        assert json.loads(process.stdout.readline())["id"] == verdict(4).id
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, complaints) == (0, b"")


def test_json_output_is_the_records_themselves(log: Path) -> None:
    result = alleyes("tail", "-o", "json", "--directory", log)

    assert result.output.encode() == b"".join(journal_lines(log))


def test_show_prints_every_feature_and_every_term(log: Path) -> None:
    result = alleyes("show", "19a7c0-0003", "--directory", log)

    assert result.exit_code == 0
    lines = [line.strip() for line in result.output.splitlines()]
    assert lines[0].startswith("Refused: /agent1/washingmachine1")
    shown = dict(line.split(None, 1) for line in lines[1:] if len(line.split(None, 1)) == 2)
    assert shown["action"] == "block"
    assert shown["strength"] == "certificate"
    assert shown["source_location"] == "BathRoom"
    assert shown["data_type"] == "/derived/temperature"
    assert shown["model_weight"] == "412"
    assert shown["policy_revision"] == "r1"
    assert shown["hash"] == json.loads(journal_lines(log)[3])["hash"]


def test_show_in_json_is_the_record_itself(log: Path) -> None:
    result = alleyes("show", "19a7c0-0003-abcdef", "-o", "json", "--directory", log)

    assert result.output.encode() == journal_lines(log)[3]


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("19a7c0-0009", "no record with the id 19a7c0-0009"),
        ("19a7c0", "is the beginning of several ids: 19a7c0-0001-abcdef, 19a7c0-0002-abcdef, 19a7c0-0003-abcdef; give"),
    ],
)
def test_show_of_what_is_not_there_ends_with_1(log: Path, identifier: str, message: str) -> None:
    result = alleyes("show", identifier, "--directory", log)

    assert result.exit_code == 1
    assert message in result.output


def test_verify_says_that_the_chain_is_whole(log: Path) -> None:
    result = alleyes("verify", "--directory", log)

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"{log}/journal.jsonl: 4 records, the chain is whole",
        f"signatures: not checked, as {log}/heads.pub is not there; give the public key with --key",
    ]


def test_verify_names_a_changed_record_and_ends_with_1(log: Path) -> None:
    path = log / JOURNAL_FILE
    path.write_bytes(path.read_bytes().replace(b'"action":"block"', b'"action":"allow"'))

    result = alleyes("verify", "--directory", log)
    data = json.loads(alleyes("verify", "-o", "json", "--directory", log).output)

    assert result.exit_code == 1
    assert (
        f"{path}: DAMAGED at line 4: 19a7c0-0003-abcdef does not have the hash that it states (changed)"
        in result.output
    )
    assert data["ok"] is False
    (chain,) = data["chains"]
    assert (chain["ok"], chain["directory"], chain["first"]["damage"]) == (False, str(log), "changed")
    assert (chain["first"]["line"], chain["first"]["record"]) == (4, "19a7c0-0003-abcdef")


def test_verify_names_newest_records_that_were_cut_off(log: Path) -> None:
    (log / JOURNAL_FILE).write_bytes(b"".join(journal_lines(log)[:2]))

    result = alleyes("verify", "--directory", log)

    assert result.exit_code == 1
    assert "DAMAGED at line 3: number 3 and all up to number 4 were taken out (missing)" in result.output


def test_verify_reports_what_a_crash_left_behind_without_calling_it_damage(log: Path) -> None:
    with (log / JOURNAL_FILE).open("ab") as journal:
        journal.write(b'{"sequence":5,"kind":"ver')
    unfinished = alleyes("verify", "--directory", log)
    write(log, 1, first=5)
    recovered = alleyes("verify", "--directory", log)

    assert (unfinished.exit_code, recovered.exit_code) == (0, 0)
    assert "25 bytes at the end are not a whole record yet" in unfinished.output
    assert (
        "accounts for something that it lost, last in journal.jsonl at line 6: The audit log was not closed properly:"
        in recovered.output
    )


def test_what_strangers_sent_cannot_rewrite_the_screen(tmp_path: Path) -> None:
    hostile = msgspec.structs.replace(SPYING, node="/a\x1b[2J\n\u202e", value="\x07\x9b", operation=Operation.SET)
    given = msgspec.structs.replace(call(hostile), request="GET /\x1b]0;x\x07")
    journal = Journal(tmp_path)
    journal.append(VerdictEvent(verdict=msgspec.structs.replace(verdict(), call=given), time=NOW))
    journal.close(timeout=30)

    for arguments in (("tail",), ("show", "19a7c0")):
        output = alleyes(*arguments, "--directory", tmp_path).output
        assert all(line.isprintable() for line in output.splitlines())
        assert r"/a\x1b[2J\x0a\u202e" in output


def test_records_that_somebody_mangled_are_shown_as_far_as_they_go(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_FILE).write_bytes(b'{"kind":"verdict","id":"x","time":[1],"action":{}}\n{"kind":7}\n{}\n')

    assert alleyes("tail", "--directory", tmp_path).exit_code == 0
    assert alleyes("show", "x", "--directory", tmp_path).exit_code == 0


@pytest.mark.parametrize("arguments", [("tail",), ("tail", "-f"), ("show", "x"), ("verify",)])
def test_a_log_that_cannot_be_read_ends_with_2_and_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    missing = alleyes(*arguments, "--directory", tmp_path)
    (tmp_path / JOURNAL_FILE).mkdir()
    unreadable = alleyes(*arguments, "--directory", tmp_path)

    assert (missing.exit_code, unreadable.exit_code) == (2, 2)
    assert missing.output == (
        f"alleyes: {tmp_path}/journal.jsonl does not exist; give the right --directory or --config\n"
    )
    assert unreadable.output == f"alleyes: {tmp_path} cannot be read: Is a directory\n"


def test_the_configuration_names_the_directory(tmp_path: Path) -> None:
    config = write_settings(tmp_path, plain_settings(state_directory="state"))
    write(tmp_path / "state" / "audit", 1)

    assert event(0).verdict.id in alleyes("tail", "--config", config).output
    broken = tmp_path / "broken.yaml"
    broken.write_text("interfaces: 1\n", encoding="utf-8")
    assert alleyes("verify", "--config", broken).exit_code == 2
    both = alleyes("verify", "--config", config, "--directory", tmp_path)
    assert (both.exit_code, "not both" in both.output) == (2, True)


def test_a_missing_head_is_named(log: Path) -> None:
    (log / HEAD_FILE).unlink()

    result = alleyes("verify", "--directory", log)

    assert result.exit_code == 1
    assert "journal.head is missing, so newest records may be, too" in result.output


@pytest.fixture
def signed_log(log: Path) -> Path:
    """The log, as a gateway leaves it: signed, with the public key beside it."""
    key = SigningKey.of(log / "state")
    (log / "heads.pub").write_bytes(key.public.pem())
    journal = Journal(log, clock=lambda: NOW)
    notary = Notary(log, key, AuditTrail(journal, lambda: NOW), clock=lambda: NOW)
    notary.sign()
    journal.close(timeout=30)
    notary.sign()
    return log


def test_verify_checks_signatures_with_the_key_beside_the_log_or_another(signed_log: Path, tmp_path: Path) -> None:
    beside = alleyes("verify", "--directory", signed_log)
    assert beside.exit_code == 0
    assert "signatures: 2 statements of key " in beside.output
    assert "are right, the newest of 2025-11-13T02:13:20.000Z" in beside.output

    other = tmp_path / "other.pem"
    other.write_bytes(SigningKey.of(tmp_path / "other").public.pem())
    result = alleyes("verify", "--key", other, "--directory", signed_log)
    assert result.exit_code == 1
    assert "signatures: DAMAGED" in result.output
    assert "heads.signed does not have a signature of this key (changed)" in result.output


def test_the_key_and_the_heads_that_are_printed_can_be_kept_and_used_later(signed_log: Path, tmp_path: Path) -> None:
    key, heads = tmp_path / "key.pem", tmp_path / "heads.jsonl"
    key.write_text(alleyes("key", "--directory", signed_log).output)
    heads.write_text(alleyes("heads", "-o", "json", "--directory", signed_log).output)
    arguments = ("verify", "--key", key, "--heads", heads, "--directory", signed_log)
    assert alleyes(*arguments).exit_code == 0
    assert alleyes("heads", "--directory", signed_log).output.splitlines()[0] == "alleyes audit heads 1"

    for path in signed_log.glob("journal.*"):
        path.unlink()
    (signed_log / "heads.signed").unlink()
    write(signed_log, 9, first=20)
    result = alleyes(*arguments, "-o", "json")
    data = json.loads(result.output)
    assert (result.exit_code, data["ok"], data["signatures"]["statements"]) == (1, False, 1)
    assert data["chains"][0]["first"]["message"].startswith("is not the record that was signed")
    assert data["signatures"]["problem"]["damage"] == "missing"


def test_what_is_no_key_or_no_statement_ends_with_2(signed_log: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("nothing of ours")
    for option, said in (("--key", "holds no public key"), ("--heads", "is not what `alleyes audit heads")):
        for path, expected in ((wrong, said), (tmp_path / "none", "none")):
            result = alleyes("verify", option, path, "--directory", signed_log)
            assert (result.exit_code, expected in result.output) == (2, True)
    (signed_log / "heads.signed").unlink()
    (signed_log / "heads.pub").unlink()
    assert alleyes("heads", "--directory", signed_log).exit_code == 2
    assert "no gateway has started" in alleyes("key", "--directory", signed_log).output
