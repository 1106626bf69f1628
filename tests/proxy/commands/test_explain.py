from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from proxy.audit.event import VerdictEvent
from proxy.audit.journal import Journal
from proxy.commands.explain import command
from proxy.policy_file import load_policy
from tests.policy.calls import NOW
from tests.proxy.audit.events import start_notice, verdict
from tests.proxy.parts import plain_settings, write_settings


def explain(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A gateway's configuration, and a verdict by its policy."""
    path = write_settings(tmp_path, plain_settings(state_directory="state"), "mode: enforce\nthresholds: {block: 6}\n")
    revision = load_policy(tmp_path / "policy.yaml").revision
    journal = Journal(tmp_path / "state" / "audit", clock=lambda: NOW)
    journal.append(start_notice())
    judged = msgspec.structs.replace(verdict(1), policy_revision=revision)
    journal.append(VerdictEvent(verdict=judged, time=NOW))
    journal.close(timeout=30)
    return path


def test_a_verdict_is_explained_as_a_person_would(config: Path) -> None:
    result = explain("19a7c0-0001", "--config", config)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("Refused: /agent1/washingmachine1 (a /washingService) wanted to read ")
    assert "sender    /agent1/washingmachine1 at 192.0.2.17, established by certificate" in lines
    assert "model     /washingService, version m7, 412 minutes of observation; trusted 100%" in lines
    assert "AV        38.2; the threshold is 7" in lines
    assert "          line 1: mode: enforce" in lines
    assert "          line 2: thresholds.block: 6" in lines
    shares = lines[lines.index("share in AV: what each feature would have made by itself; the largest counts") + 1 :]
    assert shares[0].split() == ["relationship", "38.2", "########", "decides"]
    assert shares[1:3] == [
        "      expected  in 0 of 412 minutes of observation",
        "      seen      get of /derived/temperature of /sensorService",
    ]


def test_programs_get_the_same_as_json(config: Path) -> None:
    data = json.loads(explain("19a7c0-0001", "-o", "json", "--config", config).output)
    assert (data["action"], data["reason"], data["av"], data["threshold"]) == ("block", "anomalous", 38.2, 7)
    assert data["features"][0]["name"] == "relationship"
    assert data["policy"]["lines"][1] == {"key": "thresholds.block", "value": "6", "line": 2}
    assert data["model"]["version"] == "m7"


def test_a_policy_that_changed_since_does_not_speak_for_the_verdict(config: Path) -> None:
    (config.parent / "policy.yaml").write_text("mode: learn\n")
    result = explain("19a7c0-0001", "--config", config)
    assert "policy.yaml has changed since" in result.output
    assert "line 1" not in result.output
    (config.parent / "policy.yaml").write_text("mode: [\n")
    assert explain("19a7c0-0001", "--config", config).exit_code == 0


def test_without_the_configuration_all_but_the_lines_is_told(config: Path) -> None:
    result = explain("19a7c0-0001", "--directory", config.parent / "state" / "audit")
    assert result.exit_code == 0
    assert "give --config to see the lines of the policy" in result.output


def test_what_is_not_there_or_no_verdict_is_said(config: Path) -> None:
    missing = explain("19a7c0-0009", "--config", config)
    assert (missing.exit_code, "no record with the id 19a7c0-0009" in missing.output) == (1, True)
    journal = config.parent / "state" / "audit" / "journal.jsonl"
    journal.write_bytes(b'{"kind":"verdict","id":"x","time":[1]}\n')
    mangled = explain("x", "--config", config)
    assert (mangled.exit_code, "is no verdict that can be explained" in mangled.output) == (2, True)
