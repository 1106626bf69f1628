"""The command line, as an operator meets it."""

from __future__ import annotations

from importlib.metadata import version

from click.testing import CliRunner

from proxy.main import main


def test_every_command_is_there_with_a_line_of_help() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    listed = dict(line.split(maxsplit=1) for line in shown.output.partition("Commands:\n")[2].splitlines())
    assert set(listed) == {
        "audit",
        "check",
        "decoder",
        "evaluate",
        "explain",
        "federate",
        "federation",
        "guard",
        "health",
        "inventory",
        "models",
        "policy",
        "quarantine",
        "run",
        "simulate",
        "status",
        "uninstall",
    }
    assert all(listed.values())


def test_the_version_is_the_installed_one() -> None:
    assert version("alleyes") in CliRunner().invoke(main, ["--version"]).output


def test_an_unknown_command_is_a_mistake_of_usage() -> None:
    assert CliRunner().invoke(main, ["install"]).exit_code == 2
