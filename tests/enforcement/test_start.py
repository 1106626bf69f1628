"""What an operator is told when the gateway cannot start, and what `uninstall` leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.enforcement.conftest import LEARN, Bench
from tests.network.namespaces import Topology
from tests.site.gateway_process import AGENT_PORT, FIRST_LISTEN_PORT

ALLEYES = str(Path(sys.executable).with_name("alleyes"))


def alleyes(bench: Bench, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on the gateway's host."""
    return bench.topology.gateway.run([ALLEYES, *arguments, "--config", str(bench.gateway.config)], check=False)


def refused(bench: Bench, *expected: str) -> None:
    """Check that both `run` and `check` end with exit code 2 and one line for each problem."""
    for command in ("check", "run"):
        result = alleyes(bench, command)
        assert result.returncode == 2, result.stdout + result.stderr
        lines = result.stderr.splitlines()
        assert len(lines) == len(expected), result.stderr
        for part in expected:
            assert any(part in line for line in lines), result.stderr


def test_everything_in_order(bench: Bench) -> None:
    bench.configure(LEARN)
    result = alleyes(bench, "check")
    assert (result.returncode, result.stderr) == (0, "")
    assert "agent1, agent2" in result.stdout


def test_every_mistake_of_every_file_is_told_at_once(bench: Bench) -> None:
    gateway = bench.settings
    gateway["tls"]["towards_services"]["key"] = "missing.key"
    bench.gateway.write(gateway, {"mode": "enforced", "thresholds": {"block": 700}}, {"services": [{"address": "x"}]})
    refused(bench, "policy.yaml:1: mode", "thresholds.block", "inventory.yaml:2", "missing.key")


def test_a_mistake_in_the_gateway_s_own_file(bench: Bench) -> None:
    gateway = bench.settings
    del gateway["listen"]
    gateway["access_points"][0]["tls"] = "perhaps"
    gateway["colour"] = "red"
    bench.configure(LEARN, gateway)
    refused(bench, "listen", "access_points[0].tls", "colour")


def test_everything_that_does_not_fit_together_is_told_at_once(bench: Bench) -> None:
    gateway = bench.settings
    del gateway["tls"], gateway["listen"]["ipv6"]
    gateway["access_points"][1] |= {"agent": "agent1", "listen_port": FIRST_LISTEN_PORT}
    bench.configure(LEARN, gateway)
    refused(
        bench,
        "access_points[0].ipv6: agent1",
        "access_points[0].tls: is required",
        "access_points[1].agent: agent1 is taken",
        f"access_points[1].listen_port: {FIRST_LISTEN_PORT} is taken",
        "access_points[1].ipv6: agent1",
        "access_points[1].tls: is required",
    )


def test_the_gateway_s_own_certificates(bench: Bench) -> None:
    gateway = bench.settings
    expired, service = bench.authority.service("old", expired=True), bench.authority.service("light1")
    gateway["tls"]["towards_services"] = {"certificate": str(expired.certificate), "key": str(expired.key)}
    gateway["tls"]["towards_access_points"] = {"certificate": str(service.certificate), "key": str(expired.key)}
    bench.configure(LEARN, gateway)
    refused(
        bench,
        f"{expired.certificate}: expired on",
        f"{expired.certificate}: services may refuse it",
        f"{expired.key}: is not the private key of {service.certificate}",
        f"{service.certificate}: access points will not let it speak for services",
    )


def test_files_do_not_hide_the_machine_nor_the_machine_the_stored_state(bench: Bench) -> None:
    bench.configure({"mode": "enforced"})
    bench.topology.gateway.forwarding(on=False)
    bench.gateway.state.mkdir()
    (bench.gateway.state / "state.db").write_bytes(b"no database" * 1000)
    refused(bench, "policy.yaml:1: mode", "ip_forward", "ipv6", "state.db: file is not a database")


def test_stored_state_that_cannot_be_used(bench: Bench) -> None:
    bench.configure(LEARN)
    audit = bench.gateway.state / "audit"
    audit.mkdir(parents=True)
    audit.chmod(0o777)
    for name in ("models.bin", "models.previous.bin"):
        (bench.gateway.state / name).write_bytes(b"damaged")
    (bench.gateway.state / "state.db").write_bytes(b"no database" * 1000)
    refused(bench, "models.previous.bin", "state.db: file is not a database", f"chmod 700 {audit}")


def test_a_check_beside_the_gateway_that_runs(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        result = alleyes(bench, "check")
        assert (result.returncode, result.stderr) == (0, "")
        with bench.service("lightcontrol1") as service:
            assert service.register("/lightControler") == 200
    assert alleyes(bench, "audit", "verify").returncode == 0


def _another_interface(gateway: dict[str, Any]) -> None:
    gateway["interfaces"]["services"] = ["eth9"]


def _another_address(gateway: dict[str, Any]) -> None:
    gateway["listen"]["ipv4"] = "10.9.9.9"


@pytest.mark.parametrize(
    ("change", "expected"), [(_another_interface, ["interface eth9"]), (_another_address, ["10.9.9.9"])]
)
def test_a_machine_that_is_not_as_configured(bench: Bench, change: Any, expected: list[str]) -> None:
    gateway = bench.settings
    change(gateway)
    bench.configure(LEARN, gateway)
    refused(bench, *expected)


def test_a_taken_port(bench: Bench) -> None:
    bench.configure(LEARN)
    taken = bench.topology.gateway.listen(Topology.GATEWAY_IPV4, FIRST_LISTEN_PORT)
    refused(bench, f"port {FIRST_LISTEN_PORT} on {Topology.GATEWAY_IPV4} is taken")
    taken.close()


def test_forwarding_is_off(bench: Bench) -> None:
    bench.configure(LEARN)
    bench.topology.gateway.forwarding(on=False)
    refused(bench, "ip_forward", "ipv6")


def test_without_the_capability(bench: Bench) -> None:
    bench.configure(LEARN)
    result = bench.topology.gateway.run(
        ["setpriv", "--bounding-set=-net_admin", ALLEYES, "run", "--config", str(bench.gateway.config)], check=False
    )
    assert result.returncode == 2
    assert "CAP_NET_ADMIN" in result.stderr


def test_health(bench: Bench) -> None:
    bench.configure(LEARN)
    assert alleyes(bench, "health").returncode == 1
    with bench.gateway.running():
        assert alleyes(bench, "health").returncode == 0
    assert alleyes(bench, "health").returncode == 1


def test_uninstall_removes_everything_and_is_audited(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        assert alleyes(bench, "uninstall").returncode == 2
    assert "alleyes" in bench.topology.gateway.run(["nft", "list", "tables"]).stdout
    assert alleyes(bench, "uninstall").returncode == 0
    assert bench.topology.gateway.run(["nft", "list", "ruleset"]).stdout == ""
    bench.topology.lan.connect(Topology.ACCESS_IPV4[0], AGENT_PORT).close()
    assert [r["kind"] for r in bench.gateway.records()][-1] == "uninstall"
    assert alleyes(bench, "audit", "verify").returncode == 0


def test_a_broken_policy_changes_nothing(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        bench.gateway.replace_policy({"mode": "enforced"})
        (reload,) = [r for r in bench.gateway.records() if r["kind"] == "policy-reload"]
        assert "policy.yaml" in reload["details"]["problems"][0]
        with bench.service("lightcontrol1") as service:
            assert service.register("/lightControler") == 200


def passes(bench: Bench, patience: float = 0.5) -> list[tuple[str, int]]:
    """Return the ports of access points that a service reaches; `patience` is how long it waits for each, s."""
    reached = []
    for address in (*Topology.ACCESS_IPV4, *Topology.ACCESS_IPV6):
        for port in (AGENT_PORT, 22):
            try:
                bench.topology.lan.connect(address, port, timeout=patience).close()
            except (TimeoutError, ConnectionRefusedError):
                continue
            reached.append((address, port))
    return reached


def test_between_boot_and_start_nothing_passes(bench: Bench) -> None:
    bench.configure(LEARN)
    assert passes(bench, 10.0) == [(address, AGENT_PORT) for address in (*Topology.ACCESS_IPV4, *Topology.ACCESS_IPV6)]
    before = bench.reached()
    result = alleyes(bench, "guard")
    assert (result.returncode, result.stderr) == (0, "")
    assert passes(bench) == []
    assert bench.reached() == before
    with bench.gateway.running(), bench.service("lightcontrol1") as service:
        assert service.register("/lightControler") == 200
    # The next boot, with a configuration that somebody broke meanwhile.
    bench.topology.gateway.run(["nft", "flush", "ruleset"])
    bench.gateway.config.write_text(bench.gateway.config.read_text().replace("agent1", "agent 1"))
    before = bench.reached()
    assert alleyes(bench, "run").returncode == 2
    result = alleyes(bench, "guard")
    assert result.returncode == 0
    assert "the plan of the last start" in result.stderr
    assert passes(bench) == []
    assert bench.reached() == before


def test_uninstall_right_after_a_kill(bench: Bench) -> None:
    bench.configure(LEARN)
    bench.gateway.start()
    bench.gateway.kill()
    assert alleyes(bench, "uninstall").returncode == 0
    assert bench.topology.gateway.run(["nft", "list", "ruleset"]).stdout == ""
