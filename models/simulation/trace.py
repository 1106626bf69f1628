"""A site in memory: plays behaviours and attacks against each other and shows every access, in event time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import msgspec

from models.access import Access, Operation
from models.simulation.behaviour import Behaviour
from models.simulation.day import ALWAYS_ALIKE, Day
from models.simulation.floorplan import Floorplan, Service
from models.simulation.intrusion import Intrusion, Shown
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
    effective: bool = True
    """Whether what it writes takes effect."""
    data_type: str | None = None
    """Type as which it accesses nodes; `None`: theirs."""
    intrusions: list[tuple[int, Intrusion]] = []
    """What tampers with its calls, each with its start."""

    def shown(self, step: Step) -> Shown | None:
        """Return how a call looks to an observer; `None`: not at all."""
        for start, intrusion in self.intrusions:
            if intrusion.tampering is not None and start <= step.time < start + intrusion.lasting:
                return intrusion.tampering(step, step.time - start)
        return Shown(step, self.label)


class Trace:
    """Simulates a site; iterate to get the accesses in the order of event time."""

    def __init__(
        self,
        floorplan: Floorplan,
        *,
        seed: int,
        start: int,
        tempo: Tempo = DATA_SET,
        day: Day = ALWAYS_ALIKE,
    ) -> None:
        """Set the site up; `start` is the event time (ms) at which services begin to register."""
        self._floorplan = floorplan
        self._values = {address: node.value for address, node in floorplan.nodes()}
        self._subscribers: dict[str, list[int]] = {}
        self._actors = [
            _Actor(service, behaviour(service, floorplan, seed=seed, start=start, tempo=tempo, day=day), NORMAL)
            for service in floorplan.services
        ]
        self._due: list[tuple[int, int]] = []
        for index in range(len(self._actors)):
            self._schedule(index)

    def intrude(self, intrusion: Intrusion, at: int) -> None:
        """Let an intrusion begin at event time `at`: it calls by itself, tampers with its service's calls, or both."""
        self._actors.append(
            _Actor(
                intrusion.attacker,
                intrusion.behaviour(at),
                intrusion.label,
                effective=False,
                data_type=intrusion.data_type,
            )
        )
        self._schedule(len(self._actors) - 1)
        for actor in self._actors[: len(self._floorplan.services)]:
            if actor.service == intrusion.attacker:
                actor.intrusions.append((at, intrusion))

    def until(self, end: int) -> Iterator[Observed]:
        """Yield what happens before event time `end` (ms); call again to go on."""
        while self._due and self._due[0][0] < end:
            time, index = heapq.heappop(self._due)
            actor = self._actors[index]
            if actor.behaviour.due != time:
                continue
            step = actor.behaviour.take()
            shown = actor.shown(step)
            if shown is not None:
                yield Observed(self._access(shown.source or actor.service, shown.step, actor.data_type), shown.label)
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
            case Operation.SET if self._actors[index].effective:
                self._values[step.node] = step.value
                self._notify(self._subscribers.get(step.node, ()), step)
            case Operation.SUBSCRIBE:
                self._subscribers.setdefault(step.node, []).append(index)
        return None

    def _notify(self, subscribers: Iterable[int], step: Step) -> None:
        for index in subscribers:
            self._actors[index].behaviour.notified(step.node, step.time + LATENCY)
            self._schedule(index)

    def _access(self, source: Service, step: Step, data_type: str | None) -> Access:
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
            data_type=data_type or self._floorplan.node(step.node).types[0],
            value=self._exchanged(step),
        )

    def _exchanged(self, step: Step) -> str | None:
        match step.operation:
            case Operation.GET:
                return self._values[step.node]
            case Operation.SET:
                return step.value
        return None
