"""What an operator reads about the running gateway."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from proxy.federation.client.state import FederationStatus, Trouble
from proxy.health import FirewallStatus, HealthFile, RevocationStatus
from proxy.main import main
from proxy.processes.messages import TypeStatus
from tests.proxy.parts import beat, plain_settings, status, write_settings


def asked(directory: Path, *arguments: str) -> Result:
    path = write_settings(directory, plain_settings(state_directory="."))
    return CliRunner().invoke(main, ["status", "--config", str(path), *arguments])


def test_mode_and_models_are_shown(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    answer = asked(tmp_path)
    assert answer.exit_code == 0
    assert "mode enforce, policy ac17ce3f2bec" in answer.stdout
    assert "/doorLock" in answer.stdout
    assert "monitor" in answer.stdout
    assert "412 instance-minutes" in answer.stdout


def test_what_a_type_lacks_until_it_is_enforced_is_told(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status(not_ready={"/doorLock": ["1028 more instance-minutes", "1d without news"]}))
    assert "relationships; enforced after 1028 more instance-minutes, 1d without news\n" in asked(tmp_path).stdout


def test_a_broken_policy_file_is_told(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status(policy_problems=["policy.yaml:1: mode: wrong"]))
    assert "an earlier policy is in force:\n  policy.yaml:1: mode: wrong\n" in asked(tmp_path).stdout


def test_an_access_point_that_is_not_known_yet_is_named(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status(types_known={"agent1": True, "agent2": False}))
    assert "types not read yet from agent2" in asked(tmp_path).stdout


def test_a_worker_that_is_being_started_again_is_told(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    assert "workers: 1 of 1 serve; started again 0 times" in asked(tmp_path).stdout
    HealthFile(tmp_path).write(status(workers=(beat(), None), restarts=3))
    assert "workers: 1 of 2 serve; started again 3 times" in asked(tmp_path).stdout


def test_a_federation_is_told_with_what_is_wrong(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    assert "federation" not in asked(tmp_path).stdout
    trouble = Trouble(activity="models", text="the service is away", since=1.0, attempts=3)
    state = FederationStatus(service="https://x:1", origin="gateway-a", troubles=[trouble])
    HealthFile(tmp_path).write(status(federation=state))
    told = asked(tmp_path).stdout
    assert "federation: gateway-a at https://x:1; the service was not heard since the start" in told
    assert "federation, models: the service is away" in told


def test_revocation_is_told(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    assert "revo" not in asked(tmp_path).stdout
    alarm = "site.crl: the revocation list of CN=site-ca is out of date"
    HealthFile(tmp_path).write(status(revocation=RevocationStatus(certificates=3, alarms=[alarm])))
    told = asked(tmp_path).stdout
    assert "revoked certificates: 3" in told
    assert alarm in told


def test_gaps_and_full_sets_in_the_kernel_are_told(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    assert "put back 0 times" in asked(tmp_path).stdout
    assert "full" not in asked(tmp_path).stdout
    firewall = FirewallStatus(restorations=3, latest_gap_seconds=0.21, longest_gap_seconds=1.5, waiting=2, set_full=7)
    HealthFile(tmp_path).write(status(firewall=firewall))
    told = asked(tmp_path).stdout
    assert "put back 3 times, gaps of at most 1.50 s (the latest: 0.21 s)" in told
    assert "a quarantine set was found full 7 times; 2 wait for room" in told


def test_what_the_federation_told_of_a_type_is_named(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    assert "federation" not in asked(tmp_path).stdout
    HealthFile(tmp_path).write(status(service_types={"/doorLock": TypeStatus("enforce", 412, 3, told=400)}))
    assert "3 relationships; 400 of the minutes told by the federation\n" in asked(tmp_path).stdout


def test_json_holds_everything(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    answer = json.loads(asked(tmp_path, "-o", "json").stdout)
    assert answer["forwarded"] == 100
    assert answer["service_types"]["/doorLock"] == {
        "mode": "monitor",
        "instance_minutes": 412,
        "relationships": 3,
        "told": 0,
    }


def test_no_gateway_serves(tmp_path: Path) -> None:
    answer = asked(tmp_path)
    assert answer.exit_code == 1
    assert "is not there" in answer.stderr


def test_what_is_no_knowledge_agent_is_named_with_its_mapping(tmp_path: Path) -> None:
    HealthFile(tmp_path).write(status())
    assert "mappings" not in asked(tmp_path).stdout
    HealthFile(tmp_path).write(status(mappings={"hue": "Philips Hue bridge, API v1", "lamps": "A lamp"}))
    told = "understood by mappings: hue (Philips Hue bridge, API v1); lamps (A lamp)\n"
    assert told in asked(tmp_path).stdout
    HealthFile(tmp_path).write(status(mapping_problems=["hue.yaml:3: name: is missing"]))
    told = "a mapping file is broken, earlier mappings are in force:\n  hue.yaml:3: name: is missing\n"
    assert told in asked(tmp_path).stdout
