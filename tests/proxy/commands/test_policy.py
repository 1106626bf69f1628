"""What an operator hears of a policy, before it is in force and when it comes into force."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from proxy.main import main
from tests.proxy.control.serving import Desk, served_in_a_thread
from tests.proxy.parts import plain_settings, write_settings
from tests.repository.tree import ROOT


def asked(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["policy", *map(str, arguments)])


def written(directory: Path, text: str, name: str = "policy.yaml") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "mode: strict\nrules:\n  - name: a\n    action: forbid\n")
    answer = asked("check", path)
    assert answer.exit_code == 2
    assert [line.split(": ")[1:3] for line in answer.stderr.splitlines()] == [
        [f"{path}:1", "mode"],
        [f"{path}:4", "rules[0].action"],
    ]


def test_what_is_hardly_meant_is_warned_of_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, "mode: enforce\nrules:\n  - name: old\n    action: deny\n    expires: 2020-01-31\n")
    answer = asked("check", path)
    assert answer.exit_code == 0
    assert answer.stderr == (
        f"alleyes: warning: {path}:5: rules[0].expires: rule old has expired and does nothing"
        " -- remove it, or give it a later day\n"
    )
    assert answer.stdout.startswith(f"alleyes: {path} is fine: policy ")
    assert answer.stdout.endswith(", enforce, 1 rule\n")


def test_the_shipped_policy_is_fine() -> None:
    answer = asked("check", ROOT / "config" / "policy.yaml")
    assert (answer.exit_code, answer.stderr) == (0, "")


def test_what_changes_is_told(tmp_path: Path) -> None:
    old, new = written(tmp_path, "mode: learn\n", "old.yaml"), written(tmp_path, "mode: auto\n", "new.yaml")
    assert asked("diff", old, new).stdout == "mode of the service types that are not named: learn -> auto\n"
    assert asked("diff", old, old).stdout == "nothing changes\n"
    assert asked("diff", old, tmp_path / "missing.yaml").exit_code == 2


def test_scenarios_are_played(tmp_path: Path) -> None:
    scenario = ROOT / "config" / "scenarios" / "unknown-sender.yaml"
    answer = asked("test", scenario)
    assert (answer.exit_code, answer.stdout.splitlines()[0][:3]) == (0, "ok ")
    monitoring = written(tmp_path, "mode: monitor\n")
    answer = asked("test", "--policy", monitoring, scenario)
    assert answer.exit_code == 1
    lines = answer.stdout.splitlines()
    assert lines[0].startswith(f"FAILED {scenario}: ")
    assert lines[1:3] == ["  step 1, stranger get lamp/isOn:", "    action: expected block, got forward"]
    assert lines[3].startswith("    Forwarded (only monitoring; would have been refused): ip:192.0.2.99")


def test_a_broken_scenario_is_told_with_its_line(tmp_path: Path) -> None:
    answer = asked("test", written(tmp_path, "description: a\nservices: {}\nsteps: []\n"))
    assert answer.exit_code == 2
    assert [line.split(": ")[2] for line in answer.stderr.splitlines()] == ["services", "steps"]


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
