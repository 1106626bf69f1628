"""A sender that nobody knows, but whose lease has a host name that a rule of the inventory goes by."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.enforcement.conftest import Bench
from tests.site.gateway_process import Settings, gateway_settings

NODE = "/vsl/agent1/lightcontrol1/lightOn"


def test_an_inferred_sender_is_judged_apart_and_others_stay_strangers(plain_bench: Bench) -> None:
    camera, other = (plain_bench.topology.service_ipv4(index) for index in (3, 2))
    leases = plain_bench.directory / "dnsmasq.leases"
    leases.write_text(f"0 02:00:5e:00:53:07 {camera} CAM-7 *\n0 02:00:5e:00:53:08 {other} tv *\n")
    settings: Settings = gateway_settings(plain_bench.authority, plain_bench.gateway.state, tls="plain")
    del settings["tls"]
    inventory = {"inference": [{"name": "camera", "host_name": "cam-*"}], "leases": [str(leases)]}
    plain_bench.configure({"mode": "enforce", "unknown_node": "forward"}, settings, inventory)
    with plain_bench.gateway.running():
        plain_bench.wait_for_types()
        before = plain_bench.reached()
        with plain_bench.connect(None, index=2) as stranger:
            assert stranger.ask("GET", NODE)[0] == 403
        assert plain_bench.reached() == before
        with plain_bench.connect(None, index=3) as inferred:
            inferred.ask("GET", NODE)
        reached = plain_bench.reached()
    assert reached > before
    refused, judged = plain_bench.gateway.verdicts()
    assert (refused["reason"], refused["sender"]["service_type"]) == ("unknown-sender", None)
    assert (judged["reason"], judged["action"]) == ("normal", "forward")
    sender = judged["sender"]
    assert (sender["address"], sender["strength"]) == (f"ip:{camera}", "unknown")
    assert (sender["service_type"], sender["inferred"]) == ("/inferred/camera", "its host name")

    program = Path(sys.executable).with_name("alleyes")
    options = ("--config", str(plain_bench.gateway.config))
    explained = subprocess.run([program, "explain", judged["id"], *options], capture_output=True, text=True, check=True)
    assert "type      /inferred/camera, inferred from its host name; nobody confirmed it" in explained.stdout
    drafted = subprocess.run(
        [program, "inventory", "discover", "--leases", str(leases), *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "#    service_type: /camera # inferred from its host name" in drafted.stdout
