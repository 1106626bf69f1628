"""Before the gateway serves, guards stand, whatever state the files are in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policy.loading import load_document
from proxy import configuration
from proxy.configuration import InventoryDocument, load_gateway
from proxy.firewall.nftables import Firewall
from proxy.firewall.plan import Entry
from proxy.main import main
from proxy.plan import firewall_plan
from proxy.storage import quarantine_store
from proxy.storage.plan_store import PlanStore
from proxy.storage.quarantine_store import QuarantineStore
from tests.network.namespaces import Host
from tests.network.peers import EchoServer, reaches
from tests.network.users import SOMEBODY, acting_as
from tests.proxy.parts import plain_point, plain_settings, quarantine_entry, write_settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_settings(tmp_path, plain_settings(state_directory="."))


def guarded(path: Path) -> Result:
    return CliRunner().invoke(main, ["guard", "--config", str(path)])


def started(config: Path) -> None:
    """Leave the plan that a gateway's start leaves."""
    inventory = load_document(config.parent / "inventory.yaml", InventoryDocument)
    PlanStore(config.parent).save(firewall_plan(load_gateway(config), inventory))


def rules(machine: Host) -> str:
    return machine.run(["nft", "-s", "list", "ruleset"]).stdout


def test_the_table_is_there_with_the_stored_quarantines(config: Path, machine: Host) -> None:
    with QuarantineStore(config.parent) as store:
        store.put(quarantine_entry(), Entry(ip="192.0.2.17"))
        store.put(quarantine_entry("/agent1/tv"), Entry(ip="192.0.2.18", until=1.0))
        store.put(quarantine_entry("/agent1/shared"), None)
    answer = guarded(config)
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert "no call passes to agent1" in answer.stdout
    assert {"redirect_calls", "guard_listeners", "guard_access_points"} <= set(rules(machine).split())
    assert [entry.ip for entry in Firewall().entries()] == ["192.0.2.17"]


def test_with_fail_mode_open_calls_pass_but_quarantines_hold(tmp_path: Path, machine: Host) -> None:
    config = write_settings(tmp_path, plain_settings(state_directory=".", fail_mode="open"))
    with QuarantineStore(tmp_path) as store:
        store.put(quarantine_entry(), Entry(ip="192.0.2.17"))
    answer = guarded(config)
    assert "calls pass unjudged (fail_mode: open) to agent1" in answer.stdout
    assert [entry.ip for entry in Firewall().entries()] == ["192.0.2.17"]


def test_no_interface_needs_to_be_there_yet(config: Path, isolated: None) -> None:
    bare = Host("bare")
    try:
        with bare.entered():
            assert guarded(config).exit_code == 0
        assert 'iifname "iot"' in rules(bare)
    finally:
        bare.close()


@pytest.mark.parametrize("user", [SOMEBODY, 0])
def test_beside_access_points_only_the_user_that_the_gateway_will_be_gets_through(
    tmp_path: Path, machine: Host, user: int
) -> None:
    own = plain_settings(topology="host", interfaces=None, access_points=[plain_point(ipv4="10.77.1.1")])
    config = write_settings(tmp_path, own | {"state_directory": "state"})
    (tmp_path / "state").mkdir()
    try:
        os.chown(tmp_path / "state", user, user)
    except OSError:
        pytest.skip(f"user {user} does not exist in this user namespace")
    assert "no call passes to agent1" in guarded(config).stdout
    assert rules(machine).count("meta skuid") == (0 if user == 0 else 3)
    with EchoServer(machine, "10.77.1.1", 8081) as point:
        assert not reaches(machine, "10.77.1.1", 8081)
        with acting_as(user):
            assert reaches(machine, "10.77.1.1", 8081) == (user != 0)
        assert len(point.accepted) == (user != 0)


@pytest.mark.parametrize("broken", ["gateway.yaml", "inventory.yaml"])
def test_with_a_broken_configuration_the_last_plan_holds(config: Path, machine: Host, broken: str) -> None:
    started(config)
    assert guarded(config).exit_code == 0
    before = rules(machine)
    machine.run(["nft", "flush", "ruleset"])
    with (config.parent / broken).open("a") as file:
        file.write("colour: [red\n")
    answer = guarded(config)
    assert answer.exit_code == 0
    assert broken in answer.stderr
    assert "going on with the plan of the last start" in answer.stderr
    assert rules(machine) == before


def test_without_a_last_plan_the_gateway_s_file_is_enough(config: Path, machine: Host) -> None:
    (config.parent / "inventory.yaml").unlink()
    answer = guarded(config)
    assert answer.exit_code == 0
    assert "going on with gateway.yaml alone" in answer.stderr
    assert "guard_access_points" in rules(machine)


def test_with_nothing_to_go_by_that_is_told(
    config: Path, machine: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "DEFAULT_STATE", tmp_path / "nowhere")
    config.unlink()
    answer = guarded(config)
    assert answer.exit_code == 2
    assert "gateway.yaml: does not exist" in answer.stderr
    assert "no guard was installed" in answer.stderr
    assert rules(machine) == ""


def test_damaged_quarantines_do_not_keep_the_guards_away(config: Path, machine: Host) -> None:
    (config.parent / quarantine_store.FILE).write_text("no database, but long enough to look at" * 30)
    answer = guarded(config)
    assert answer.exit_code == 0
    assert "without the stored quarantines" in answer.stderr
    assert "guard_access_points" in rules(machine)
