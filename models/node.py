"""What a node knows while its workers do the scoring: one knowledge for all of them, and their instances.

Every sender has one worker, so an instance does something in one of them; the others have heard of it from the access
point and report it as idle. A minute is folded once all workers have reported it, each instance counted once: one node
with four workers learns what one with a single worker does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from models.arrivals import Arrivals
from models.candidates import WINDOW, Candidate
from models.codec import AnalyzerState, decode, encode
from models.communication_model import CommunicationModel
from models.descriptor import Descriptor
from models.exchange.shared import Others
from models.exchange.showings import Acceptance, Showings
from models.framing import Frame
from models.instance import InstanceState
from models.knowledge import HERE, Knowledge
from models.replica import Adopted, Decided, Learnt, Sighting

MAX_INSTANCES = 8192
"""Instances that are remembered for workers to begin with; the one that was silent longest gives way."""
PATIENCE = 5.0
"""Seconds of real time that the reports of a minute wait for a worker that is late."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker closed a minute with, or ends with."""

    newest: int
    """Newest event time that it saw, ms."""
    minute: int | None
    """The minute that was closed, since the epoch; None for what is told at the end, in the middle of one."""
    descriptors: list[tuple[str, Descriptor]]
    """Of each known instance, by its address: they do not leave the node."""
    strangers: int
    """Instances of which something was accepted though they had not registered, since the last report."""
    arrivals: Arrivals
    instances: list[InstanceState]
    """Those that did something since the last report; the one that was silent longest first."""


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
        self.learnt: int | None = None
        """Newest event time, ms, as of the last minute that was folded; None for none yet."""
        self.federated = False
        """Whether there are others to ask about candidates."""
        self._heard = False
        self._word: int | None = None
        """Event time, ms, of their last word; before any, of the first report."""
        self._instances: OrderedDict[str, InstanceState] = OrderedDict()
        for each in () if state is None else state.instances:
            self._instances[each.address] = each
        self._owners: dict[str, int] = {}
        """Worker in which an instance did something last, by address."""
        self._workers: dict[int, int] = {}
        """Newest minute that each worker has reported."""
        self._waiting: dict[int, dict[int, Report]] = {}
        """Reports by minute, then by worker."""
        self._since: float | None = None
        self._closed = -1
        """Newest minute that was folded."""
        self.knowledge.read()

    def join(self, worker: int) -> None:
        """Wait for the reports of a worker from now on."""
        self._workers.setdefault(worker, self._closed)

    def leave(self, worker: int) -> None:
        """Wait for a worker no longer; what it reported counts all the same."""
        self._workers.pop(worker, None)

    def report(self, worker: int, report: Report, now: float) -> list[Learnt]:
        """Take a worker's report; return what the node learnt, if others no longer have to be waited for.

        Args:
            worker: Whose report it is.
            report: Of a minute.
            now: Real time, s, on any clock that only goes forward.
        """
        self._pass(report.newest)
        self._remember(worker, report)
        minute = report.minute
        if minute is None:
            return []
        self._workers[worker] = max(self._workers.get(worker, -1), minute)
        self._waiting.setdefault(minute, {})[worker] = report
        if self._since is None:
            self._since = now
        return self.due(now)

    def due(self, now: float) -> list[Learnt]:
        """Return what was learnt of minutes that all workers have reported, or that waited long enough."""
        learnt = []
        while self._waiting:
            minute = min(self._waiting)
            late = [worker for worker, newest in self._workers.items() if newest < minute]
            if late and minute > self._closed and self._since is not None and now - self._since < PATIENCE:
                break
            learnt.append(self._close(minute, late))
            self._since = now if self._waiting else None
        return learnt

    def see(self, sightings: Iterable[Sighting]) -> Decided | None:
        """Take what workers sighted; return what is accepted for it."""
        for each in sightings:
            self._pass(each.time)
            self.knowledge.see(each.candidate, HERE, each.instance, each.time)
        accepted = self.knowledge.deliberate(self.newest, left=self._left_to_others)
        return Decided(accepted, self.newest) if accepted else None

    def adopt(self, service_type: str, others: Others | None) -> Adopted:
        """Take over what others know of a type, in place of what they told before; None forgets that.

        What is told to others (`contributions`) does not change. The step has what there was room for.

        Raises:
            ValueError: a model is of another service type; nothing was changed.
        """
        return Adopted(service_type, self.knowledge.adopt(service_type, others))

    def hear(self) -> None:
        """Note that others were heard: with any answer of theirs, also one that nothing is new."""
        self._heard = True
        if self._word is not None:
            self._word = self.newest

    def accept(self, acceptances: Iterable[Acceptance]) -> Decided | None:
        """Take what others accepted; return what that changes. What a human answered here before stays.

        What was accepted here is theirs from now on: what they take back does not hold here either.
        """
        self.hear()
        accepted: list[Candidate] = []
        for candidate in dict.fromkeys(each.candidate for each in acceptances):
            given = self.knowledge.answers.get(candidate)
            if given is None or not (given.human or given.told):
                self.knowledge.answer(candidate, allowed=True, now=self.newest, human=False, told=True)
                accepted.append(candidate)
        return Decided(accepted, self.newest, told=True) if accepted else None

    def withdraw(self, candidates: Iterable[Candidate]) -> Decided | None:
        """Expect no more what others accepted and took back; return what that changes."""
        self.hear()
        withdrawn = [candidate for candidate in dict.fromkeys(candidates) if self.knowledge.withdraw(candidate)]
        return Decided([], self.newest, withdrawn=withdrawn) if withdrawn else None

    def contributions(self) -> Iterator[CommunicationModel]:
        """Yield what was learnt here, for others: one cumulative model for each type. To be read at once."""
        return self.knowledge.contributions()

    def showings(self) -> Showings:
        """Return what others may know of the candidates here."""
        return self.knowledge.showings()

    def finish(self) -> None:
        """Fold all that was reported; nobody is waited for any longer."""
        self._workers.clear()
        self.due(0.0)

    def dump(self, worker: int | None = None) -> bytes:
        """Return all of it, as one analyzer would (`Analyzer.dump`).

        Args:
            worker: For this worker to begin with: without the instances that another one has. None: to be stored.
        """
        instances = [
            state
            for address, state in self._instances.items()
            if worker is None or self._owners.get(address, worker) == worker
        ]
        return encode(
            AnalyzerState(
                origin=self.knowledge.origin,
                newest=self.newest,
                minute=self._minute,
                arrivals=self._arrivals,
                knowledge=self.knowledge.state(),
                instances=instances,
            )
        )

    def _close(self, minute: int, late: Iterable[int]) -> Learnt:
        """Fold the reports of a minute. Whose worker is late is not idle: what it did comes with its report."""
        absent = frozenset(late)
        again = minute <= self._closed
        by_address: dict[str, Descriptor] = {}
        for report in self._waiting.pop(minute).values():
            for address, descriptor in report.descriptors:
                if not descriptor.relationships and self._left_out(address, absent, again=again):
                    continue
                present = by_address.get(address)
                by_address[address] = descriptor if present is None else together(present, descriptor)
        descriptors = list(by_address.values())
        for descriptor in descriptors:
            self._minute = max(self._minute or 0, descriptor.minute + descriptor.minutes)
        self._closed = max(self._closed, minute)
        self.knowledge.fold(descriptors)
        self.knowledge.read()
        self.learnt = self.newest
        accepted = self.knowledge.deliberate(self.newest, left=self._left_to_others)
        return Learnt(descriptors, accepted, self.newest, self._arrivals.unregistered)

    def _pass(self, time: int) -> None:
        self.newest = max(self.newest, time)
        if self._word is None:
            self._word = self.newest

    def _left_to_others(self, service_type: str) -> bool:
        """Tell whether others decide about the candidates of a type: where it lives elsewhere, while they are heard.

        Who has just begun does not know yet where else a type lives, and waits as long for the first word.
        """
        if not self.federated or self._word is None or self.newest - self._word > WINDOW:
            return False
        if not self._heard:
            return True
        known = self.knowledge.types.get(service_type)
        return known is not None and known.others is not None

    def _left_out(self, address: str, absent: frozenset[int], *, again: bool) -> bool:
        """Tell whether an idle minute of an instance does not count: its own worker's report does, or did already."""
        return again or self._owners.get(address) in absent

    def _remember(self, worker: int, report: Report) -> None:
        """Keep each instance as the worker has it in which it did something last."""
        active = {address for address, descriptor in report.descriptors if descriptor.relationships}
        self._owners |= dict.fromkeys(active, worker)
        for state in report.instances:
            if self._owners.get(state.address, worker) != worker:
                continue
            self._instances[state.address] = state
            self._instances.move_to_end(state.address)
        while len(self._instances) > MAX_INSTANCES:
            gone, _ = self._instances.popitem(last=False)
            self._owners.pop(gone, None)
        # All workers hear of every registration, each of the strangers among its own senders.
        self._arrivals = Arrivals(
            registered=max(self._arrivals.registered, report.arrivals.registered),
            unregistered=self._arrivals.unregistered + report.strangers,
            types=self._arrivals.types | report.arrivals.types,
        )


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
    return msgspec.structs.replace(one, relationships=relationships, partners=_most(one.partners, other.partners))


def _most(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in one.keys() | other.keys()}
