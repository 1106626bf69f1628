"""What a node knows while its workers do the scoring: one knowledge for all of them, and their instances.

Every sender has one worker, so an instance does something in one of them; the others have heard of it from the access
point and report it as idle. A minute is folded once all workers have reported it, each instance counted once: one node
with four workers learns what one with a single worker does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from models.arrivals import Arrivals
from models.codec import AnalyzerState, decode, encode
from models.descriptor import Descriptor
from models.framing import Frame
from models.instance import InstanceState
from models.knowledge import HERE, Knowledge
from models.replica import Decided, Learnt, Sighting

MAX_INSTANCES = 8192
"""Instances that are remembered for workers to begin with; the one that was silent longest gives way."""
PATIENCE = 5.0
"""Seconds of real time that the reports of a minute wait for a worker that is late."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker closed a minute with."""

    newest: int
    """Newest event time that it saw, ms."""
    descriptors: list[tuple[str, Descriptor]]
    """Of each known instance, by its address: they do not leave the node."""
    arrivals: Arrivals
    instances: list[InstanceState]
    """All that it remembers; the one that was silent longest first."""


REPORT = Frame(Report, magic=b"alleyes report\n", version=1, foreign="this is no report of a worker")


class Node:
    """The knowledge of a node. Pure; real time is given in with each call."""

    def __init__(self, data: bytes | None = None) -> None:
        """Begin with what was stored, or with nothing.

        Raises:
            ValueError: the bytes cannot be read.
        """
        state = decode(data) if data is not None else None
        self.knowledge = Knowledge() if state is None else Knowledge.restored(state.knowledge)
        self._arrivals = Arrivals() if state is None else state.arrivals
        self._minute = None if state is None else state.minute
        self.newest = 0 if state is None else state.newest
        """Newest event time that was seen, ms; 0 for none."""
        self._instances: OrderedDict[str, InstanceState] = OrderedDict()
        for each in () if state is None else state.instances:
            self._instances[each.address] = each
        self._owners: dict[str, int] = {}
        self._waiting: dict[int, list[Report]] = {}
        self._left: list[Report] = []
        """Of workers that ended since; they count with the minute that is closed next."""
        self._since: float | None = None
        self.knowledge.read()

    def join(self, worker: int) -> None:
        """Wait for the reports of a worker from now on."""
        self._waiting.setdefault(worker, [])

    def leave(self, worker: int) -> None:
        """Wait for a worker no longer; what it reported counts all the same."""
        self._left += self._waiting.pop(worker, [])

    def report(self, worker: int, report: Report, now: float) -> list[Learnt]:
        """Take a worker's report; return what the node learnt, if others no longer have to be waited for.

        Args:
            worker: Whose report it is.
            report: Of a minute.
            now: Real time, s, on any clock that only goes forward.
        """
        self._waiting.setdefault(worker, []).append(report)
        self.newest = max(self.newest, report.newest)
        self._remember(worker, report)
        if self._since is None:
            self._since = now
        return self.due(now)

    def due(self, now: float) -> list[Learnt]:
        """Return what was learnt of minutes that all workers have reported, or that waited long enough."""
        learnt = []
        while self._waiting and all(self._waiting.values()):
            learnt.append(self._close([reports.pop(0) for reports in self._waiting.values()]))
        if any(self._waiting.values()) and self._since is not None and now - self._since >= PATIENCE:
            learnt.append(self._close([reports.pop(0) for reports in self._waiting.values() if reports]))
        if learnt:
            self._since = now if any(self._waiting.values()) else None
        return learnt

    def finish(self) -> None:
        """Fold all that was reported; nobody is waited for any longer."""
        for worker in list(self._waiting):
            self.leave(worker)
        if self._left:
            self._close([])

    def see(self, sightings: Iterable[Sighting]) -> Decided | None:
        """Take what workers sighted; return what is accepted for it."""
        for each in sightings:
            self.newest = max(self.newest, each.time)
            self.knowledge.see(each.candidate, HERE, each.instance, each.time)
        accepted = self.knowledge.deliberate(self.newest)
        return Decided(accepted, self.newest) if accepted else None

    def dump(self) -> bytes:
        """Return all of it, as one analyzer would (`Analyzer.dump`): what is stored, and what a worker begins with."""
        return encode(
            AnalyzerState(
                origin=self.knowledge.origin,
                newest=self.newest,
                minute=self._minute,
                arrivals=self._arrivals,
                knowledge=self.knowledge.state(),
                instances=list(self._instances.values()),
            )
        )

    def _close(self, reports: list[Report]) -> Learnt:
        reports += self._left
        self._left = []
        by_address: dict[str, Descriptor] = {}
        for report in reports:
            for address, descriptor in report.descriptors:
                present = by_address.get(address)
                by_address[address] = descriptor if present is None else together(present, descriptor)
        descriptors = list(by_address.values())
        for descriptor in descriptors:
            self._minute = max(self._minute or 0, descriptor.minute + descriptor.minutes)
        self.knowledge.fold(descriptors)
        self.knowledge.read()
        return Learnt(descriptors, self.knowledge.deliberate(self.newest), self.newest)

    def _remember(self, worker: int, report: Report) -> None:
        """Keep each instance as the worker has it in which it did something last."""
        for address, descriptor in report.descriptors:
            if descriptor.relationships:
                self._owners[address] = worker
        active = {address for address, descriptor in report.descriptors if descriptor.relationships}
        for state in report.instances:
            if self._owners.get(state.address, worker) != worker:
                continue
            self._instances[state.address] = state
            if state.address in active:
                self._instances.move_to_end(state.address)
        while len(self._instances) > MAX_INSTANCES:
            gone, _ = self._instances.popitem(last=False)
            self._owners.pop(gone, None)
        self._arrivals = _most(self._arrivals, report.arrivals)


def together(one: Descriptor, other: Descriptor) -> Descriptor:
    """Return one descriptor of an instance that two workers report for the same minutes.

    Where it did something in one of them, the other's is idle. Where it did in both, as a service that uses IPv4 and
    IPv6, it is one instance-minute all the same.
    """
    if not other.relationships:
        return one
    if not one.relationships:
        return other
    relationships = dict(one.relationships)
    for key, found in other.relationships.items():
        mine = relationships.get(key)
        if mine is None:
            relationships[key] = found
            continue
        weight = max(mine.weight, found.weight)
        mine.absorb(found)
        mine.weight = weight
    partners = {
        name: max(one.partners.get(name, 0), other.partners.get(name, 0))
        for name in one.partners.keys() | other.partners.keys()
    }
    return msgspec.structs.replace(one, relationships=relationships, partners=partners)


def _most(one: Arrivals, other: Arrivals) -> Arrivals:
    """Return the counts of a node: its workers hear of every registration, each of the strangers of its own senders."""
    return Arrivals(
        registered=max(one.registered, other.registered),
        unregistered=max(one.unregistered, other.unregistered),
        types=one.types | other.types,
    )
