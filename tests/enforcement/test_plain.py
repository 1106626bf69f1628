"""Access points that do not speak TLS: services are known by their network address, as the inventory has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.enforcement.conftest import Bench
from tests.site.gateway_process import Settings, gateway_settings

NODE = "/vsl/agent1/lightcontrol1/lightOn"


def configure(bench: Bench, mode: str) -> None:
    """Write a configuration for plain access points, with one inventoried service."""
    settings: Settings = gateway_settings(bench.authority, bench.gateway.state, tls="plain")
    del settings["tls"]
    known = {"address": "/agent1/lightcontrol1", "ip": bench.topology.service_ipv4(0)}
    bench.configure({"mode": mode}, settings, {"services": [known]})


def test_an_inventoried_service_is_passed_on_by_name(plain_bench: Bench) -> None:
    configure(plain_bench, "enforce")
    with plain_bench.gateway.running():
        plain_bench.wait_for_types()
        with plain_bench.connect(None) as service:
            assert service.register("/lightControler") == 200
            assert service.ask("GET", NODE) == (200, b'{"value":"0"}')
        registration = next(c for c in plain_bench.points.agents[0].calls if c.target == "/service/register")
    assert registration.client_id == "lightcontrol1"
    assert {v["sender"]["strength"] for v in plain_bench.gateway.verdicts()} == {"ip"}


def test_the_inventory_is_drafted_and_checked_from_what_was_seen(plain_bench: Bench) -> None:
    configure(plain_bench, "enforce")
    stranger_ip = plain_bench.topology.service_ipv4(3)
    with plain_bench.gateway.running():
        plain_bench.wait_for_types()
        with plain_bench.connect(None) as service:
            assert service.register("/lightControler") == 200
        with plain_bench.connect(None, index=3) as stranger:
            assert stranger.ask("PUT", "/vsl/agent1/lightcontrol3/lightOn", {"value": "1"})[0] == 403
        with plain_bench.connect(None, index=3) as stranger:
            assert stranger.register("/lightControler") == 403
    leases = plain_bench.directory / "dnsmasq.leases"
    mac = plain_bench.topology.lan.mac("eth0")
    leases.write_text(f"0 {mac} {stranger_ip} lightcontrol3 *\n")

    def alleyes(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).with_name("alleyes")
        options = ("--config", str(plain_bench.gateway.config), "--leases", str(leases))
        return plain_bench.topology.gateway.run([str(program), "inventory", *arguments, *options], check=False)

    drafted = alleyes("discover")
    assert "  - address: /agent1/lightcontrol1 # in traffic; agent1 knows it as /lightControler\n" in drafted.stdout
    assert "#  - address: /agent1/lightcontrol3 # a guess: it wrote there 1 times\n" in drafted.stdout
    assert "#    service_type: /lightControler # it registered as that\n" in drafted.stdout
    assert f"#    ip: {stranger_ip} # traffic; leased to 'lightcontrol3'\n" in drafted.stdout
    assert f"#    mac: {mac} # neighbour table and lease\n" in drafted.stdout
    assert "lightcontrol1" not in alleyes("discover", "--merge").stdout

    checked = alleyes("check")
    assert checked.returncode == 1
    assert checked.stdout.startswith(f"stranger: {stranger_ip}: somebody calls from there whom nothing identifies")


def test_a_stranger_is_refused_by_enforcement_only(plain_bench: Bench) -> None:
    configure(plain_bench, "enforce")
    with plain_bench.gateway.running():
        plain_bench.wait_for_types()
        before = plain_bench.reached()
        with plain_bench.connect(None, index=3) as stranger:
            assert stranger.ask("GET", NODE)[0] == 403
        assert plain_bench.reached() == before
        plain_bench.gateway.replace_policy({"mode": "monitor"})
        with plain_bench.connect(None, index=3) as stranger:
            assert stranger.ask("GET", NODE)[0] in {403, 404}
        assert plain_bench.reached() > before
    reasons = [(v["reason"], v["action"], v["would_be"]) for v in plain_bench.gateway.verdicts()]
    assert reasons == [("unknown-sender", "block", "block"), ("unknown-sender", "forward", "block")]


def test_tls_where_none_is_declared_is_refused(plain_bench: Bench) -> None:
    configure(plain_bench, "learn")
    with plain_bench.gateway.running():
        plain_bench.wait_for_types()
        before = plain_bench.reached()
        with plain_bench.connect(None) as service:
            service.send(bytes.fromhex("160301020001000100"))
            assert b" 200 " not in service.receive(0.5)
        assert plain_bench.reached() == before
