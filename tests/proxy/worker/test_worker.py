"""One worker is built from what the supervisor tells it."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from models.analyzer import Analyzer
from models.node import REPORT, Node
from policy.quarantine import identity_of
from policy.verdict import Mode
from proxy.configuration import load_gateway
from proxy.inputs import read_inputs
from proxy.processes.channel import Channel, ChannelClosed, pair
from proxy.processes.messages import (
    Beat,
    Begin,
    Hold,
    InForce,
    Judge,
    Knows,
    Minute,
    Ready,
    Serving,
    Stop,
    ToSupervisor,
    ToWorker,
)
from proxy.registry import AgentStructure
from proxy.worker.worker import CannotServe, Worker
from tests.policy.calls import EVENT_TIME, WASHING_MACHINE
from tests.proxy.audit.events import records
from tests.proxy.parts import (
    Settings,
    StandingClock,
    free_port,
    plain_point,
    plain_settings,
    quarantine_entry,
    write_settings,
)

STRUCTURE = AgentStructure(
    types={"/agent1": "/treeRoot", "/agent1/search": "/searchProvider/search", "/agent1/lock1": "/doorLock"},
    children={},
)


def beginning(directory: Path, settings: Settings | None = None, policy: str = "mode: learn\n") -> Begin:
    path = write_settings(directory, settings or plain_settings(state_directory="state"), policy)
    inputs = read_inputs(load_gateway(path))
    return Begin(
        number=0,
        document=inputs.document.model_dump_json().encode(),
        policy=inputs.policy.document.model_dump_json().encode(),
        revision=inputs.policy.revision,
        inventory=inputs.inventory.model_dump_json().encode(),
        state=Node().dump(),
        start=EVENT_TIME,
        origin=time.monotonic(),
        structures={"agent1": STRUCTURE},
        quarantines=[quarantine_entry(identity=identity_of(WASHING_MACHINE), until=1e12)],
    )


class Bench:
    """A worker, and the supervisor's end of its channel."""

    def __init__(self, worker: Worker, channel: Channel[ToWorker, ToSupervisor]) -> None:
        self.worker = worker
        self.channel = channel
        self.running = asyncio.create_task(worker.run())

    async def hear[Message](self, kind: type[Message]) -> Message:
        """The next message of a kind."""
        async with asyncio.timeout(20):
            while not isinstance(message := await self.channel.receive(), kind):
                pass
        return message


@asynccontextmanager
async def bench(begin: Begin) -> AsyncIterator[Bench]:
    ours, its = pair()
    channel: Channel[ToWorker, ToSupervisor] = await Channel.over(ours, ToSupervisor)
    end: Channel[ToSupervisor, ToWorker] = await Channel.over(its, ToWorker)
    made = Bench(Worker(begin, end, StandingClock(EVENT_TIME)), channel)
    try:
        yield made
    finally:
        if not made.running.done():
            channel.send(Stop())
        await asyncio.wait({made.running}, timeout=20)


@pytest.fixture
def listening(tmp_path: Path) -> Callable[..., Begin]:
    """What a worker begins with that can listen on this machine."""

    def make(policy: str = "mode: learn\n") -> Begin:
        settings = plain_settings(
            state_directory="state",
            listen={"ipv4": "127.0.0.1"},
            access_points=[plain_point(listen_port=free_port())],
        )
        return beginning(tmp_path, settings, policy)

    return make


async def test_it_serves_says_so_and_hands_over_what_it_learnt_at_the_end(
    tmp_path: Path, listening: Callable[..., Begin]
) -> None:
    async with bench(listening()) as made:
        await made.hear(Serving)
        beat = await made.hear(Beat)
        assert (beat.connections, beat.quarantined) == (0, 1)
        made.channel.send(Stop())
        minute = await made.hear(Minute)
        await made.running
    report = REPORT.decode(minute.content)
    assert [each.address for each in report.instances] == ["/agent1/lock1"]
    assert (tmp_path / "state" / "audit" / "worker-0" / "journal.jsonl").exists()


async def test_it_does_what_the_supervisor_says(tmp_path: Path, listening: Callable[..., Begin]) -> None:
    (tmp_path / "other").mkdir()
    stricter = beginning(tmp_path / "other", policy="mode: enforce\n")
    async with bench(listening()) as made:
        await made.hear(Serving)
        worker = made.worker
        assert worker._engine.rules(None).mode is Mode.LEARN
        entry = quarantine_entry("/agent1/tv1", identity="certificate:tv1", until=1e12)
        made.channel.send(Hold(entry))
        made.channel.send(Knows("agent1", AgentStructure(types={"/agent1/tv1": "/tv"}, children={})))
        made.channel.send(Judge(stricter.policy, "r2"))
        assert await made.hear(InForce) == InForce("r2")
        assert worker._engine.rules(None).mode is Mode.ENFORCE
        assert worker._engine.revision == "r2"
        assert worker._register.holding("certificate:tv1", 2000.0) == entry
        assert worker._registry.service_type("/agent1/tv1") == "/tv"


async def test_types_that_are_ready_are_enforced_where_the_policy_leaves_it_to_that(
    listening: Callable[..., Begin],
) -> None:
    begin = msgspec.structs.replace(listening("mode: auto\n"), ready=["/tv"])
    async with bench(begin) as made:
        await made.hear(Serving)
        engine = made.worker._engine
        assert (engine.rules("/tv").mode, engine.rules("/doorLock").mode) == (Mode.ENFORCE, Mode.MONITOR)
        made.channel.send(Ready(["/doorLock"]))
        made.channel.send(Judge(begin.policy, "r2"))
        assert await made.hear(InForce) == InForce("r2")
        assert (engine.rules("/tv").mode, engine.rules("/doorLock").mode) == (Mode.MONITOR, Mode.ENFORCE)


async def test_it_ends_with_the_supervisor(listening: Callable[..., Begin]) -> None:
    async with bench(listening()) as made:
        await made.hear(Serving)
        made.channel.close()
        with pytest.raises(ChannelClosed):
            await asyncio.wait_for(made.running, 20)


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = plain_settings(
            state_directory="state",
            listen={"ipv4": "127.0.0.1"},
            access_points=[plain_point(listen_port=taken.getsockname()[1])],
        )
        async with bench(beginning(tmp_path, settings)) as made:
            with pytest.raises(CannotServe, match="a listener could not be opened"):
                await asyncio.wait_for(made.running, 20)


async def test_an_audit_log_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    begin = beginning(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "audit").write_text("in the way")
    with pytest.raises(CannotServe, match="cannot hold the audit log"):
        async with bench(begin):
            pass


async def test_services_that_an_access_point_knows_count_without_having_called(
    listening: Callable[..., Begin],
) -> None:
    async with bench(listening()) as made:
        analyzer = made.worker._analyzer
        assert isinstance(analyzer, Analyzer)
        descriptors = analyzer.advance(EVENT_TIME + 60_000)
    assert [(each.service_type, each.minutes) for each in descriptors] == [("/doorLock", 1)]


@pytest.mark.parametrize(("place", "refused"), [("http1", True), ("response", False), ("quarantine", False)])
async def test_what_breaks_is_on_record(
    tmp_path: Path, listening: Callable[..., Begin], place: str, refused: bool
) -> None:
    async with bench(listening()) as made:
        made.worker._broken(place, RuntimeError("a defect"))
        assert made.worker._beat().broken == 1
    (record,) = records(tmp_path / "state" / "audit" / "worker-0")
    assert record["kind"] == "broken"
    assert record["details"] == {"place": place, "error": "RuntimeError: a defect"}
    assert ("the call was refused" in str(record["sentence"])) is refused


async def test_each_worker_takes_its_share_of_the_connections(tmp_path: Path) -> None:
    settings = plain_settings(state_directory="state", workers=3, limits={"connections": 100})
    begin = beginning(tmp_path, settings)
    ours, its = pair()
    end: Channel[ToSupervisor, ToWorker] = await Channel.over(its, ToWorker)
    worker = Worker(begin, end, StandingClock(EVENT_TIME))
    worker._journal.close(timeout=10)
    end.close()
    for each in ours:
        os.close(each)
    assert worker._connections.most == 34
