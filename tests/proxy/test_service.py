"""The composition root: everything is read before anything is changed, and nothing broken is taken into service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.analyzer import Analyzer
from models.paper.analyzer import PaperAnalyzer
from policy.verdict import Mode
from proxy.configuration import load_gateway
from proxy.gateway import Gateway
from proxy.registry import AgentStructure
from proxy.service import Inputs, Service, StartRefused, read_inputs, wall_clock
from proxy.storage.model_store import CURRENT, PREVIOUS
from proxy.storage.quarantine_store import FILE
from tests.policy.calls import EVENT_TIME
from tests.proxy.audit.events import records
from tests.proxy.parts import (
    Settings,
    StandingClock,
    plain_point,
    plain_settings,
    quarantine_entry,
    tls_settings,
    write_settings,
)
from tests.site.certificates import SiteAuthority


def inputs(directory: Path, settings: Settings | None = None, policy: str = "mode: learn\n") -> Inputs:
    path = write_settings(directory, settings or plain_settings(state_directory="state"), policy)
    return read_inputs(load_gateway(path))


@contextmanager
def made(given: Inputs) -> Iterator[Service]:
    """A service that is closed afterwards, as far as it was opened."""
    service = Service(given)
    try:
        yield service
    finally:
        service._background.shutdown()
        service._quarantine_store.close()
        service._journal.close(timeout=10)


def test_contexts_are_made_for_the_access_points_that_speak_tls(tmp_path: Path, authority: SiteAuthority) -> None:
    points = [plain_point(tls="required"), plain_point(agent="agent2", ipv4="10.77.2.12", listen_port=9102)]
    read = inputs(tmp_path, plain_settings(access_points=points, tls=tls_settings(authority)))
    assert read.contexts is not None
    assert set(read.contexts.towards_access_points) == {"agent1"}
    assert inputs(tmp_path).contexts is None


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path, authority: SiteAuthority) -> None:
    settings = plain_settings(
        access_points=[plain_point(tls="required")], tls=tls_settings(authority) | {"site_ca": "missing.pem"}
    )
    path = write_settings(tmp_path, settings, "mode: strict\nthresholds: {block: -1}\n", {"services": 5})
    with pytest.raises(StartRefused) as refused:
        read_inputs(load_gateway(path))
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        str(tmp_path / name) for name in ("policy.yaml", "policy.yaml", "inventory.yaml", "missing.pem")
    ]


def test_what_only_the_firewall_objects_to_is_told_of_the_file_that_it_is_in(tmp_path: Path) -> None:
    path = write_settings(tmp_path, plain_settings(), "mode: strict\n")
    document = load_gateway(path)
    interfaces = document.interfaces.model_copy(update={"services": ["no interface"]})
    with pytest.raises(StartRefused) as refused:
        read_inputs(document.model_copy(update={"interfaces": interfaces}))
    policy, plan = refused.value.problems
    assert policy.startswith(f"{tmp_path / 'policy.yaml'}:1: mode")
    assert plan.startswith("gateway.yaml: interface name 'no interface'")


def test_reading_changes_nothing(tmp_path: Path) -> None:
    inputs(tmp_path)
    assert not (tmp_path / "state").exists()


def test_damaged_state_is_told_at_once_and_left_as_it_is(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    state = tmp_path / "state"
    state.mkdir()
    damaged = {CURRENT: b"damaged", PREVIOUS: b"damaged too", FILE: b"no database" * 1000, "audit": b"in the way"}
    for name, content in damaged.items():
        (state / name).write_bytes(content)
    with pytest.raises(StartRefused) as refused:
        Service(given)
    assert len(refused.value.problems) == 3
    for name, content in damaged.items():
        assert any(str(state / name) in problem for problem in refused.value.problems)
        assert (state / name).read_bytes() == content


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    given = inputs(tmp_path)
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(StartRefused) as refused:
        Service(given)
    (problem,) = refused.value.problems
    assert problem.startswith(f"state_directory {tmp_path / 'state'}: File exists; ")


def test_nobody_else_can_look_into_the_state_directory(tmp_path: Path) -> None:
    with made(inputs(tmp_path)):
        assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_event_time_goes_on_where_the_stored_models_ended(tmp_path: Path) -> None:
    analyzer = Analyzer()
    analyzer.register("/agent1/a", "/a", EVENT_TIME)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / CURRENT).write_bytes(analyzer.dump())
    given: list[int] = []

    def clock(newest: int) -> StandingClock:
        given.append(newest)
        return StandingClock()

    service = Service(inputs(tmp_path), clock=clock)
    service._quarantine_store.close()
    service._journal.close(timeout=10)
    assert given == [EVENT_TIME]


def test_the_clock_never_starts_before_what_has_been_seen() -> None:
    now = int(time.time() * 1000)
    assert now <= wall_clock(0).now() <= now + 5_000
    assert wall_clock(now + 86_400_000).now() >= now + 86_400_000


def test_services_that_an_access_point_knows_count_from_then_on_without_having_called(tmp_path: Path) -> None:
    types = {"/agent1": "/treeRoot", "/agent1/search": "/searchProvider/search", "/agent1/lock1": "/doorLock"}
    structure = AgentStructure(types=types, children={})
    service = Service(inputs(tmp_path), clock=lambda _: StandingClock())
    service._know_services("agent1", structure)
    service._know_services("agent1", structure)
    descriptors = service._analyzer.advance(EVENT_TIME + 60_000)
    assert [(each.service_type, each.minutes) for each in descriptors] == [("/doorLock", 1)]
    service._quarantine_store.close()
    service._journal.close(timeout=10)


async def test_a_broken_policy_changes_nothing(tmp_path: Path) -> None:
    with made(inputs(tmp_path)) as service:
        before = service._engine.revision
        gateway = Gateway(service._inputs.document, tmp_path)
        keeper = service._keeper(gateway)
        (tmp_path / "policy.yaml").write_text("mode: strict\n")
        service.reload_policy(keeper, gateway)
        assert service._engine.revision == before
    (record,) = records(tmp_path / "state" / "audit")
    assert (record["kind"], record["sentence"]) == (
        "policy-reload",
        "The new policy is broken; the one in force stays.",
    )


async def test_a_new_policy_lets_through_whom_it_protects(tmp_path: Path) -> None:
    entry = quarantine_entry()
    with made(inputs(tmp_path)) as service:
        before = service._engine.revision
        gateway = Gateway(service._inputs.document, tmp_path)
        keeper = service._keeper(gateway)
        service._register.add(entry, now=entry.since)
        service._quarantine_store.put(entry, None)
        (tmp_path / "policy.yaml").write_text(f"mode: enforce\nquarantine: {{protected: [{entry.address}]}}\n")
        service.reload_policy(keeper, gateway)
        service._background.shutdown()
        assert service._engine.revision != before
        assert service._engine.rules(None).mode == "enforce"
        assert service._register.entries == ()
        assert service._quarantine_store.all() == []
    assert {record["kind"] for record in records(tmp_path / "state" / "audit")} == {
        "policy-reload",
        "quarantine-removed",
    }


@pytest.mark.parametrize("ip", ["10.77.1.1", "10.77.2.11", "10.77.1.254"], ids=["gateway", "access point", "inventory"])
def test_the_installation_can_never_be_quarantined(tmp_path: Path, ip: str) -> None:
    path = write_settings(tmp_path, plain_settings(state_directory="state"), inventory={"protected": ["10.77.1.254"]})
    with made(read_inputs(load_gateway(path))) as service:
        assert service._register.protects("/agent1/a", ip)
        assert not service._register.protects("/agent1/a", "10.77.1.9")


def test_what_breaks_is_on_record(tmp_path: Path) -> None:
    with made(inputs(tmp_path)) as service:
        service._broken("request", RuntimeError("a defect"))
    (record,) = records(tmp_path / "state" / "audit")
    assert record["kind"] == "broken"
    assert record["details"] == {"place": "request", "error": "RuntimeError: a defect"}


def test_every_address_of_an_access_point_is_a_destination(tmp_path: Path) -> None:
    settings = plain_settings(
        state_directory="state",
        listen={"ipv4": "10.77.1.1", "ipv6": "fd77:1::1"},
        access_points=[plain_point(ipv6="FD77:2:0::11")],
    )
    with made(inputs(tmp_path, settings)) as service:
        assert set(service._destinations()) == {("10.77.2.11", 8081), ("fd77:2::11", 8081)}


@pytest.mark.parametrize("place", ["response", "quarantine"])
def test_what_breaks_after_a_call_has_been_decided_is_not_told_as_a_refusal(tmp_path: Path, place: str) -> None:
    with made(inputs(tmp_path)) as service:
        service._broken(place, RuntimeError("a defect"))
    (record,) = records(tmp_path / "state" / "audit")
    assert "the call was refused" not in str(record["sentence"])


async def test_another_scoring_takes_a_restart_and_has_models_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    stored = Analyzer()
    stored.register("/agent1/a", "/a", EVENT_TIME)
    (tmp_path / "state" / CURRENT).write_bytes(stored.dump())
    given = inputs(tmp_path)
    with made(given) as service:
        given.document.policy.write_text("mode: monitor\nscoring: paper\n")
        gateway = Gateway(given.document, tmp_path / "state")
        service.reload_policy(service._keeper(gateway), gateway)
        assert service._engine.rules(None).mode is Mode.LEARN
    (record,) = records(tmp_path / "state" / "audit")
    assert "takes a restart" in str(record["details"])
    with made(inputs(tmp_path, policy="scoring: paper\n")) as service:
        assert isinstance(service._analyzer, PaperAnalyzer)
        service._analyzer.register("/agent1/a", "/a", EVENT_TIME)
        service._analyzer.advance(EVENT_TIME + 60_000)
        assert service._status().service_types["/a"].instance_minutes == 1
    assert (tmp_path / "state" / CURRENT).read_bytes() == stored.dump()
