"""The composition root of the gateway: nothing broken is taken into service, and a reload changes all or nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.analyzer import Analyzer
from models.paper.analyzer import PaperAnalyzer
from policy.readiness import Observation
from policy.verdict import Mode
from proxy.commands.run import WORKER
from proxy.configuration import load_gateway
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import Applied
from proxy.firewall.plan import Entry
from proxy.inputs import Inputs, read_inputs
from proxy.processes.messages import Minute, Quarantined, Serving
from proxy.registry import AgentStructure
from proxy.storage.model_store import CURRENT
from proxy.storage.policy_store import PolicyStore
from proxy.supervisor.supervisor import Supervisor, wall_time
from tests.policy.calls import EVENT_TIME
from tests.proxy.audit.events import records
from tests.proxy.parts import Settings, plain_settings, quarantine_entry, write_settings


def inputs(directory: Path, settings: Settings | None = None, policy: str = "mode: learn\n") -> Inputs:
    path = write_settings(directory, settings or plain_settings(state_directory="state"), policy)
    return read_inputs(load_gateway(path))


@contextmanager
def made(given: Inputs) -> Iterator[Supervisor]:
    """A supervisor that is closed afterwards, as far as it was opened."""
    supervisor = Supervisor(given, WORKER, FirewallHelper())
    try:
        yield supervisor
    finally:
        supervisor._background.shutdown()
        supervisor._quarantine_store.close()
        supervisor._journal.close(timeout=10)


def test_event_time_goes_on_where_the_stored_models_ended(tmp_path: Path) -> None:
    analyzer = Analyzer()
    analyzer.register("/agent1/a", "/a", EVENT_TIME)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / CURRENT).write_bytes(analyzer.dump())
    given: list[int] = []

    def start(newest: int) -> int:
        given.append(newest)
        return newest

    supervisor = Supervisor(inputs(tmp_path), WORKER, FirewallHelper(), start=start)
    supervisor._quarantine_store.close()
    supervisor._journal.close(timeout=10)
    assert given == [EVENT_TIME]


def test_event_time_never_starts_before_what_has_been_seen() -> None:
    now = int(time.time() * 1000)
    assert now <= wall_time(0) <= now + 5_000
    assert wall_time(now + 86_400_000) == now + 86_400_000


def test_a_worker_begins_with_all_that_is_in_force(tmp_path: Path) -> None:
    structure = AgentStructure(types={"/agent1/lock1": "/doorLock"}, children={})
    entry = quarantine_entry(until=1e12)
    with made(inputs(tmp_path)) as supervisor:
        supervisor._know("agent1", structure)
        supervisor._quarantine(0, Quarantined(entry))
        begin = supervisor._begin(1)
    assert begin.number == 1
    assert begin.structures == {"agent1": structure}
    assert list(begin.quarantines) == [entry]
    assert [(past.identity, past.until) for past in begin.history] == [(entry.identity, 1e12)]
    assert begin.revision == supervisor._policy.policy.revision
    assert Analyzer.load(begin.state, replica=True).models() == {}


async def test_a_type_that_is_ready_is_enforced_by_workers_that_begin_and_told_in_the_status(tmp_path: Path) -> None:
    policy = "mode: auto\nreadiness: {instance_minutes: 60, quiet: 1m}\n"
    with made(inputs(tmp_path, policy=policy)) as supervisor:
        for now, minutes in ((0, 58), (60_000, 59)):
            supervisor._readiness.models_changed({"/doorLock": Observation(minutes, 1, 3)}, now)
        assert supervisor._begin(0).ready == []
        assert supervisor._status().not_ready == {"/doorLock": ["1 more instance-minutes"]}
        supervisor._readiness.models_changed({"/doorLock": Observation(60, 1, 3)}, 120_000)
        assert supervisor._begin(0).ready == ["/doorLock"]
        assert supervisor._status().not_ready == {}


def test_a_quarantine_of_a_protected_sender_reaches_nobody(tmp_path: Path) -> None:
    given = inputs(tmp_path, policy="quarantine: {protected: [/agent1/washingmachine1]}\n")
    with made(given) as supervisor:
        supervisor._quarantine(0, Quarantined(quarantine_entry(until=1e12)))
        assert supervisor._begin(0).quarantines == ()


@pytest.mark.parametrize("message", [Minute(b"damaged"), Serving()], ids=["damaged", "out of place"])
def test_what_no_worker_says_is_refused(tmp_path: Path, message: Minute | Serving) -> None:
    with made(inputs(tmp_path)) as supervisor, pytest.raises(ValueError, match=r"report|Serving"):
        supervisor._take(0, message)


async def test_a_broken_policy_changes_nothing(tmp_path: Path) -> None:
    with made(inputs(tmp_path)) as supervisor:
        before = supervisor._policy.policy.revision
        (tmp_path / "policy.yaml").write_text("mode: strict\n")
        await supervisor._policy.reload()
        assert supervisor._policy.policy.revision == before
    (record,) = records(tmp_path / "state" / "audit")
    assert (record["kind"], record["sentence"]) == (
        "policy-reload",
        "The new policy is broken; the one in force stays.",
    )


async def test_a_new_policy_lets_through_whom_it_protects(tmp_path: Path) -> None:
    entry = quarantine_entry()
    with made(inputs(tmp_path)) as supervisor:
        before = supervisor._policy.policy.revision
        supervisor._register.add(entry, now=entry.since)
        supervisor._quarantine_store.put(entry, None)
        (tmp_path / "policy.yaml").write_text(f"mode: enforce\nquarantine: {{protected: [{entry.address}]}}\n")
        await supervisor._policy.reload()
        supervisor._background.shutdown()
        assert supervisor._policy.policy.revision != before
        assert supervisor._status().mode == Mode.ENFORCE
        assert PolicyStore(tmp_path / "state").load() == supervisor._policy.policy, (
            "kept for a start with a broken file"
        )
        assert supervisor._register.entries == ()
        assert supervisor._quarantine_store.all() == []
    assert {record["kind"] for record in records(tmp_path / "state" / "audit")} == {
        "policy-reload",
        "quarantine-removed",
    }


def test_who_finds_no_room_in_the_kernel_is_on_record_and_in_the_status(tmp_path: Path) -> None:
    entry = quarantine_entry(until=1e12)
    kernel = Entry(ip=entry.ip, until=entry.until)
    with made(inputs(tmp_path)) as supervisor:
        supervisor._quarantine_store.put(entry, kernel)
        assert supervisor._keeper.restore(entry.since) == (kernel,)
        supervisor._keeper.installed(Applied(0, left_out=(kernel,)))
        supervisor._background.shutdown()
        firewall = supervisor._status().firewall
        assert (firewall.waiting, firewall.set_full, firewall.restorations) == (1, 1, 0)
    found = records(tmp_path / "state" / "audit")
    assert [record["kind"] for record in found] == ["quarantine-restored", "kernel-full"]


def test_a_worker_that_ended_is_on_record(tmp_path: Path) -> None:
    with made(inputs(tmp_path)) as supervisor:
        supervisor._worker_ended(1, "by signal 9")
        assert supervisor._status().broken == 1
    (record,) = records(tmp_path / "state" / "audit")
    assert record["kind"] == "broken"
    assert record["details"] == {"place": "worker", "worker": 1, "reason": "by signal 9"}


def test_what_breaks_is_on_record_and_no_call_depends_on_it(tmp_path: Path) -> None:
    with made(inputs(tmp_path)) as supervisor:
        supervisor._broken("quarantine", RuntimeError("a defect"))
    (record,) = records(tmp_path / "state" / "audit")
    assert record["details"] == {"place": "quarantine", "error": "RuntimeError: a defect"}
    assert "the call was refused" not in str(record["sentence"])


async def test_another_scoring_takes_a_restart_and_has_models_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    stored = Analyzer()
    stored.register("/agent1/a", "/a", EVENT_TIME)
    (tmp_path / "state" / CURRENT).write_bytes(stored.dump())
    given = inputs(tmp_path)
    with made(given) as supervisor:
        given.document.policy.write_text("mode: monitor\nscoring: paper\n")
        await supervisor._policy.reload()
        assert supervisor._status().mode == Mode.LEARN
    (record,) = records(tmp_path / "state" / "audit")
    assert "takes a restart" in str(record["details"])
    with made(inputs(tmp_path, policy="scoring: paper\n")) as supervisor:
        assert PaperAnalyzer.load(supervisor._begin(0).state).models() == {}
    assert (tmp_path / "state" / CURRENT).read_bytes() == stored.dump()
