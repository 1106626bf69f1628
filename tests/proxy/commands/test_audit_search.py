from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.commands.audit import audit
from tests.proxy.audit.events import event, write


def alleyes(*arguments: str | Path) -> Result:
    return CliRunner().invoke(audit, [str(argument) for argument in arguments])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write(tmp_path / "audit", 0)
    for number in (0, 1):
        write(tmp_path / "audit" / f"worker-{number}", 10, first=10 * number)
    return tmp_path / "audit"


def test_search_prints_what_fits_newest_first(log: Path) -> None:
    result = alleyes("search", "--action", "block", "-n", "3", "--directory", log)
    assert result.exit_code == 0
    assert [line.split()[2] for line in result.output.splitlines()] == [event(n).verdict.id for n in (19, 18, 17)]
    wanted = ("--since", "2025-11-13T02:13:22Z", "--until", "2025-11-13T03:13:24+01:00", "-o", "json")
    found = [json.loads(line)["id"] for line in alleyes("search", *wanted, "--directory", log).output.splitlines()]
    assert found == [event(n).verdict.id for n in (3, 2)]
    assert alleyes("search", "--since", "2h", "--directory", log).output == ""


@pytest.mark.parametrize("arguments", [("--since", "yesterday"), ("--action", "nothing"), ("--min-av", "-1")])
def test_what_cannot_be_looked_for_is_a_usage_error(log: Path, arguments: tuple[str, str]) -> None:
    assert alleyes("search", *arguments, "--directory", log).exit_code == 2


def exported(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["event"]["id"] for line in result.output.splitlines()]


def test_export_goes_on_from_where_it_was(log: Path, tmp_path: Path) -> None:
    position = tmp_path / "position"
    arguments = ("export", "--format", "ecs", "--position", position, "--directory", log)
    assert exported(alleyes(*arguments)) == [event(n).verdict.id for n in range(20)]
    assert exported(alleyes(*arguments)) == []
    write(log / "worker-0", 2, first=50)
    assert exported(alleyes(*arguments)) == [event(n).verdict.id for n in (50, 51)]
    assert json.loads(position.read_text()) == {"worker-0": 12, "worker-1": 10}


def test_export_begins_after_a_record_or_at_a_time(log: Path) -> None:
    after = alleyes("export", "--format", "ecs", "--since", "19a7c0-0017", "--directory", log)
    assert exported(after) == [event(n).verdict.id for n in (18, 19)]
    at = alleyes("export", "--format", "ecs", "--since", "2025-11-13T02:13:38Z", "--directory", log)
    assert exported(at) == [event(n).verdict.id for n in (18, 19)]
    assert alleyes("export", "--format", "ecs", "--since", "nothing", "--directory", log).exit_code == 1


def test_export_appends_to_a_file(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    for _ in range(2):
        assert alleyes("export", "--format", "ocsf", "--to", target, "--directory", log).output == ""
    lines = target.read_text().splitlines()
    assert len(lines) == 40
    assert json.loads(lines[0])["class_uid"] == 6003


def test_a_position_that_is_none_is_never_overwritten(log: Path, tmp_path: Path) -> None:
    position = tmp_path / "position"
    position.write_text("something else")
    result = alleyes("export", "--format", "ecs", "--position", position, "--directory", log)
    assert (result.exit_code, "is not a position of an export" in result.output) == (2, True)
    assert position.read_text() == "something else"
