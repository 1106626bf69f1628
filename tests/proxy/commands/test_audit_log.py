from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from proxy.audit.reader import Record
from proxy.commands.audit_log import at_log, end, found, line_of, log_directory, readable, shown
from tests.proxy.audit.events import event, write


def test_values_are_shown_as_they_are_read_best() -> None:
    assert [shown(each) for each in (None, True, 0.12345678, "a\x1b", {"a": 1}, 7)] == [
        "-",
        "yes",
        "0.1235",
        "a\\x1b",
        '{"a":1}',
        "7",
    ]
    assert shown("x" * 50, 10) == "xxxxxxx..."


def test_one_place_is_enough() -> None:
    assert log_directory(Path("x"), None) == Path("x")
    with pytest.raises(click.UsageError, match="not both"):
        log_directory(Path("x"), Path("y"))


def test_a_command_is_given_the_place_that_the_options_name(tmp_path: Path) -> None:
    @click.command()
    @click.option("--more", default="")
    @at_log
    def where(*, place: Path, more: str) -> None:
        """Tell."""
        click.echo(f"{place} {more}")

    runner = CliRunner()
    assert runner.invoke(where, ["--directory", str(tmp_path), "--more", "x"]).stdout == f"{tmp_path} x\n"
    both = runner.invoke(where, ["--directory", str(tmp_path), "--config", str(tmp_path / "gateway.yaml")])
    assert (both.exit_code, "not both" in both.stderr) == (2, True)
    assert "Tell." in runner.invoke(where, ["--help"]).stdout


def test_what_goes_wrong_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        end("said", 3)
    assert (ended.value.code, capsys.readouterr().err) == (3, "alleyes: said\n")
    with pytest.raises(SystemExit) as ended, readable(tmp_path):
        (tmp_path / "none").read_bytes()
    assert ended.value.code == 2


def test_a_record_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    write(tmp_path, 2)
    assert found(tmp_path, "19a7c0-0001").data["id"] == event(1).verdict.id


def test_a_record_of_another_kind_is_a_line_too() -> None:
    record = Record(b"", {"kind": "start", "time": "t", "sentence": "The gateway started."})
    assert line_of(record) == "t  start       The gateway started."
