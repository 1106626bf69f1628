"""The inventory is drafted without touching what is there, and compared with what is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policy.loading import load_document
from proxy.configuration import InventoryDocument
from proxy.main import main
from proxy.storage.address_store import AddressStore, Seen
from proxy.tokens import hash_of
from tests.ports import free_port
from tests.proxy.parts import Settings, plain_point, plain_settings, write_settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A gateway that has seen two services, and whose access point does not answer."""
    seen = {"192.0.2.10": "light1", "192.0.2.11": "lock1"}
    AddressStore(tmp_path).save(
        {ip: {f"certificate:{name}": Seen(1000.0, (f"/agent1/{name}",))} for ip, name in seen.items()}
    )
    points = [plain_point(ipv4="127.0.0.1", port=free_port())]
    listed: Settings = {"services": [{"address": "/agent1/light1", "ip": "192.0.2.10"}]}
    return write_settings(tmp_path, plain_settings(state_directory=".", access_points=points), inventory=listed)


def asked(config: Path, *arguments: str) -> Result:
    empty = config.parent / "leases"
    empty.touch()
    return CliRunner().invoke(main, ["inventory", *arguments, "--leases", str(empty), "--config", str(config)])


def test_a_draft_goes_to_a_new_file_only(config: Path) -> None:
    drafted = config.parent / "draft.yaml"
    answer = asked(config, "discover", "-o", str(drafted))
    assert answer.exit_code == 0, answer.output
    assert answer.stdout == ""
    assert len(load_document(drafted, InventoryDocument).services) == 2
    for there in (drafted, config.parent / "inventory.yaml"):
        before = there.read_bytes()
        answer = asked(config, "discover", "-o", str(there))
        assert answer.exit_code == 2
        assert answer.stderr.startswith(f"alleyes: {there}: exists already -- ")
        assert there.read_bytes() == before
    answer = asked(config, "discover", "-o", str(config.parent / "missing" / "draft.yaml"))
    assert answer.exit_code == 2
    assert "No such file or directory" in answer.stderr


def test_the_hash_of_a_token_is_printed_and_of_nothing_that_can_be_guessed() -> None:
    answer = CliRunner().invoke(main, ["inventory", "token"], input="83b7780291a6ceffbe0bd049104df\n")
    assert (answer.exit_code, answer.stdout) == (0, f"{hash_of('83b7780291a6ceffbe0bd049104df')}\n")
    for given in ("", "secret\n", "x" * 5000):
        answer = CliRunner().invoke(main, ["inventory", "token"], input=given)
        assert answer.exit_code == 2
        assert "a token has 16 to 4096 characters" in answer.stderr
        assert "secret" not in answer.stderr


@pytest.mark.parametrize("before", ["Bearer ", "Authorization: Bearer ", "\x1b[31m", "\x00", "\t"])
@pytest.mark.parametrize("after", ["", " "])
def test_what_is_more_than_a_token_is_not_hashed_as_one(before: str, after: str) -> None:
    token = "83b7780291a6ceffbe0bd049104df"
    answer = CliRunner().invoke(main, ["inventory", "token"], input=f"{before}{token}{after}\n")
    if not before.strip():
        assert answer.stdout == f"{hash_of(token)}\n"
        return
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "give the token alone" in answer.stderr
    assert token not in answer.stderr


@pytest.mark.parametrize("merge", [(), ("--merge",)])
def test_an_address_that_a_pin_rules_out_is_no_setting(config: Path, merge: tuple[str, ...]) -> None:
    pinned: Settings = {"services": [{"address": "/agent2/lock1", "ip": "192.0.2.77", "only_here": True}]}
    (config.parent / "inventory.yaml").write_text(json.dumps(pinned))
    answer = asked(config, "discover", *merge)
    assert answer.exit_code == 0, answer.output
    assert "\n    ip: 192.0.2.10 # traffic" in answer.stdout
    assert "\n#      - ip: 192.0.2.11 # traffic" in answer.stdout
    assert answer.stdout.count("192.0.2.11") == 1


def test_a_draft_is_made_where_the_present_inventory_is_missing_or_broken(config: Path) -> None:
    present = config.parent / "inventory.yaml"
    present.write_text("services: 1\n")
    answer = asked(config, "discover")
    assert (answer.exit_code, "192.0.2.11" in answer.stdout) == (0, True)
    assert "`only_here` is not minded" in answer.stderr
    present.unlink()
    answer = asked(config, "discover")
    assert (answer.exit_code, "192.0.2.11" in answer.stdout, answer.stderr) == (0, True, "")


def test_it_is_printed_by_default_and_merging_shows_what_is_new(config: Path) -> None:
    whole, new = asked(config, "discover"), asked(config, "discover", "--merge")
    assert "/agent1/light1 #" in whole.stdout
    assert "/agent1/light1 #" not in new.stdout
    assert "/agent1/lock1 #" in new.stdout
    assert "# Missing evidence: access point: agent1 at 127.0.0.1" in new.stdout


def test_differences_are_told(config: Path) -> None:
    answer = asked(config, "check")
    assert answer.exit_code == 1
    assert answer.stdout.startswith("not-inventoried: /agent1/lock1: ")
    assert answer.stderr.startswith("alleyes: missing evidence: access point: agent1")
    answer = asked(config, "check", "-o", "json")
    assert answer.exit_code == 1
    (finding,) = json.loads(answer.stdout)["findings"]
    assert (finding["kind"], finding["subject"]) == ("not-inventoried", "/agent1/lock1")


def test_agreement(config: Path) -> None:
    (config.parent / "inventory.yaml").write_text(
        "services:\n  - {address: /agent1/light1, ip: 192.0.2.10}\n  - {address: /agent1/lock1}\n"
    )
    answer = asked(config, "check")
    assert answer.exit_code == 0
    assert answer.stdout.endswith("inventory.yaml agrees with all that is seen\n")


@pytest.mark.parametrize("arguments", [("check",), ("discover", "--merge")])
def test_a_broken_inventory_is_told(config: Path, arguments: tuple[str, ...]) -> None:
    (config.parent / "inventory.yaml").write_text("services: 5\n")
    answer = asked(config, *arguments)
    assert answer.exit_code == 2
    assert f"{config.parent / 'inventory.yaml'}:1: services" in answer.stderr
