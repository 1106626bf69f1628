"""The gateway leaves: its table goes, its records stay, and the act is on record."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policy.loading import load_document
from proxy import configuration
from proxy.audit.journal import Journal
from proxy.configuration import InventoryDocument, load_gateway
from proxy.firewall.commands import InstallTable
from proxy.firewall.nftables import Firewall
from proxy.health import HealthFile
from proxy.main import main
from proxy.plan import firewall_plan
from tests.network.namespaces import Host
from tests.proxy.audit.events import records
from tests.proxy.parts import plain_settings, status, write_settings


def installed(directory: Path) -> Path:
    path = write_settings(directory, plain_settings(state_directory="."))
    inventory = load_document(directory / "inventory.yaml", InventoryDocument)
    Firewall().apply(InstallTable(firewall_plan(load_gateway(path), inventory)))
    return path


def uninstalled(path: Path) -> Result:
    return CliRunner().invoke(main, ["uninstall", "--config", str(path)])


def test_the_table_goes_and_the_act_is_recorded(tmp_path: Path, machine: Host) -> None:
    path = installed(tmp_path)
    assert "table" in machine.run(["nft", "list", "ruleset"]).stdout
    answer = uninstalled(path)
    assert (answer.exit_code, answer.output) == (0, "alleyes: removed; traffic passes unjudged\n")
    assert machine.run(["nft", "list", "ruleset"]).stdout == ""
    record = records(tmp_path / "audit")[-1]
    assert (record["kind"], record["details"]) == ("uninstall", {"removed": True})


def test_there_may_be_nothing_to_remove(tmp_path: Path, machine: Host) -> None:
    path = installed(tmp_path)
    uninstalled(path)
    answer = uninstalled(path)
    assert (answer.exit_code, answer.output) == (0, "alleyes: there was nothing to remove\n")


def test_a_gateway_that_runs_is_left_alone(tmp_path: Path, machine: Host) -> None:
    path = installed(tmp_path)
    running = Journal(tmp_path / "audit")
    answer = uninstalled(path)
    running.close()
    assert answer.exit_code == 2
    assert answer.stderr.startswith("alleyes: the gateway is running; stop it first")
    assert "table" in machine.run(["nft", "list", "ruleset"]).stdout


def test_a_gateway_that_was_killed_a_moment_ago_is_not_waited_for(tmp_path: Path, machine: Host) -> None:
    path = installed(tmp_path)
    HealthFile(tmp_path).write(status())
    assert uninstalled(path).exit_code == 0
    assert machine.run(["nft", "list", "ruleset"]).stdout == ""


def test_an_unusable_audit_log_is_told_but_keeps_nothing(tmp_path: Path, machine: Host) -> None:
    path = installed(tmp_path)
    (tmp_path / "audit").write_text("in the way")
    answer = uninstalled(path)
    assert (answer.exit_code, answer.stdout) == (0, "alleyes: removed; traffic passes unjudged\n")
    assert answer.stderr.startswith("alleyes: this could not be recorded in the audit log: ")
    assert str(tmp_path / "audit") in answer.stderr
    assert machine.run(["nft", "list", "ruleset"]).stdout == ""


def test_where_the_audit_log_cannot_tell_the_status_file_says_whether_the_gateway_runs(
    tmp_path: Path, machine: Host
) -> None:
    path = installed(tmp_path)
    (tmp_path / "audit").write_text("in the way")
    ended = subprocess.Popen(["true"])
    ended.wait()
    HealthFile(tmp_path).write(status())
    assert uninstalled(path).exit_code == 2
    HealthFile(tmp_path).write(status(pid=ended.pid))
    assert uninstalled(path).exit_code == 0


def test_a_broken_configuration_keeps_nothing(tmp_path: Path, machine: Host) -> None:
    """Its state directory can still be read, so that even this is on record."""
    path = installed(tmp_path)
    path.write_text("state_directory: .\naccess_points: [\n")
    answer = uninstalled(path)
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert machine.run(["nft", "list", "ruleset"]).stdout == ""
    assert records(tmp_path / "audit")[-1]["kind"] == "uninstall"


def test_a_missing_configuration_keeps_nothing(tmp_path: Path, machine: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    path = installed(tmp_path)
    monkeypatch.setattr(configuration, "DEFAULT_STATE", tmp_path / "nowhere")
    path.unlink()
    answer = uninstalled(path)
    assert (answer.exit_code, answer.stdout) == (0, "alleyes: removed; traffic passes unjudged\n")
    assert "nowhere is not there" in answer.stderr
    assert not (tmp_path / "nowhere").exists()
    assert machine.run(["nft", "list", "ruleset"]).stdout == ""


def test_what_root_leaves_is_the_gateway_s(tmp_path: Path, machine: Host) -> None:
    path = installed(tmp_path)
    try:
        os.chown(tmp_path, 64_123, 64_123)
    except OSError as error:
        pytest.skip(f"only root, outside of a user namespace, can give files away: {error.strerror}")
    assert uninstalled(path).exit_code == 0
    audit = tmp_path / "audit"
    assert {each.stat().st_uid for each in (audit, *audit.iterdir())} == {64_123}
