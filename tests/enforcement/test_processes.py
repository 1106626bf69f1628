"""Who parses hostile bytes holds no privilege; who holds one only sets rules, and is replaced if it dies."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from proxy.privileges import NET_ADMIN, NET_BIND_SERVICE, capabilities
from tests.enforcement.conftest import LEARN, Bench
from tests.site.processes import children

NODE = "/vsl/agent1/lightcontrol1/lightOn"
EVERYTHING_QUARANTINES = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}


def held(process: int) -> set[int]:
    """What any thread of a process may do, or could make itself able to do."""
    found: set[int] = set()
    for task in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread may end meanwhile
            found |= set(capabilities(task / "status").values())
    return found


def in_kernel(bench: Bench) -> str:
    """The quarantine sets and what is in them."""
    return bench.topology.gateway.run(["nft", "list", "table", "inet", "alleyes"]).stdout.split("chain quarantine")[0]


def test_calls_are_judged_without_privileges_and_quarantines_reach_the_kernel(bench: Bench) -> None:
    bench.configure(LEARN)
    gateway = bench.gateway
    gateway.start()
    bench.wait_for_types()
    (maker,) = children(gateway.pid, "proxy.firewall.process")
    (helper,) = children(maker)
    with bench.service("lightcontrol1", index=1) as service, bench.service("lightcontrol2", index=2) as other:
        assert service.register("/lightControler") == 200
        assert other.register("/lightControler") == 200
        (worker,) = children(gateway.pid, "--channel")
        assert held(gateway.pid) == held(worker) == {0}
        assert held(maker) == held(helper) == {0, 1 << NET_ADMIN}
        gateway.replace_policy(EVERYTHING_QUARANTINES)
    with bench.service("lightcontrol1", index=1) as service:
        assert service.ask("GET", NODE)[0] == 403
    gateway.wait_for(lambda: bench.topology.service_ipv4(1) in in_kernel(bench))
    assert held(gateway.pid) == held(worker) == {0}, "threads that were started later, too"
    os.kill(helper, signal.SIGKILL)
    gateway.wait_for(lambda: [pid for pid in children(maker) if pid != helper])
    with bench.service("lightcontrol2", index=2) as service:
        assert service.ask("GET", NODE)[0] == 403
    gateway.wait_for(lambda: bench.topology.service_ipv4(2) in in_kernel(bench))


def test_a_gateway_that_can_get_no_helper_any_more_ends_with_its_guards_in_place(bench: Bench) -> None:
    bench.configure(LEARN)
    bench.gateway.start()
    (maker,) = children(bench.gateway.pid, "proxy.firewall.process")
    (helper,) = children(maker)
    os.kill(maker, signal.SIGKILL)
    os.kill(helper, signal.SIGKILL)
    assert bench.gateway.process is not None
    assert bench.gateway.process.wait(10) != 0
    assert "guard_access_points" in bench.topology.gateway.run(["nft", "list", "ruleset"]).stdout


def test_a_listener_below_1024_keeps_what_it_needs_and_nothing_else(bench: Bench) -> None:
    settings = bench.settings
    settings["access_points"][0]["listen_port"] = 443
    bench.configure(LEARN, settings)
    bench.gateway.start()
    (worker,) = children(bench.gateway.pid, "--channel")
    assert held(worker) == {1 << NET_BIND_SERVICE}
    with bench.service("lightcontrol1") as service:
        assert service.register("/lightControler") == 200
