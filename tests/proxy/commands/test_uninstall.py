"""The gateway leaves: its table goes, its records stay, and the act is on record."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from policy.loading import load_document
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
    HealthFile(tmp_path).beat(status)
    answer = uninstalled(path)
    assert answer.exit_code == 2
    assert answer.stderr.startswith("alleyes: the gateway is running; stop it first")
    assert "table" in machine.run(["nft", "list", "ruleset"]).stdout


def test_what_cannot_be_recorded_is_not_done(tmp_path: Path, machine: Host) -> None:
    path = installed(tmp_path)
    (tmp_path / "audit").write_text("in the way")
    answer = uninstalled(path)
    assert answer.exit_code == 2
    assert "audit" in answer.stderr
    assert "table" in machine.run(["nft", "list", "ruleset"]).stdout
