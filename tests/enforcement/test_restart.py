"""Nothing passes while the gateway is gone, and nothing is forgotten when it comes back."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from typing import Any

import pytest

from proxy.firewall.glimpses import AT_ONCE
from tests.enforcement.conftest import LEARN, Bench
from tests.enforcement.raw_service import BRIEF, PATIENCE
from tests.network.namespaces import Topology
from tests.site.gateway_process import AGENT_PORT

NODE = "/vsl/agent1/lightcontrol1/lightOn"
MINUTES_A_SECOND = 60.0
FROM_NOW_ON_QUARANTINE = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}


def reach(bench: Bench, address: str) -> bool:
    """Tell whether a service can open a connection to an access point's port."""
    try:
        bench.topology.lan.connect(address, AGENT_PORT, source=None, timeout=0.5).close()
    except OSError:
        return False
    return True


def table(bench: Bench) -> list[dict[str, Any]]:
    """Return the gateway's table as nftables lists it."""
    listed = bench.topology.gateway.run(["nft", "-j", "list", "table", "inet", "alleyes"]).stdout
    items: list[dict[str, Any]] = json.loads(listed)["nftables"]
    return items


CHANGES = (
    "flush ruleset",
    "flush table inet alleyes",
    "flush chain inet alleyes guard_access_points",
    "delete chain inet alleyes guard_access_points",
    "add table inet alleyes { flags dormant; }",
)
"""What somebody may do to the rules."""


def rules(bench: Bench) -> list[str]:
    """Return the lines of the gateway's table without numbers of the kernel's."""
    listed = bench.topology.gateway.run(["nft", "-s", "list", "ruleset"]).stdout
    return [line.strip() for line in listed.splitlines()]


def restorations(bench: Bench) -> list[Any]:
    """Return what the log says of rules that were put back."""
    return [r for r in bench.gateway.records() if r["kind"] == "broken" and r["details"]["place"] == "firewall"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_call_passes_after_the_gateway_ended(bench: Bench, number: signal.Signals) -> None:
    bench.configure(LEARN)
    bench.gateway.start()
    bench.wait_for_types()
    with bench.service("lightcontrol1") as service:
        assert service.register("/lightControler") == 200
        before = bench.reached()
        if number is signal.SIGKILL:
            bench.gateway.kill()
        else:
            assert bench.gateway.stop() == 0
        settled = bench.reached_in_the_end()
        assert settled - before < 200, "more than the closing of the TLS connections"
        with contextlib.suppress(OSError):
            assert service.ask("GET", NODE, seconds=BRIEF)[0] == 0
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        for address in (Topology.ACCESS_IPV4[0], Topology.ACCESS_IPV6[0]):
            assert not reach(bench, address)
        time.sleep(0.2)
    assert bench.reached() == settled
    # What keeps calls out does not end by itself: no rule of the table depends on time, no guard is a timed element.
    kinds = {name for item in table(bench) for name in item}
    assert {"chain", "rule"} <= kinds
    guarding = {"redirect_calls", "guard_listeners", "guard_access_points"}
    guards = [item["rule"] for item in table(bench) if "rule" in item and item["rule"]["chain"] in guarding]
    assert len(guards) > 4
    # The one set that guards know refuses who has too many connections.
    timed = [rule for rule in guards if "@" in json.dumps(rule["expr"]).replace("@connections", "")]
    assert not timed


def counted(bench: Bench, name: str) -> int:
    """Return the packets of a counter of the gateway's table."""
    counters = {item["counter"]["name"]: item["counter"]["packets"] for item in table(bench) if "counter" in item}
    packets: int = counters[name]
    return packets


def test_with_fail_mode_open_calls_pass_while_the_gateway_is_gone_and_are_judged_when_it_is_back(bench: Bench) -> None:
    bench.configure(LEARN, bench.settings | {"fail_mode": "open"})
    for _ in range(2):
        bench.gateway.start()
        bench.gateway.wait_for(lambda: reach(bench, Topology.ACCESS_IPV4[0]) and counted(bench, "redirected"))
        time.sleep(3.5)
        before = counted(bench, "unjudged")
        assert reach(bench, Topology.ACCESS_IPV4[0])
        assert counted(bench, "unjudged") == before, "it says so for as long as it lives"
        bench.gateway.kill()
        bench.gateway.wait_for(
            lambda before=before: reach(bench, Topology.ACCESS_IPV4[0]) and counted(bench, "unjudged") > before
        )


def test_kill_in_the_middle_of_calls(bench: Bench) -> None:
    bench.configure(LEARN)
    bench.gateway.start()
    bench.wait_for_types()
    services = [bench.service(f"lightcontrol{n}", index=n) for n in range(1, 6)]
    for service in services:
        assert service.register("/lightControler") == 200
    for number, service in enumerate(services, start=1):
        service.send(f"GET /vsl/agent1/lightcontrol{number}/lightOn HTTP/1.1\r\nHost: a\r\n".encode())
    bench.gateway.kill()
    settled = bench.reached_in_the_end()
    for service in services:
        try:
            service.send(b"Accept: application/json\r\n\r\n")
        except OSError:
            continue
        assert b" 200 " not in service.receive(0.3)
    assert bench.reached() == settled


def answer(bench: Bench, name: str) -> int | None:
    """Return the status that a service gets on a connection of its own, None where there is no answer soon."""
    try:
        with bench.service(name, patience=BRIEF) as service:
            return service.ask("GET", NODE)[0] or None
    except OSError:
        return None


def test_quarantines_and_models_are_back(bench: Bench) -> None:
    bench.configure(LEARN)
    gateway = bench.gateway
    gateway.scale = MINUTES_A_SECOND
    gateway.start()
    with bench.service("lightcontrol1") as light, bench.service("movement1", index=1) as movement:
        assert light.register("/lightControler") == 200
        assert movement.register("/movementSensor") == 200

        def known() -> bool:
            """Let it be seen in another minute; whether several are stored."""
            assert movement.ask("PUT", "/vsl/agent1/movement1/movement", {"value": "1"})[0] == 204
            time.sleep(1.05)
            models = gateway.models() if (gateway.state / "models.bin").exists() else {}
            return "/movementSensor" in models and models["/movementSensor"].weight >= 3

        gateway.wait_for(known)
        gateway.replace_policy(FROM_NOW_ON_QUARANTINE | {"service_types": {"/movementSensor": {"mode": "learn"}}})
        assert light.ask("GET", NODE)[0] == 403
        gateway.wait_for(lambda: any(r["kind"] == "quarantine-added" for r in gateway.records()))
    gateway.kill()
    # Even where somebody flushed the kernel's rules meanwhile, the restart brings the quarantine back.
    bench.topology.gateway.run(["nft", "flush", "ruleset"])
    gateway.write(bench.settings, LEARN)
    gateway.start()
    gateway.wait_for(lambda: any(r["kind"] == "quarantine-restored" for r in gateway.records()))
    address = bench.topology.service_ipv4(0)
    gateway.wait_for(lambda: address in json.dumps(table(bench)))
    # A few handshakes come in, to see whether somebody else is there by now; then the kernel drops everything.
    answers = [answer(bench, "lightcontrol1") for _ in range(AT_ONCE)]
    deadline = time.monotonic() + PATIENCE
    while None not in answers and time.monotonic() < deadline:
        answers.append(answer(bench, "lightcontrol1"))
    assert set(answers) == {403, None}
    with bench.service("lightcontrol1", index=7) as elsewhere:
        assert elsewhere.ask("GET", NODE)[0] == 403
    with bench.service("movement1", index=1) as movement:
        assert movement.ask("PUT", "/vsl/agent1/movement1/movement", {"value": "1"})[0] == 204
        gateway.wait_for(lambda: gateway.verdicts()[-1]["sender"]["address"] == "/agent1/movement1")
    judged = gateway.verdicts()[-1]["accesses"][0]["score"]
    assert judged["model_version"] != "none"
    assert judged["terms"]["model_weight"] >= 3


def test_removed_and_changed_rules_come_back(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        whole = rules(bench)
        for number, change in enumerate(CHANGES, start=1):
            bench.topology.gateway.run(["nft", change])
            bench.gateway.wait_for(lambda wanted=number: len(restorations(bench)) >= wanted)
            assert rules(bench) == whole, change
            with pytest.raises(OSError, match="timed out"):
                bench.topology.lan.connect(Topology.ACCESS_IPV4[0], 22, timeout=0.3)
        handle = next(item["rule"]["handle"] for item in reversed(table(bench)) if "rule" in item)
        bench.topology.gateway.run(
            ["nft", "delete", "rule", "inet", "alleyes", "guard_access_points", "handle", str(handle)]
        )
        bench.gateway.wait_for(lambda: len(restorations(bench)) > len(CHANGES))
        assert rules(bench) == whole
        time.sleep(0.6)
        assert len(restorations(bench)) == len(CHANGES) + 1, "what was put back is taken for whole"
        with bench.service("lightcontrol1") as service:
            assert service.register("/lightControler") == 200


def test_a_damaged_generation_of_models_is_passed_over(bench: Bench) -> None:
    bench.configure(LEARN)
    gateway = bench.gateway
    gateway.scale = MINUTES_A_SECOND
    gateway.start()
    with bench.service("movement1") as movement:
        assert movement.register("/movementSensor") == 200
        current = gateway.state / "models.bin"
        gateway.wait_for(lambda: current.exists() and (gateway.state / "models.previous.bin").exists())
    gateway.kill()
    current.write_bytes(current.read_bytes()[:-7])
    gateway.start()
    gateway.wait_for(lambda: "going on with" in gateway.log())
    with bench.service("movement1") as movement:
        assert movement.register("/movementSensor") == 200


A_LOOK = 5.0
"""Seconds between two looks at the table, on the slowest machine; a quarter of a second on any other."""
TAKEN_OUT = (
    "flush set inet alleyes quarantine_link4",
    "flush table inet alleyes; flush set inet alleyes quarantine_link4",
    "delete table inet alleyes",
)


def test_who_was_taken_out_of_quarantine_is_put_back_and_the_gap_is_told(bench: Bench) -> None:
    bench.configure(LEARN)
    gateway = bench.gateway
    gateway.start()
    bench.wait_for_types()
    with bench.service("lightcontrol1", index=1) as service:
        assert service.register("/lightControler") == 200
    gateway.replace_policy(FROM_NOW_ON_QUARANTINE)
    with bench.service("lightcontrol1", index=1) as service:
        assert service.ask("GET", NODE)[0] == 403

    def elements() -> list[Any]:
        listed = [item["set"] for item in table(bench) if item.get("set", {}).get("name") == "quarantine_link4"]
        return [element["elem"]["val"]["concat"] for each in listed for element in each.get("elem", ())]

    gateway.wait_for(lambda: len(elements()) == 1)
    (quarantined,) = elements()
    one = f"delete element inet alleyes quarantine_link4 {{ {' . '.join(quarantined)} }}"
    longest = []
    for number, change in enumerate((one, *TAKEN_OUT), start=1):
        # The gap is counted from when the table was last seen whole, which was before it was changed.
        began = time.monotonic()
        bench.topology.gateway.run(["nft", change])
        gateway.wait_for(lambda wanted=number: len(restorations(bench)) >= wanted)
        longest.append(time.monotonic() - began)
        assert elements() == [quarantined], change
    gaps = [record["details"]["gap_seconds"] for record in restorations(bench)]
    assert all(0 < gap < most + A_LOOK for gap, most in zip(gaps, longest, strict=True)), (gaps, longest)
    assert [record["details"]["changed"] for record in restorations(bench)[:2]] == [["elements"]] * 2

    def status() -> dict[str, Any]:
        found: dict[str, Any] = json.loads((gateway.state / "status.json").read_bytes())["firewall"]
        return found

    gateway.wait_for(lambda: status()["restorations"] == len(gaps))
    assert status()["longest_gap_seconds"] == max(gaps)
    assert status()["latest_gap_seconds"] == gaps[-1]
    gateway.wait_for(lambda: status()["seen_whole_seconds_ago"] < 2)
