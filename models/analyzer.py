"""Node-local analysis: scores accesses, learns from those it is given, closes the minutes of event time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from models.access import REGISTER, SET, Access, Operation
from models.anomaly import (
    LOCATION,
    PARTNER,
    PERIOD,
    RATE,
    REGISTRATION,
    SEQUENCE,
    TEXT,
    UNSCORED,
    VALUE,
    assess,
)
from models.arrivals import Arrivals
from models.candidates import Candidate
from models.categorical import room
from models.codec import AnalyzerState, decode, encode
from models.communication_model import CommunicationModel
from models.descriptor import LATE, LONGEST, MINUTE, Descriptor
from models.instance import MAX_FLOWS, Flow, Instance
from models.knowledge import HERE, Knowledge
from models.node import Report
from models.normal_form import DEMANDED, RELATIONSHIP, NormalForm
from models.periodicity import Rhythm
from models.relationship import key_of
from models.replica import Learnt, Replica, Step
from models.score import Score
from models.values import Value, read

MAX_INSTANCES = 2048
"""Instances that are remembered; the one that was silent longest gives way."""
CANDIDATES = (RELATIONSHIP, LOCATION, VALUE, TEXT, PARTNER, SEQUENCE, REGISTRATION)
"""Terms that may turn out to have been wrong about what is new."""
_OWN = frozenset({Operation.UNREGISTER, Operation.GET_STREAM, Operation.SET_STREAM})
"""Operations that the middleware may demand of a service on what is its own."""
_ON_DEMAND = DEMANDED | _OWN
MAX_ALL_FLOWS = 16_384
"""Flows of all instances together; with full windows of gaps about 40 MB."""


class Analyzer:
    """Keeps the communication models of the service types on one node, and what it must remember of their instances.

    Whether an access may teach is decided elsewhere: `learn` takes what it is given. Not thread-safe; used from one
    thread.
    """

    def __init__(
        self,
        *,
        origin: str = "node",
        knowledge: Knowledge | None = None,
        site: str = HERE,
        rhythm: Callable[[], Rhythm] = Rhythm,
    ) -> None:
        """Start without instances.

        Args:
            origin: Names the contributor of what is learnt here.
            knowledge: What this analyzer knows together with others; its own if there is none. Whoever shares
                knowledge also folds the descriptors into it, and reads it.
            site: Where its instances are.
            rhythm: Makes what follows the times of a flow that begins.
        """
        self._origin = origin
        self._site = site
        self._rhythm = rhythm
        self._shares = knowledge is not None
        self.knowledge = knowledge or Knowledge(origin=origin)
        self._newest = 0
        self._minute: int | None = None
        self._resumed = False
        self._instances: OrderedDict[str, Instance] = OrderedDict()
        self._flows = 0
        self._arrivals = Arrivals()
        self._strangers_told = 0
        """How many unregistered instances the node knows of."""
        self._located: tuple[Access, Instance, Flow] | None = None

    @property
    def newest(self) -> int:
        """Newest event time that was seen, in ms since the epoch; 0 for none."""
        return self._newest

    def score(self, access: Access) -> Score:
        """Return how unusual an access is, and count it: rates count everything, whatever becomes of it.

        An access of an unknown source type is neither scored (SoM is 0) nor remembered, so that strangers cannot push
        known instances out. To be scored makes no instance known: its minutes do not count yet.
        """
        service_type = access.source_type
        if service_type is None:
            return UNSCORED
        instance, flow = self._locate(access, service_type)
        time = access.time
        flow.hit(time)
        form = self.knowledge.form(service_type)
        if form is None:
            return UNSCORED
        key = flow.key
        norm = form.norm(key)
        where = room(access.source_location, access.destination_location)
        missing = instance.follow(flow, time, norm.required)
        counters = flow.counters
        score = assess(
            form,
            norm,
            expected=access.operation in _ON_DEMAND and _demanded(access),
            room=where,
            familiar=where is not None and (instance.familiar(flow, where) or form.accepts(LOCATION, key, where)),
            fast=counters.fast,
            slow=counters.slow,
            habit=flow.habit,
            gap=counters.gap,
            untimely=flow.rhythm.judge(time),
            written=_written(access, flow, form) if access.operation is SET else None,
            settled=0 if flow.own or instance.among_its_own(access) else self._settled_without(instance, access, form),
            missing=0.0 if missing and form.accepts(SEQUENCE, key) else missing,
            unregistered=0.0 if instance.known else self._unregistered(access, instance, form),
        )
        if norm.fast is not None and norm.slow is not None:
            if counters.gap < norm.slow.pause:
                counters.limit(norm.fast.limit, norm.slow.limit)
            else:
                counters.limit(norm.fast.calm, norm.slow.calm)
        return score

    def learn(self, access: Access) -> None:
        """Let an access teach: its instance's descriptor of this minute, and the rhythm of its flow.

        Models change when the minute closes (`advance`). An access of an unknown source type teaches nothing.
        """
        service_type = access.source_type
        if service_type is None:
            return
        instance, flow = self._locate(access, service_type)
        if access.operation is REGISTER:
            self._register(instance)
        elif not instance.known and not instance.registered:
            self._arrivals.appear()
        instance.learn(access, flow, room(access.source_location, access.destination_location))

    def refused(self, access: Access, score: Score, threshold: float) -> None:
        """Note an access that was refused: where its AV reached the threshold, it may be what an update looks like.

        To be called before anything else is scored, for all accesses of a refused call, newest first: what was refused
        must not teach by way of what follows, neither a rate nor a sequence. What was too fast or untimely is no
        candidate, whatever else it was.

        Args:
            access: The access.
            score: What `score` said of it.
            threshold: AV from which on accesses are refused.
        """
        service_type = access.source_type
        if service_type is None:
            return
        instance, flow = self._locate(access, service_type)
        instance.refuse(flow)
        terms = score.terms
        if any(score.som * terms.get(name, 0.0) >= threshold for name in (RATE, PERIOD)):
            return
        key = key_of(access)
        for aspect in CANDIDATES:
            if score.som * terms.get(aspect, 0.0) >= threshold:
                candidate = Candidate(service_type, aspect, key, _detail(aspect, access))
                self.knowledge.see(candidate, self._site, access.source, access.time)

    def register(self, address: str, service_type: str, time: int) -> None:
        """Make an instance known: its minutes count, also those in which it does nothing.

        May be repeated. When there is no room, whoever has been heard of stays: a site of more instances than are
        remembered must not push out, minute by minute, what was learnt of those that talk.

        Args:
            address: Service instance address.
            service_type: Its type.
            time: Event time, ms.
        """
        self._note(time)
        present = self._instances.get(address)
        if present is not None and present.service_type == service_type:
            instance = present
        elif present is not None or self._has_room():
            instance = self._instance(address, service_type)
        else:
            return
        self._register(instance)
        instance.known = True

    def advance(self, time: int) -> list[Descriptor]:
        """Let event time pass: close the minutes that are over, and fold their descriptors into the models.

        Args:
            time: Event time, ms.

        Returns:
            One descriptor per known instance (registered, or an access of it was learnt); nothing while the minute
            lasts. If several minutes passed at once, each descriptor stands for all of them, up to a day. The time
            that passed before an analyzer was loaded was not observed and does not count.
        """
        return [descriptor for _, descriptor in self._close(time) or ()]

    def report(self, time: int) -> Report | None:
        """Do the same for a worker of a node; return what the node is to hear, None while the minute lasts."""
        begun = self._minute
        closed = self._close(time)
        return None if closed is None else self.part(closed, begun)

    def part(self, closed: Sequence[tuple[str, Descriptor]] = (), minute: int | None = None) -> Report:
        """Return what is new of this worker's part of its node's state.

        Args:
            closed: The descriptors of a minute that was closed.
            minute: That minute; None in the middle of one.
        """
        strangers = self._arrivals.unregistered - self._strangers_told
        self._strangers_told = self._arrivals.unregistered
        return Report(
            newest=self._newest,
            minute=minute,
            descriptors=list(closed),
            strangers=strangers,
            arrivals=self._arrivals,
            instances=[
                instance.state(address) for address, instance in self._instances.items() if instance.take_changed()
            ],
        )

    def follow(self, step: Step) -> None:
        """Do what the node did whose worker this is."""
        if not isinstance(self.knowledge, Replica):
            raise TypeError("this analyzer is no worker of a node")
        self.knowledge.follow(step)
        if isinstance(step, Learnt):
            untold = self._arrivals.unregistered - self._strangers_told
            self._strangers_told = step.strangers
            self._arrivals.unregistered = step.strangers + untold

    def _close(self, time: int) -> list[tuple[str, Descriptor]] | None:
        self._note(time)
        now = time // MINUTE
        begun = self._minute
        if begun is None or now == begun:
            return None
        if now < begun and not self._resumed:
            if begun - now > LATE:
                self._minute, self._newest = now, time
            return None
        minutes = 1 if self._resumed else min(now - begun, LONGEST)
        self._resumed = False
        self._minute = now
        closed = [
            (address, instance.close(begun, minutes)) for address, instance in self._instances.items() if instance.known
        ]
        if not self._shares:
            self.knowledge.fold([descriptor for _, descriptor in closed])
            self.knowledge.read()
            self.knowledge.deliberate(time)
        return closed

    def models(self) -> Mapping[str, CommunicationModel]:
        """Return the models by service type, as of the last closed minute. They go on changing."""
        return self.knowledge.models

    def dump(self) -> bytes:
        """Return everything that is remembered, the minute under way included."""
        return encode(
            AnalyzerState(
                origin=self._origin,
                newest=self._newest,
                minute=self._minute,
                arrivals=self._arrivals,
                knowledge=self.knowledge.state(),
                instances=[instance.state(address) for address, instance in self._instances.items()],
            )
        )

    @classmethod
    def load(cls, data: bytes, *, replica: bool = False) -> Analyzer:
        """Return the analyzer that was dumped.

        Args:
            data: What `dump` returned, or `models.node.Node.dump`.
            replica: Whether it goes on as a worker of a node, which folds the descriptors (`models.replica`).

        Raises:
            ValueError: the bytes are of something else, of another version, or damaged.
        """
        state = decode(data)
        knowledge = Replica.restored(state.knowledge) if replica else Knowledge.restored(state.knowledge)
        analyzer = cls(origin=state.origin, knowledge=knowledge)
        analyzer._shares = replica
        analyzer._newest = state.newest
        analyzer._minute = state.minute
        analyzer._arrivals = state.arrivals
        analyzer._strangers_told = state.arrivals.unregistered
        analyzer._resumed = True
        for each in state.instances[-MAX_INSTANCES:]:
            instance = analyzer._instances[each.address] = Instance.restored(each)
            analyzer._flows += instance.flows
        while analyzer._flows > MAX_ALL_FLOWS:
            analyzer._drop_flow(None)
        analyzer.knowledge.read()
        return analyzer

    def _note(self, time: int) -> None:
        if time > self._newest:  # noqa: PLR1730 -- faster than max(), once per access
            self._newest = time
        if self._minute is None:
            self._minute = time // MINUTE

    def _locate(self, access: Access, service_type: str) -> tuple[Instance, Flow]:
        located = self._located
        if located is not None and located[0] is access:
            return located[1], located[2]
        self._note(access.time)
        instance = self._instance(access.source, service_type)
        flow = instance.known_flow(access) or self._begin(instance, access)
        # Most accesses are learnt right after they were scored: kept until another is located or an instance changes.
        self._located = access, instance, flow
        return instance, flow

    def _begin(self, instance: Instance, access: Access) -> Flow:
        """Remember another flow, in the place of an old one where there are enough."""
        before = instance.flows
        flow = instance.flow(access, most=MAX_FLOWS if self._flows < MAX_ALL_FLOWS else max(1, before))
        if instance.flows > before:
            self._flows += 1
            if self._flows > MAX_ALL_FLOWS:
                self._drop_flow(instance)
        return flow

    def _settled_without(self, instance: Instance, access: Access, form: NormalForm) -> int:
        """Return with how many partners an instance has settled, if the accessed one is none of them nor new here."""
        circle = instance.circle(access)
        if circle is None or not circle.settled(access.time) or form.accepts(PARTNER, key_of(access)):
            return 0
        partner = self._instances.get(access.destination)
        if partner is not None and circle.awaits(partner.since, access.time):
            return 0
        return len(circle.members)

    def _register(self, instance: Instance) -> None:
        if not instance.known and not instance.registered:
            self._arrivals.register(instance.service_type)
        instance.registered = True

    def _unregistered(self, access: Access, instance: Instance, form: NormalForm) -> float:
        """Return how unusual it is that an instance of which nothing was accepted yet acts unregistered."""
        if instance.registered or _demanded(access) or form.accepts(REGISTRATION, key_of(access)):
            return 0.0
        if not form.registers and not self._arrivals.registers(instance.service_type):
            return 0.0  # such services never do
        return self._arrivals.novelty

    def _has_room(self) -> bool:
        """Whether a registration finds a place: a free one, or that of the most silent if it was never known."""
        if len(self._instances) < MAX_INSTANCES:
            return True
        return not next(iter(self._instances.values())).known

    def _instance(self, address: str, service_type: str) -> Instance:
        instance = self._instances.get(address)
        if instance is not None and instance.service_type == service_type:
            self._instances.move_to_end(address)
            return instance
        if instance is not None:
            self._flows -= instance.flows
        elif len(self._instances) >= MAX_INSTANCES:
            _, silent = self._instances.popitem(last=False)
            self._flows -= silent.flows
            if silent.known:
                self._arrivals.forget()
        self._located = None
        before = instance
        instance = self._instances[address] = Instance(service_type, self._newest, self._rhythm)
        instance.registered = before is not None and (before.registered or before.known)
        self._instances.move_to_end(address)
        return instance

    def _drop_flow(self, spared: Instance | None) -> None:
        """Forget a flow of the instance that was silent longest, to make room for the first one of another."""
        for instance in self._instances.values():
            if instance.flows and instance is not spared:
                instance.drop_flow()
                self._flows -= 1
                return


def _written(access: Access, flow: Flow, form: NormalForm) -> Value | None:
    """Return what an access writes; None if it was written there before, or was decided to be expected."""
    value = flow.changed(access)
    if value is None:
        return None
    detail = str(value.category)
    return None if form.accepts(VALUE, flow.key, detail) or form.accepts(TEXT, flow.key, detail) else value


def _detail(aspect: str, access: Access) -> str:
    """Return what of a joint relationship a candidate concerns: the kind of room, or the category of the value."""
    if aspect == LOCATION:
        return room(access.source_location, access.destination_location) or ""
    return str(read(access.value).category) if aspect in (VALUE, TEXT) and access.value is not None else ""


def _demanded(access: Access) -> bool:
    """Tell whether the middleware itself demands an access of every service.

    Each service registers as what it is, unregisters when it ends, and opens its callback channel anew whenever that is
    lost. A gateway that came later has seen none of it, and one that refused a reconnection would turn a blip of the
    network into an outage. A stream of a node of its own it opens because the access point asks for it.
    """
    if access.operation is Operation.CONNECT:
        return True
    if access.operation in _OWN:
        return access.own
    return access.operation is REGISTER and access.own and access.destination_type == access.source_type
