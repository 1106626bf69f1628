"""What an operator types and reads to shut somebody out, and to let them in again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.clocks import real_now
from proxy.main import main
from tests.proxy.control.serving import Desk, served_in_a_thread, state
from tests.proxy.parts import plain_settings, write_settings


def typed(directory: Path, *arguments: str) -> Result:
    path = write_settings(directory, plain_settings(state_directory="."))
    return CliRunner().invoke(main, ["quarantine", *arguments, "--config", str(path)])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk()
    with served_in_a_thread(tmp_path, desk):
        yield desk


def test_who_is_in_quarantine_is_shown_with_reason_end_and_place(tmp_path: Path, desk: Desk) -> None:
    assert "nobody is in quarantine" in typed(tmp_path, "list").stdout
    desk.held["a"] = state()
    desk.held["b"] = state("certificate:b", by="", verdict="19a7c0-1", in_kernel=False, reason="red \x1b[31m")
    first, second, last = typed(tmp_path, "list").stdout.splitlines()
    assert first.startswith("certificate:tv1 /agent1/tv1 192.0.2.9  until 2096-10-02T07:06:40Z")
    assert first.endswith("in the kernel  by root (uid 0): it calls home")
    assert "by the gateway alone  verdict 19a7c0-1: red" in second
    assert "\x1b" not in second
    assert last == "never in quarantine: 192.0.2.1/32"
    desk.held["a"] = state(until=real_now() + 7000.5)
    assert "Z (in 116m)  in the kernel" in typed(tmp_path, "list").stdout
    listed = json.loads(typed(tmp_path, "list", "-o", "json").stdout)
    assert [each["in_kernel"] for each in listed["quarantines"]] == [True, False]


def test_a_sender_is_shut_out_and_let_in_again(tmp_path: Path, desk: Desk) -> None:
    added = typed(tmp_path, "add", "/agent1/tv1", "--for", "15m", "--reason", "it calls home")
    assert added.exit_code == 0
    assert added.stdout.startswith("alleyes: in quarantine: /agent1/tv1")
    assert desk.asked[0][:4] == ("add", "/agent1/tv1", "it calls home", "900")
    made = json.loads(typed(tmp_path, "add", "192.0.2.9", "--reason", "r", "-o", "json").stdout)
    assert made["identity"] == "192.0.2.9"
    assert desk.asked[1][3] == "None", "as long as the policy says"
    deleted = typed(tmp_path, "delete", "/agent1/tv1", "--reason", "repaired")
    assert (deleted.exit_code, deleted.stdout) == (0, "alleyes: /agent1/tv1 is let through again\n")
    assert desk.asked[2][3] == "repaired"
    assert json.loads(typed(tmp_path, "delete", "192.0.2.9", "-o", "json").stdout)["reason"] == "r"


def test_a_protected_sender_is_refused_with_the_reason(tmp_path: Path, desk: Desk) -> None:
    answer = typed(tmp_path, "add", "192.0.2.1", "--reason", "r")
    assert answer.exit_code == 2
    assert answer.stderr == "alleyes: 192.0.2.1 cannot be quarantined: it is the router -- leave it alone\n"


@pytest.mark.parametrize("length", ["1", "0m", "forever"])
def test_a_time_that_is_none_is_refused_before_anybody_is_asked(tmp_path: Path, length: str) -> None:
    answer = typed(tmp_path, "add", "192.0.2.9", "--reason", "r", "--for", length)
    assert answer.exit_code == 2
    assert "is not a duration" in answer.stderr


@pytest.mark.parametrize("arguments", [["list"], ["add", "a", "--reason", "r"], ["delete", "a"]], ids=lambda a: a[0])
def test_without_a_gateway_it_is_said_what_can_be_done(tmp_path: Path, arguments: list[str]) -> None:
    answer = typed(tmp_path, *arguments)
    assert answer.exit_code == 1
    assert "start it (systemctl start alleyes)" in answer.stderr
    assert answer.stdout == ""
