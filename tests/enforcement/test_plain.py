"""Access points that do not speak TLS: services are known by their network address, as the inventory has it."""

from __future__ import annotations

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
