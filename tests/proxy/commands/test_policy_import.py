"""`alleyes policy import mud` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from proxy.main import main
from tests.proxy.mud.test_description import described


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["policy", "import", "mud", "--type", "/light", *map(str, arguments)])


def test_rules_are_printed(tmp_path: Path) -> None:
    file = tmp_path / "light.json"
    file.write_text(json.dumps(described()))
    answer = run(file)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.count("action: expect") == 3


def test_files_that_are_none_are_told_by_name(tmp_path: Path) -> None:
    file = tmp_path / "light.p7s"
    assert str(file) in run(file).stderr
    file.write_bytes(b"\x30\x82")
    answer = run(file)
    assert (answer.exit_code, str(file) in answer.stderr) == (2, True)


def test_peers_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "light.json"
    file.write_text(json.dumps(described()))
    assert "write e.g." in run(file, "--peer", "hub").stderr
    assert "cannot be both" in run(file, "--peer", "x=/a", "--peer", "x=/b").stderr


def test_the_type_must_be_given_and_be_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "light.json"
    file.write_text(json.dumps(described()))
    missing = CliRunner().invoke(main, ["policy", "import", "mud", str(file)])
    assert (missing.exit_code, "--type" in missing.stderr) == (2, True)
    assert "describes /light, not /lamp; is it the file of another device?" in run(file, "--type", "/lamp").stderr
