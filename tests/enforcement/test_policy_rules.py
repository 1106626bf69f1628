"""Explicit rules at the real gateway, and a policy that is broken when the gateway is started again."""

from __future__ import annotations

import json

from tests.enforcement.conftest import Bench
from tests.site.gateway_process import Settings, gateway_settings

NODE = "/vsl/agent1/lightcontrol1/lightOn"
HANDS_OFF = {
    "name": "hands-off",
    "action": "deny",
    "comment": "By hand only.",
    "operation": ["set"],
    "node": ["**/lightOn"],
}


def test_a_rule_refuses_and_is_named_also_after_a_start_with_a_broken_file(plain_bench: Bench) -> None:
    bench = plain_bench
    settings: Settings = gateway_settings(bench.authority, bench.gateway.state, tls="plain")
    del settings["tls"]
    known = {"address": "/agent1/lightcontrol1", "ip": bench.topology.service_ipv4(0)}
    bench.configure({"mode": "enforce", "rules": [HANDS_OFF]}, settings, {"services": [known]})
    with bench.gateway.running():
        bench.wait_for_types()
        with bench.connect(None) as service:
            assert service.register("/lightControler") == 200
            assert service.ask("GET", NODE)[0] == 200
            assert service.ask("PUT", NODE, {"value": "1"})[0] == 403
        with bench.connect(None) as service:
            assert service.ask("GET", NODE) == (200, b'{"value":"0"}')
    (refused,) = [v for v in bench.gateway.verdicts() if v["action"] == "block"]
    assert (refused["reason"], refused["rule"]) == ("denied-by-rule", "hands-off")
    assert "Rule hands-off of the policy denies it: By hand only" in refused["sentence"]
    policy = bench.gateway.directory / "policy.yaml"
    policy.write_text("mode: enforced\n")
    with bench.gateway.running():
        status = json.loads((bench.gateway.state / "status.json").read_bytes())
        assert status["policy_revision"] == refused["policy_revision"]
        assert [problem.split(": ")[0] for problem in status["policy_problems"]] == [f"{policy}:1"]
        bench.gateway.wait_for(lambda: all(_types_known(bench).values()))
        with bench.connect(None) as service:
            assert service.ask("PUT", NODE, {"value": "1"})[0] == 403
    *_, last = [v for v in bench.gateway.verdicts() if v["action"] == "block"]
    assert last["rule"] == "hands-off"
    *_, start = [record for record in bench.gateway.records() if record["kind"] == "start"]
    assert start["details"]["policy_problems"] == status["policy_problems"]


def _types_known(bench: Bench) -> dict[str, bool]:
    known: dict[str, bool] = json.loads((bench.gateway.state / "status.json").read_bytes())["types_known"]
    return known
