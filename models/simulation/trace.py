"""A site in memory: plays behaviours and attacks against each other and shows every access, in event time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import msgspec

from models.access import Access, Operation
from models.simulation.attacks import Attack
from models.simulation.behaviour import Behaviour
from models.simulation.floorplan import Floorplan, Service
from models.simulation.services import behaviour
from models.simulation.step import Answer, Step
from models.simulation.tempo import DATA_SET, Tempo

LATENCY = 60
"""Milliseconds from a call to its answer, and from a write to its notifications."""

NORMAL = "normal"


class Observed(msgspec.Struct, frozen=True):
    """One access of a trace."""

    access: Access
    label: str
    """`normal` or the name of the attack class."""


class _Actor(msgspec.Struct):
    service: Service
    behaviour: Behaviour
    label: str


class Trace:
    """Simulates a site; iterate to get the accesses in the order of event time."""

    def __init__(self, floorplan: Floorplan, *, seed: int, start: int, tempo: Tempo = DATA_SET) -> None:
        """Set the site up; `start` is the event time (ms) at which services begin to register."""
        self._floorplan = floorplan
        self._values = {address: node.value for address, node in floorplan.nodes()}
        self._subscribers: dict[str, list[int]] = {}
        self._actors = [
            _Actor(service, behaviour(service, floorplan, seed=seed, start=start, tempo=tempo), NORMAL)
            for service in floorplan.services
        ]
        self._due: list[tuple[int, int]] = []
        for index in range(len(self._actors)):
            self._schedule(index)

    def attack(self, attack: Attack, at: int) -> None:
        """Let an attack begin at event time `at`."""
        attacker = self._floorplan.service(attack.attacker)
        self._actors.append(_Actor(attacker, Behaviour(attack.routine(at)), attack.attack_class.value))
        self._schedule(len(self._actors) - 1)

    def until(self, end: int) -> Iterator[Observed]:
        """Yield what happens before event time `end` (ms); call again to go on."""
        while self._due and self._due[0][0] < end:
            time, index = heapq.heappop(self._due)
            actor = self._actors[index]
            if actor.behaviour.due != time:
                continue
            step = actor.behaviour.take()
            yield Observed(self._access(actor.service, step), actor.label)
            actor.behaviour.answer(Answer(time + LATENCY, self._perform(index, step)))
            self._schedule(index)

    def _schedule(self, index: int) -> None:
        due = self._actors[index].behaviour.due
        if due is not None:
            heapq.heappush(self._due, (due, index))

    def _perform(self, index: int, step: Step) -> str | None:
        match step.operation:
            case Operation.GET:
                return self._values[step.node]
            case Operation.SET:
                self._values[step.node] = step.value
                self._notify(self._subscribers.get(step.node, ()), step)
            case Operation.SUBSCRIBE:
                self._subscribers.setdefault(step.node, []).append(index)
        return None

    def _notify(self, subscribers: Iterable[int], step: Step) -> None:
        for index in subscribers:
            self._actors[index].behaviour.notified(step.node, step.time + LATENCY)
            self._schedule(index)

    def _access(self, source: Service, step: Step) -> Access:
        destination = self._floorplan.owner(step.node)
        return Access(
            time=step.time,
            source=source.address,
            source_type=source.type,
            source_location=source.location,
            destination=destination.address,
            destination_type=destination.type,
            destination_location=destination.location,
            node=step.node,
            operation=step.operation,
            data_type=self._floorplan.node(step.node).types[0],
            value=self._exchanged(step),
        )

    def _exchanged(self, step: Step) -> str | None:
        match step.operation:
            case Operation.GET:
                return self._values[step.node]
            case Operation.SET:
                return step.value
        return None
