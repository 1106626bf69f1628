"""Several workers are one gateway: each sender has one of them, and what one knows or refuses all know and refuse."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from models.codec import decode
from proxy.audit.keys import PublicKey
from proxy.audit.layout import PUBLIC_KEY_FILE
from proxy.audit.log import Verification, verify
from tests.enforcement.conftest import LEARN, Bench
from tests.enforcement.raw_service import BRIEF, PATIENCE
from tests.waiting import eventually

NODE = "/vsl/agent1/movement1/movement"
SERVICES = 19
QUARANTINE_AT_ONCE = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}


@pytest.fixture
def workers(bench: Bench) -> Iterator[Bench]:
    """Two workers, serving."""
    bench.gateway.scale = 30.0
    bench.configure(LEARN, bench.settings | {"workers": 2, "access_points": spread(bench)})
    bench.gateway.start()
    bench.wait_for_types()
    with bench.service("movement1", index=SERVICES) as movement:
        assert movement.register("/movementSensor") == 200
    yield bench
    if bench.gateway.process is not None:
        bench.gateway.stop()


def spread(bench: Bench) -> list[dict[str, Any]]:
    """The access points with room for the ports of two workers."""
    points: list[dict[str, Any]] = bench.settings["access_points"]
    return [point | {"listen_port": 9101 + 10 * index} for index, point in enumerate(points)]


def status(bench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((bench.gateway.state / "status.json").read_bytes())
    return found


def pids(bench: Bench) -> list[int]:
    """The process ids of the workers, by number; 0 while one is being started."""
    return [0 if beat is None else int(beat["pid"]) for beat in status(bench)["workers"]]


def verdicts(bench: Bench, worker: int) -> list[dict[str, Any]]:
    journal = bench.gateway.audit / f"worker-{worker}" / "journal.jsonl"
    lines = journal.read_text().splitlines() if journal.exists() else []
    return [record for record in map(json.loads, lines) if record["kind"] == "verdict"]


def worker_of(bench: Bench, index: int) -> int:
    """Return which worker has the n-th service's IPv4 address."""
    ip = bench.topology.service_ipv4(index)
    bench.gateway.wait_for(lambda: any(v["sender"]["ip"] == ip for n in (0, 1) for v in verdicts(bench, n)))
    return next(n for n in (0, 1) for v in verdicts(bench, n) if v["sender"]["ip"] == ip)


def ask(bench: Bench, name: str, index: int, *, agent: int = 0, patience: float = PATIENCE) -> int:
    """Let a service read something from its n-th address; 0 where no answer came in time."""
    try:
        with bench.service(name, index=index, agent=agent, patience=patience) as service:
            return service.ask("GET", NODE)[0]
    except OSError:
        return 0


def of_each_worker(bench: Bench) -> tuple[int, int]:
    """Return two addresses that different workers have, that of worker 0 first."""
    found: dict[int, int] = {}
    for index in range(SERVICES):
        ask(bench, "lightcontrol1", index)
        found.setdefault(worker_of(bench, index), index)
        if len(found) == 2:
            return found[0], found[1]
    raise AssertionError(f"one worker has all of {SERVICES} addresses: once in {2 ** (SERVICES - 1)} times")


def test_a_sender_has_one_worker_at_every_access_point_and_after_a_restart(workers: Bench) -> None:
    first, second = of_each_worker(workers)
    for _ in range(3):
        ask(workers, "lightcontrol1", first, agent=1)
        ask(workers, "lightcontrol1", second, agent=1)
    workers.gateway.stop()
    workers.gateway.start()
    ask(workers, "lightcontrol1", first)
    ask(workers, "lightcontrol1", second)
    workers.gateway.stop()
    for number, index in ((0, first), (1, second)):
        ip, others = workers.topology.service_ipv4(index), verdicts(workers, 1 - number)
        assert sum(v["sender"]["ip"] == ip for v in verdicts(workers, number)) >= 5
        assert not any(v["sender"]["ip"] == ip for v in others)
    found = audited(workers)
    assert found.ok
    assert [report.unsigned for report in found.chains.values()] == [0, 0, 0], "signed to the last record"


def audited(bench: Bench) -> Verification:
    """Check the whole log with the public key."""
    return verify(bench.gateway.audit, PublicKey.read(bench.gateway.audit / PUBLIC_KEY_FILE))


def broken(bench: Bench) -> list[Mapping[str, Any]]:
    """Return what the audit log says of workers that ended."""
    return [record for record in bench.gateway.records() if record["kind"] == "broken"]


def test_a_worker_that_is_killed_is_started_again_and_the_other_does_not_notice(workers: Bench) -> None:
    first, second = of_each_worker(workers)
    before = pids(workers)
    with workers.service("lightcontrol1", index=second) as steady:
        assert steady.ask("GET", NODE)[0] == 200
        os.kill(before[0], signal.SIGKILL)
        assert ask(workers, "lightcontrol1", first, patience=0.5) == 0, "refused until it is back"
        assert steady.ask("GET", NODE)[0] == 200, "the same connection goes on"
        eventually(lambda: ask(workers, "lightcontrol1", first, patience=BRIEF) == 200)
        assert steady.ask("GET", NODE)[0] == 200
    eventually(lambda: status(workers)["restarts"] == 1 and 0 not in pids(workers) and pids(workers)[0] != before[0])
    assert pids(workers)[1] == before[1]
    workers.gateway.wait_for(lambda: len(broken(workers)) == 1)
    (told,) = broken(workers)
    assert told["details"]["worker"] == 0
    assert "by signal 9" in told["details"]["reason"]


def test_workers_end_with_the_supervisor_and_nothing_passes_then(workers: Bench) -> None:
    first, second = of_each_worker(workers)
    running = pids(workers)
    workers.gateway.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in running))
    assert audited(workers).ok
    reached = workers.reached_in_the_end()
    assert ask(workers, "lightcontrol1", first, patience=BRIEF) == 0
    assert ask(workers, "lightcontrol1", second, patience=BRIEF) == 0
    assert workers.reached() == reached


def test_who_is_quarantined_at_one_worker_is_refused_at_the_other(workers: Bench) -> None:
    first, second = of_each_worker(workers)
    for index in (first, second):
        assert ask(workers, "movement1", index) == 200
    with workers.service("movement1", index=second) as live:
        assert live.ask("GET", NODE)[0] == 200
        workers.gateway.replace_policy(QUARANTINE_AT_ONCE)
        assert ask(workers, "movement1", first) == 403
        begun = time.monotonic()
        assert live.receive(30.0) == b""
        assert time.monotonic() - begun < 25, "the other worker cuts the connection"
    workers.gateway.wait_for(lambda: any(v["action"] == "quarantine" for v in verdicts(workers, 0)))
    assert not any(v["action"] == "quarantine" for v in verdicts(workers, 1))
    ask(workers, "movement1", second, patience=BRIEF)
    workers.gateway.wait_for(lambda: any(v["reason"] == "quarantined" for v in verdicts(workers, 1)))


def test_a_policy_is_in_force_at_all_workers_once_its_reload_is_told(workers: Bench) -> None:
    first, second = of_each_worker(workers)
    workers.gateway.replace_policy({"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": None}})
    assert ask(workers, "lightcontrol1", first) == ask(workers, "lightcontrol1", second) == 403
    workers.gateway.replace_policy(LEARN)
    assert ask(workers, "lightcontrol1", first) == ask(workers, "lightcontrol1", second) == 200


def test_what_services_do_at_either_worker_is_learnt_together(workers: Bench) -> None:
    first, second = of_each_worker(workers)
    names = {first: "lightcontrol1", second: "lightcontrol2"}
    for index, name in names.items():
        with workers.service(name, index=index) as service:
            assert service.register("/lightControler") == 200
            for _ in range(5):
                assert service.ask("GET", NODE)[0] == 200
    before = status(workers)["event_time"]
    eventually(lambda: status(workers)["event_time"] > before + 2 * 60_000)
    workers.gateway.stop()
    state = decode((workers.gateway.state / "models.bin").read_bytes())
    assert {f"/agent1/{name}" for name in names.values()} <= {each.address for each in state.instances}
    relationships = workers.gateway.models()["/lightControler"].relationships
    reads = [found.fast.n for key, found in relationships.items() if key.operation == "get" and not key.own]
    assert sum(reads) >= 10
