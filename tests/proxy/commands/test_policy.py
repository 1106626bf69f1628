"""A policy is read again by the running gateway, and what came of it is told."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from proxy.main import main
from tests.proxy.control.serving import Desk, served_in_a_thread
from tests.proxy.parts import plain_settings, write_settings


def reloaded(directory: Path) -> Result:
    path = write_settings(directory, plain_settings(state_directory="."))
    return CliRunner().invoke(main, ["policy", "reload", "--config", str(path)])


def test_a_new_policy_is_named(tmp_path: Path) -> None:
    with served_in_a_thread(tmp_path, Desk()):
        answer = reloaded(tmp_path)
    assert (answer.exit_code, answer.stdout) == (0, "alleyes: policy ac17ce3f2bec is in force, enforce mode\n")


def test_a_broken_one_changes_nothing_and_every_problem_is_told(tmp_path: Path) -> None:
    desk = Desk()
    desk.policy_problems = ["policy.yaml:1: mode", "policy.yaml:7: thresholds"]
    with served_in_a_thread(tmp_path, desk):
        answer = reloaded(tmp_path)
    assert answer.exit_code == 2
    assert answer.stderr.splitlines() == [
        "alleyes: policy.yaml:1: mode",
        "alleyes: policy.yaml:7: thresholds",
        "alleyes: nothing was changed -- correct it",
    ]
