"""Exit codes that service managers and containers act upon."""

from __future__ import annotations

import os
from pathlib import Path

from click.testing import CliRunner, Result

from proxy.health import FILE, HealthFile
from proxy.main import main
from tests.proxy.parts import plain_settings, status, write_settings


def asked(directory: Path) -> Result:
    path = write_settings(directory, plain_settings(state_directory="."))
    return CliRunner().invoke(main, ["health", "--config", str(path)])


def test_a_gateway_that_serves(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    answer = asked(tmp_path)
    assert (answer.exit_code, answer.output) == (0, "alleyes: serving\n")


def test_a_gateway_that_cannot_record(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status(audit_error="No space left on device"))
    answer = asked(tmp_path)
    assert answer.exit_code == 1
    assert "No space left on device" in answer.stderr


def test_a_gateway_that_does_not_run(tmp_path: Path) -> None:
    answer = asked(tmp_path)
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith(f"alleyes: {tmp_path / FILE} is not there")


def test_a_gateway_that_hangs(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    os.utime(tmp_path / FILE, (0, 0))
    answer = asked(tmp_path)
    assert answer.exit_code == 1
    assert "has ended or hangs" in answer.stderr


def test_a_broken_configuration_is_not_taken_for_a_gateway_that_has_ended(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["health", "--config", str(tmp_path / "missing.yaml")]).exit_code == 2
