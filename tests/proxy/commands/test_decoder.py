"""The group of commands about decoders."""

from __future__ import annotations

from click.testing import CliRunner

from proxy.main import main


def test_it_lists_its_commands() -> None:
    answer = CliRunner().invoke(main, ["decoder", "--help"])
    assert answer.exit_code == 0
    assert "test " in answer.output
