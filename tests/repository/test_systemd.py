"""The systemd units."""

from __future__ import annotations

import shlex

from policy.loading import load_document
from proxy.federation.configuration import FederationDocument
from tests.repository.commands import problem_of
from tests.repository.test_dockerfile import CAPABILITIES
from tests.repository.tree import ROOT, read

UNIT = "config/systemd/alleyes.service"
GUARD = "config/systemd/alleyes-guard.service"
FEDERATION = "config/systemd/alleyes-federation.service"


def settings(key: str, unit: str = UNIT) -> list[str]:
    return [line.removeprefix(key + "=") for line in read(unit).splitlines() if line.startswith(key + "=")]


def test_service_has_the_capabilities_of_the_image() -> None:
    expected = {f"CAP_{name}" for name in CAPABILITIES}
    assert [set(value.split()) for value in settings("AmbientCapabilities")] == [expected]
    assert [set(value.split()) for value in settings("CapabilityBoundingSet")] == [expected]
    assert settings("User") == ["alleyes"]


def test_commands_are_commands_of_alleyes() -> None:
    keys = ("ExecStartPre", "ExecStart")
    commands = [
        shlex.split(value) for unit in (UNIT, GUARD, FEDERATION) for key in keys for value in settings(key, unit)
    ]
    assert len(commands) == 4
    for executable, *arguments in commands:
        assert executable == "/opt/alleyes/.venv/bin/alleyes"
        assert problem_of(arguments) is None


def test_gateway_is_started_again_whatever_ended_it() -> None:
    assert settings("Restart") == ["always"]
    assert settings("StartLimitIntervalSec") == ["0"]


def test_stopping_nftables_does_not_stop_the_gateway_which_puts_its_table_back() -> None:
    assert settings("PartOf") == []


def test_guard_is_in_the_kernel_before_there_is_a_network_and_before_the_gateway() -> None:
    assert settings("ExecStart", GUARD)[0].split()[1] == "guard"
    assert (settings("Type", GUARD), settings("RemainAfterExit", GUARD)) == (["oneshot"], ["yes"])
    assert "network-pre.target" in settings("Wants", GUARD)[0].split()
    assert {"network-pre.target", "alleyes.service"} <= set(settings("Before", GUARD)[0].split())
    assert settings("DefaultDependencies", GUARD) == ["no"]
    assert "alleyes-guard.service" in settings("Wants")[0].split()
    assert "alleyes-guard.service" in settings("After")[0].split()


def test_guard_has_what_it_needs_and_is_put_back_after_nftables_was_restarted() -> None:
    assert settings("AmbientCapabilities", GUARD) == settings("CapabilityBoundingSet", GUARD) == ["CAP_NET_ADMIN"]
    assert settings("User", GUARD) == settings("User")
    assert settings("StateDirectory", GUARD) == settings("StateDirectory")
    assert "nftables.service" in settings("After", GUARD)[0].split()
    assert settings("PartOf", GUARD) == ["nftables.service"]


def test_readme_enables_the_guard() -> None:
    assert "systemctl enable alleyes-guard" in read("README.md")


def test_federation_service_has_no_right_and_a_place_of_its_own() -> None:
    assert settings("CapabilityBoundingSet", FEDERATION) == [""]
    assert settings("AmbientCapabilities", FEDERATION) == []
    assert settings("User", FEDERATION) != settings("User")
    state = load_document(ROOT / "config/federation.yaml", FederationDocument).state_directory
    assert [f"/var/lib/{name}" for name in settings("StateDirectory", FEDERATION)] == [str(state)]
    assert settings("Restart", FEDERATION) == ["always"]
