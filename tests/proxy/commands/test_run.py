"""The gateway from its start to its end; and every reason for which it does not start, a line each."""

from __future__ import annotations

import sys
from pathlib import Path

from click.testing import CliRunner

from proxy.main import main
from tests.network.namespaces import Host
from tests.proxy.parts import plain_settings, write_settings
from tests.site.gateway_process import GatewayProcess

COMMAND = ("-c", "from proxy.main import main; main()", "run")


def test_it_serves_until_it_is_told_to_end_and_its_guards_stay(tmp_path: Path, machine: Host) -> None:
    gateway = GatewayProcess(tmp_path, machine)
    gateway.write(plain_settings(state_directory="state"), {"mode": "enforce"})
    gateway.start(command=COMMAND)
    assert CliRunner().invoke(main, ["health", "--config", str(gateway.config)]).exit_code == 0
    gateway.replace_policy({"mode": "nonsense"})
    gateway.replace_policy({"mode": "monitor"})
    assert gateway.stop() == 0
    assert CliRunner().invoke(main, ["health", "--config", str(gateway.config)]).exit_code == 1
    records = [record for record in gateway.records() if record["kind"] != "heads"]
    assert [record["kind"] for record in records] == ["start", "policy-reload", "policy-reload", "stop"]
    started, broken, replaced, _ = records
    assert started["details"]["mode"] == "enforce"
    assert broken["details"]["policy_revision"] == started["details"]["policy_revision"]
    assert broken["details"]["problems"]
    assert replaced["details"]["mode"] == "monitor"
    assert "table" in machine.run(["nft", "list", "ruleset"]).stdout
    assert (gateway.state / "models.bin").exists()


def test_a_machine_that_lacks_something(tmp_path: Path, machine: Host) -> None:
    machine.forwarding(on=False)
    path = write_settings(tmp_path, plain_settings(state_directory="state"))
    ended = machine.run([sys.executable, *COMMAND, "--config", str(path)], check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("alleyes: IPv4 forwarding is off")
    assert machine.run(["nft", "list", "ruleset"]).stdout == ""
    assert not (tmp_path / "state").exists()


def test_files_and_a_machine_that_are_wrong_are_told_together(tmp_path: Path, machine: Host) -> None:
    machine.forwarding(on=False)
    path = write_settings(tmp_path, plain_settings(state_directory="state"), "mode: strict\n")
    (tmp_path / "inventory.yaml").unlink()
    ended = CliRunner().invoke(main, ["run", "--config", str(path)])
    assert ended.exit_code == 2
    policy, inventory, forwarding = ended.stderr.splitlines()
    assert policy.startswith(f"alleyes: {tmp_path / 'policy.yaml'}:1: mode")
    assert inventory.startswith(f"alleyes: {tmp_path / 'inventory.yaml'}")
    assert forwarding.startswith("alleyes: IPv4 forwarding is off")
    assert not (tmp_path / "state").exists()
