"""The running gateway is found though its configuration has become broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.commands.running_gateway import ask
from tests.proxy.control.serving import Desk, served_in_a_thread


def test_a_broken_gateway_yaml_does_not_keep_anybody_from_the_gateway_that_runs(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"state_directory: {tmp_path}\nworkers: many\n")
    with served_in_a_thread(tmp_path, Desk()):
        assert ask(config, lambda gateway: gateway.quarantines()).quarantines == []


def test_the_command_ends_where_there_is_no_gateway(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"state_directory: {tmp_path}\n")
    with pytest.raises(SystemExit) as ended:
        ask(config, lambda gateway: gateway.quarantines())
    assert ended.value.code == 1
    assert str(tmp_path) in capsys.readouterr().err
