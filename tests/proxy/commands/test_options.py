"""Where the configuration is, and how problems are told."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from proxy.commands.options import config_option, configuration, refuse
from tests.proxy.parts import plain_settings, write_settings


@click.command
@config_option
def show(config: Path) -> None:
    click.echo(configuration(config).access_points[0].agent)


def test_the_configuration_is_loaded_from_the_given_path(tmp_path: Path) -> None:
    path = write_settings(tmp_path, plain_settings())
    assert CliRunner().invoke(show, ["--config", str(path)]).output == "agent1\n"


def test_the_default_path_is_shown() -> None:
    assert "/etc/alleyes/gateway.yaml" in CliRunner().invoke(show, ["--help"]).output


def test_every_problem_is_a_line_and_the_exit_code_is_2(tmp_path: Path) -> None:
    path = write_settings(tmp_path, plain_settings(listen={"ipv4": "x"}, interfaces={"services": []}))
    ended = CliRunner().invoke(show, ["--config", str(path)])
    assert ended.exit_code == 2
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"alleyes: {path}:") for line in lines)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    ended = CliRunner().invoke(show, ["--config", str(tmp_path / "gateway.yaml")])
    assert ended.exit_code == 2
    assert str(tmp_path / "gateway.yaml") in ended.stderr


def test_refusing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        refuse(["first", "second"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "alleyes: first\nalleyes: second\n"
