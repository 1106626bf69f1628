"""A quarantine cuts live connections of the identity, and the supervisor hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
import pytest

from policy.protection import Protection
from policy.quarantine import QuarantineRegister, identity_of
from policy.verdict import Action, Sender
from proxy.configuration import AccessPoint, InventoryDocument
from proxy.connections import ConnectionTable, Destination
from proxy.decoders.vsl import VslDecoder
from proxy.http1.deadlines import Phase
from proxy.identity import Identity
from proxy.processes.messages import Quarantined
from proxy.registry import SiteRegistry
from proxy.worker import quarantine as module
from proxy.worker.quarantine import WorkerQuarantine
from tests.policy.calls import WASHING_MACHINE
from tests.proxy.audit.events import verdict
from tests.proxy.parts import live, plain_point, quarantine_entry
from tests.waiting import until


class Bench:
    def __init__(self) -> None:
        self.register = QuarantineRegister()
        self.registry = SiteRegistry(
            InventoryDocument.model_validate({"services": [{"address": "/agent1/boiler", "ip": "192.0.2.40"}]}),
            frozenset({"agent1"}),
        )
        self.connections = ConnectionTable(most=10, most_of_one=10)
        self.aborted: list[str] = []
        self.sent: list[Quarantined] = []
        self.forgiven: list[str] = []
        self.quarantine = WorkerQuarantine(
            register=self.register,
            connections=self.connections,
            registry=self.registry,
            abort=self._abort,
            send=self.sent.append,
            forgive=self.forgiven.append,
            real_now=lambda: 1000.0,
        )

    def _abort(self, client_ids: Iterable[str]) -> None:
        self.aborted += client_ids

    def connect(self, client_id: str, name: str, ip: str) -> None:
        point = AccessPoint.model_validate(plain_point())
        decoder = VslDecoder(agent="agent1", authority="a", registry=self.registry, most_accesses=4)
        self.connections.open(client_id, live(ip, Destination(point, decoder), identity=Identity(name, (name,))))

    def enter(self, sender: Sender = WASHING_MACHINE) -> None:
        """Quarantine a sender, as a verdict does."""
        entry = quarantine_entry(sender.address, ip=sender.ip, identity=identity_of(sender))
        entry = msgspec.structs.replace(entry, strength=sender.strength)
        self.register.add(entry, now=entry.since)
        made = verdict(action=Action.QUARANTINE)
        self.quarantine.enter(msgspec.structs.replace(made, call=msgspec.structs.replace(made.call, sender=sender)))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(module, "_ANSWER_FIRST_SECONDS", 0.02)
    return Bench()


async def test_the_supervisor_hears_of_a_sender_that_a_verdict_quarantined(bench: Bench) -> None:
    bench.enter()
    (told,) = bench.sent
    assert told.entry.address == WASHING_MACHINE.address


async def test_a_sender_that_is_freed_by_hand_is_let_through(bench: Bench) -> None:
    bench.enter()
    bench.quarantine.free("certificate:somebody else")
    assert bench.register.holding(identity_of(WASHING_MACHINE), 2000.0) is not None
    assert identity_of(WASHING_MACHINE) not in bench.forgiven
    bench.quarantine.free(identity_of(WASHING_MACHINE))
    assert bench.register.holding(identity_of(WASHING_MACHINE), 2000.0) is None
    assert bench.forgiven[-1] == identity_of(WASHING_MACHINE)


async def test_live_connections_are_cut_at_once_and_the_refused_one_after_its_answer(bench: Bench) -> None:
    bench.connect("refused", "washingmachine1", "192.0.2.17")
    bench.connect("idle", "washingmachine1", "192.0.2.18")
    bench.connect("channel", "washingmachine1", "192.0.2.18")
    bench.connect("other", "tv1", "192.0.2.19")
    for client_id, phase in {"refused": Phase.ANSWER, "idle": Phase.IDLE, "channel": Phase.CHANNEL}.items():
        bench.connections[client_id].deadline.enter(phase)
    bench.enter()
    assert bench.aborted == ["idle", "channel"]
    for client_id in bench.aborted:
        bench.connections.close(client_id)
    await until(lambda: bench.aborted == ["idle", "channel", "refused"])


async def test_who_is_freed_and_comes_again_meanwhile_is_not_cut(bench: Bench) -> None:
    bench.enter()
    bench.quarantine.free(identity_of(WASHING_MACHINE))
    bench.connect("again", "washingmachine1", "192.0.2.17")
    await asyncio.sleep(0.06)
    assert bench.aborted == []


async def test_a_quarantine_of_another_worker_holds_here_as_well(bench: Bench) -> None:
    bench.connect("here", "washingmachine1", "192.0.2.18")
    bench.quarantine.hold(quarantine_entry(identity=identity_of(WASHING_MACHINE)), 2000.0)
    assert bench.register.holding(identity_of(WASHING_MACHINE), 2000.0) is not None
    assert bench.aborted == ["here"]
    assert bench.sent == []


async def test_who_is_protected_by_now_is_left_alone(bench: Bench) -> None:
    bench.register.protect(Protection.of([WASHING_MACHINE.address]))
    bench.quarantine.hold(quarantine_entry(identity=identity_of(WASHING_MACHINE)), 2000.0)
    assert bench.register.entries == ()


async def test_a_verdict_whose_quarantine_has_been_lifted_meanwhile_does_nothing(bench: Bench) -> None:
    bench.quarantine.enter(verdict(action=Action.QUARANTINE))
    assert bench.sent == []


async def test_an_expired_quarantine_ends(bench: Bench) -> None:
    bench.enter()
    bench.quarantine.expire(1e12)
    assert bench.register.entries == ()
