"""The systemd unit."""

from __future__ import annotations

import shlex

from tests.repository.commands import problem_of
from tests.repository.test_dockerfile import CAPABILITIES
from tests.repository.tree import read

UNIT = "config/systemd/alleyes.service"


def settings(key: str) -> list[str]:
    return [line.removeprefix(key + "=") for line in read(UNIT).splitlines() if line.startswith(key + "=")]


def test_service_has_the_capabilities_of_the_image() -> None:
    expected = {f"CAP_{name}" for name in CAPABILITIES}
    assert [set(value.split()) for value in settings("AmbientCapabilities")] == [expected]
    assert [set(value.split()) for value in settings("CapabilityBoundingSet")] == [expected]
    assert settings("User") == ["alleyes"]


def test_commands_are_commands_of_alleyes() -> None:
    commands = [shlex.split(value) for key in ("ExecStartPre", "ExecStart") for value in settings(key)]
    assert len(commands) == 2
    for executable, *arguments in commands:
        assert executable == "/opt/alleyes/.venv/bin/alleyes"
        assert problem_of(arguments) is None


def test_gateway_is_started_again_whatever_ended_it() -> None:
    assert settings("Restart") == ["always"]
    assert settings("StartLimitIntervalSec") == ["0"]


def test_rules_are_put_back_after_nftables_was_restarted() -> None:
    assert settings("PartOf") == ["nftables.service"]
