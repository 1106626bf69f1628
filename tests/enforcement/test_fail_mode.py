"""Fail mode open with the real gateway: calls pass only while it is really gone, and are judged again afterwards."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable

from tests.enforcement.conftest import LEARN, Bench
from tests.enforcement.raw_service import RawService
from tests.network.namespaces import Topology

NODE = "/vsl/agent1/search"


def calls(bench: Bench, name: str = "lightcontrol1") -> int:
    """Return how many verdicts there are on a service's calls."""
    return sum(verdict["sender"].get("client_id") == name for verdict in bench.gateway.verdicts())


def direct(bench: Bench) -> bool:
    """Tell whether a service's call reaches the access point itself; it then shows its own certificate."""
    address, source = Topology.ACCESS_IPV4[0], bench.topology.service_ipv4(0)
    try:
        with RawService(
            bench.topology.lan, address, source, bench.authority.service("lightcontrol1").client_context()
        ) as service:
            return service.ask("GET", NODE)[0] != 0
    except OSError:
        return False


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + seconds
        time.sleep(0.1)


def test_calls_are_judged_while_it_serves_pass_while_it_is_gone_and_are_judged_again(bench: Bench) -> None:
    bench.configure(LEARN, bench.settings | {"fail_mode": "open"})
    bench.gateway.start()
    bench.wait_for_types()
    assert direct(bench)
    bench.gateway.wait_for(lambda: calls(bench) == 1)
    bench.gateway.kill()
    judged = calls(bench)
    until(lambda: direct(bench))
    assert calls(bench) == judged, "it passed without a verdict"
    with bench.service("lightcontrol1") as unjudged:
        assert unjudged.ask("GET", NODE)[0] != 0
        bench.gateway.start()
        assert unjudged.ask("GET", NODE)[0] == 0, "what passed unjudged does not go on"
    assert direct(bench)
    bench.gateway.wait_for(lambda: calls(bench) > judged)
    bench.gateway.stop()


def test_a_worker_that_hangs_is_as_one_that_is_gone_until_it_is_started_again(bench: Bench) -> None:
    bench.configure(LEARN, bench.settings | {"fail_mode": "open"})
    bench.gateway.start()
    bench.wait_for_types()
    worker = json.loads((bench.gateway.state / "status.json").read_bytes())["workers"][0]["pid"]
    judged = calls(bench)
    os.kill(worker, signal.SIGSTOP)
    until(lambda: direct(bench))
    assert calls(bench) == judged
    # Silent for ten seconds, it is killed and another one started.
    bench.gateway.wait_for(lambda: direct(bench) and calls(bench) > judged, 40.0)
    assert any(record["kind"] == "broken" for record in bench.gateway.records())
    bench.gateway.stop()


def test_who_is_quarantined_stays_so_while_the_gateway_is_gone(bench: Bench) -> None:
    bench.configure(LEARN, bench.settings | {"fail_mode": "open"})
    bench.gateway.start()
    bench.wait_for_types()
    with bench.service("lightcontrol1") as service:
        assert service.register("/lightControler") == 200
        bench.gateway.replace_policy({"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}})
        assert service.ask("GET", NODE)[0] == 403
    bench.gateway.wait_for(lambda: any(r["kind"] == "quarantine-added" for r in bench.gateway.records()))
    bench.gateway.kill()
    reached = bench.reached()
    deadline = time.monotonic() + 6
    while time.monotonic() < deadline:
        assert not direct(bench)
    assert bench.reached() == reached
