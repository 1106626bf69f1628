"""What an analyzer remembers of one service instance. It stays on the node."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from models.access import SET, Access
from models.categorical import OTHER_ROOM, SAME_ROOM
from models.clustering_feature import ClusteringFeature
from models.descriptor import MINUTE, Descriptor
from models.flood import ALIKE, UNIT, CountersState, Habit, HabitState, LeakyCounters
from models.partners import MAX_CIRCLES, Circle
from models.periodicity import Rhythm, RhythmState, bin_of
from models.relationship import Key, Relationship, key_of
from models.sequence import Required, category, mark_of
from models.values import Value, fell, read

MAX_FLOWS = 128
"""Flows of one instance. A new one takes the place, and the counters, of the one that was silent longest."""
MAX_FAMILIAR = 256
"""Joint relationships of one instance whose rooms are remembered."""
MAX_OPEN = 256
"""Joint relationships in the descriptor of one minute."""
MAX_PARTNERS = 256
"""Partner instances that are told apart within one minute."""
READINGS = 8
"""Accesses of one flow that may wait for their answers and still teach their rate."""

_ROOM_BITS = {SAME_ROOM: 1, OTHER_ROOM: 2}


type Reading = tuple[int, float, float]
"""What the counters of a flow read at one access: its time, the fast and the slow one."""


class FlowState(msgspec.Struct, frozen=True, array_like=True):
    """A flow in storage."""

    node: str
    operation: str
    key: Key
    counters: CountersState
    readings: list[Reading]
    rhythm: RhythmState
    habit: HabitState
    accepted: CountersState | None = None


class Flow:
    """Accesses of one instance to one node with one operation."""

    __slots__ = (
        "_text",
        "_value",
        "accepted",
        "before",
        "counters",
        "data_type",
        "habit",
        "key",
        "mark",
        "own",
        "partner",
        "preceding",
        "readings",
        "rhythm",
        "rooms",
        "value",
    )

    def __init__(
        self,
        key: Key,
        counters: LeakyCounters,
        readings: list[Reading] | None = None,
        rhythm: Rhythm | None = None,
        habit: Habit | None = None,
    ) -> None:
        self.relate(key)
        self.before: int | None = None
        """What the newest access followed (`sequence.category`), until it teaches."""
        self.preceding: int | None = None
        """Mark of what the instance did before the newest access, whenever that was."""
        self.counters = counters
        self.accepted: LeakyCounters | None = None
        """What was accepted, apart; None while that is all that is counted."""
        self.value: Value | None = None
        """What was last written and accepted. It is not stored: the next value after a start is no change."""
        self._text: str | None = None
        self._value: Value | None = None
        self.readings = readings or []
        self.rhythm = rhythm or Rhythm()
        self.habit = habit or Habit()

    def state(self, node: str, operation: str) -> FlowState:
        """Return what is to be stored."""
        return FlowState(
            node=node,
            operation=operation,
            key=self.key,
            counters=self.counters.state,
            readings=self.readings,
            rhythm=self.rhythm.state,
            habit=self.habit.state,
            accepted=None if self.accepted is None else self.accepted.state,
        )

    @classmethod
    def restored(cls, state: FlowState) -> Flow:
        """Return the flow that was stored."""
        counters, habit = LeakyCounters(*state.counters), Habit(*state.habit)
        flow = cls(state.key, counters, state.readings, Rhythm(state.rhythm), habit)
        flow.accepted = None if state.accepted is None else LeakyCounters(*state.accepted)
        return flow

    def relate(self, key: Key) -> None:
        """Be of this joint relationship from now on."""
        self.key = key
        # The parts of a tuple take longer to read by their names, and these are read at every access.
        self.partner, self.own, _, self.data_type = key
        self.mark = mark_of(key)
        self.rooms = 0
        """Kinds of rooms in which its relationship was seen, as far as this flow was asked: bits of `_ROOM_BITS`."""

    def hit(self, time: int) -> None:
        """Count an access, and keep the reading until the access may teach."""
        counters = self.counters
        counters.hit(time)
        readings = self.readings
        if len(readings) >= READINGS:
            del readings[0]
        fast, slow = counters.fast, counters.slow
        if self.accepted is not None:
            accepted_fast, accepted_slow = self.accepted.reading(time)
            if abs(fast - accepted_fast) < ALIKE and abs(slow - accepted_slow) < ALIKE:
                self.accepted = None  # what was refused is forgotten
            fast, slow = accepted_fast, accepted_slow
        readings.append((time, fast, slow))

    def refuse(self) -> None:
        """Note that the newest access was refused: from now on what is accepted is counted apart.

        Else the reading of the accepted access that follows a refused burst would teach the burst.
        """
        if self.accepted is None:
            self.accepted = self.counters.without_newest()

    def accept(self, time: int) -> Reading | None:
        """Note that the access of that time may teach; return what it teaches of the rate (`take_reading`)."""
        if self.accepted is not None:
            self.accepted.hit(time)
        return self.take_reading(time)

    def written(self, access: Access) -> Value | None:
        """Return what an access writes; None for anything but a write: the reader did not choose what it reads."""
        text = access.value
        if text is None or access.operation is not SET:
            return None
        if text != self._text:
            self._text, self._value = text, read(text)
        return self._value

    def changed(self, access: Access) -> Value | None:
        """Return what an access writes, if that is not what was last accepted there."""
        written = self.written(access)
        return None if written == self.value else written

    def write(self, access: Access, relationship: Relationship) -> None:
        """Let what an access writes teach, if it is a change."""
        written = self.changed(access)
        if written is None:
            return
        if self.value is not None:
            relationship.written[written.category] = relationship.written.get(written.category, 0) + 1
            relationship.falls += fell(self.value, written)
        self.value = written

    def take_reading(self, time: int) -> Reading | None:
        """Return what the counters read at the access of that time, once; None if too many others came since.

        An access teaches only after its answer. What the counters read by then may include a flood that came between.
        """
        readings = self.readings
        for reading in readings:
            if reading[0] == time:
                readings.remove(reading)
                return reading
        return None


class InstanceState(msgspec.Struct, frozen=True, array_like=True):
    """An instance in storage."""

    address: str
    service_type: str
    flows: list[FlowState]
    familiar: dict[Key, int]
    open: dict[Key, Relationship]
    partners: dict[str, list[str]]
    known: bool = True
    since: int = 0
    circles: dict[str, Circle] = {}
    registered: bool = False


class Instance:
    """One service instance: its flows, where it was seen, and its descriptor of the minute that is under way."""

    __slots__ = (
        "_begun",
        "_changed",
        "_circles",
        "_familiar",
        "_flows",
        "_newest",
        "_open",
        "_partners",
        "_rhythm",
        "_times",
        "known",
        "registered",
        "service_type",
        "since",
    )

    def __init__(self, service_type: str, since: int = 0, rhythm: Callable[[], Rhythm] = Rhythm) -> None:
        self.service_type = service_type
        self._rhythm = rhythm
        self.since = since
        """Event time (ms) at which it was first heard of."""
        self._circles: dict[str, Circle] = {}
        self._changed = True
        self._newest: int | None = None
        self._begun = 0
        self._times: dict[int, int] = {}
        self.known = False
        """Its minutes count: it is registered, or one of its accesses was learnt. To be refused makes nobody known."""
        self.registered = False
        """It registered here, or the access point named it."""
        self._flows: OrderedDict[tuple[str, str], Flow] = OrderedDict()
        self._familiar: dict[Key, int] = {}
        self._open: dict[Key, Relationship] = {}
        self._partners: dict[str, set[str]] = {}

    @property
    def flows(self) -> int:
        """Number of flows that are remembered."""
        return len(self._flows)

    def flow(self, access: Access, *, most: int) -> Flow:
        """Return the flow of an access; beyond `most` flows it replaces the one that was silent longest.

        The replaced flow's counters go on in the new one: else an instance could hide a flood by spreading it over more
        nodes than are remembered.
        """
        found = self.known_flow(access)
        if found is not None:
            return found
        if len(self._flows) >= most:
            _, silent = self._flows.popitem(last=False)
            counters, accepted = silent.counters, silent.accepted
        else:
            counters, accepted = LeakyCounters(access.time), None
        flow = self._flows[access.node, access.operation] = Flow(key_of(access), counters, rhythm=self._rhythm())
        flow.accepted = accepted
        return flow

    def known_flow(self, access: Access) -> Flow | None:
        """Return the flow of an access, if it is remembered."""
        name = (access.node, access.operation)
        flow = self._flows.get(name)
        if flow is None:
            return None
        self._flows.move_to_end(name)
        if flow.data_type != (access.data_type or "") or flow.partner != (access.destination_type or ""):
            flow.relate(key_of(access))  # a write may claim another data type, a registry may learn a type
        return flow

    def drop_flow(self) -> None:
        """Forget the flow that was silent longest."""
        self._flows.popitem(last=False)

    def familiar(self, flow: Flow, room: str) -> bool:
        """Whether this instance was seen in the relationship of a flow with a partner in that kind of room."""
        bit = _ROOM_BITS[room]
        if not flow.rooms & bit:
            flow.rooms = self._familiar.get(flow.key, 0)
        return bool(flow.rooms & bit)

    def follow(self, flow: Flow, time: int, required: Required | None) -> float:
        """Note that an access happens, whatever becomes of it; return the term of a required one that is missing.

        Args:
            flow: The flow of the access.
            time: Its event time, ms.
            required: What its relationship requires (`sequence.required`).
        """
        before, times = self._newest, self._times
        self._changed = True
        flow.preceding = before
        if before is None:
            self._begun = time
        flow.before = category(flow.mark, before, 0 if before is None else time - times[before])
        missing = 0.0
        if required is not None:
            # What came before the first access that was seen, nobody knows.
            last = times.get(required.mark, self._begun)
            if time - last > required.within:
                missing = required.novelty
        self._newest = flow.mark
        times[flow.mark] = time
        return missing

    def refuse(self, flow: Flow) -> None:
        """Note that the newest access was refused: what follows teaches as if it had not been there."""
        flow.refuse()
        self._newest = flow.preceding

    def circle(self, access: Access) -> Circle | None:
        """Return the partners that this instance has of the accessed one's type."""
        return self._circles.get(access.destination_type or "")

    def among_its_own(self, access: Access) -> bool:
        """Whether this instance worked with the accessed one before."""
        circle = self._circles.get(access.destination_type or "")
        return circle is not None and access.destination in circle.members

    def learn(self, access: Access, flow: Flow, room: str | None) -> None:
        """Let an access teach: into the descriptor of this minute, and into the flow's rhythm."""
        self.known = True
        time = access.time
        minute = time // MINUTE
        reading = flow.accept(time)
        gap = flow.rhythm.accept(time)
        key = flow.key
        relationship = self._open.get(key)
        if relationship is None:
            if len(self._open) >= MAX_OPEN:
                return
            relationship = self._open[key] = Relationship(weight=1)
        if reading is not None:
            _, fast, slow = reading
            relationship.fast.observe(round(fast * UNIT), minute)
            relationship.slow.observe(round(slow * UNIT), minute)
            flow.habit.observe(slow)
        if gap is not None:
            index = bin_of(gap)
            gaps = relationship.gaps.get(index)
            if gaps is None:
                gaps = relationship.gaps[index] = ClusteringFeature()
            gaps.observe(gap, minute)
        if access.operation is SET:
            flow.write(access, relationship)
        if room is not None and not self.familiar(flow, room):
            self._place(key, relationship, room)
        before = flow.before
        if before is not None:
            relationship.follow(before)
            flow.before = None
        if not flow.own:
            self._meet(access, flow.partner, relationship)
            self._count(access.destination, flow.partner)

    def _count(self, address: str, partner: str) -> None:
        """Count an instance among the partners of this minute."""
        found = self._partners.get(partner)
        if found is not None and address in found:
            return
        if sum(map(len, self._partners.values())) < MAX_PARTNERS:
            self._partners.setdefault(partner, set()).add(address)

    def _meet(self, access: Access, partner: str, relationship: Relationship) -> None:
        """Let an instance be a partner; count it where it is a newcomer to one that had settled."""
        circle = self._circles.get(partner)
        if circle is None:
            if len(self._circles) >= MAX_CIRCLES:
                return
            circle = self._circles[partner] = Circle(access.time)
        if circle.meet(access.destination, access.time):
            relationship.newcomers += 1

    def _place(self, key: Key, relationship: Relationship, room: str) -> None:
        seen = self._familiar.get(key, 0)
        if not seen:
            if len(self._familiar) >= MAX_FAMILIAR:
                return
            relationship.instances += 1
        relationship.rooms.observe(room)
        self._familiar[key] = seen | _ROOM_BITS[room]

    def take_changed(self) -> bool:
        """Whether it did anything since this was last asked: the rest of it is as it was."""
        changed, self._changed = self._changed, False
        return changed

    def close(self, minute: int, minutes: int) -> Descriptor:
        """Return the descriptor of the minutes that passed, and begin another."""
        descriptor = Descriptor(
            service_type=self.service_type,
            minute=minute,
            minutes=minutes,
            relationships=self._open,
            partners={partner: len(found) for partner, found in self._partners.items()},
        )
        self._open = {}
        self._partners = {}
        return descriptor

    def state(self, address: str) -> InstanceState:
        """Return what is to be stored."""
        return InstanceState(
            address,
            self.service_type,
            [flow.state(node, operation) for (node, operation), flow in self._flows.items()],
            self._familiar,
            self._open,
            {partner: sorted(found) for partner, found in self._partners.items()},
            self.known,
            self.since,
            self._circles,
            self.registered,
        )

    @classmethod
    def restored(cls, state: InstanceState) -> Instance:
        """Return the instance that was stored."""
        instance = cls(state.service_type, state.since)
        instance.known = state.known
        instance.registered = state.registered
        for each in state.flows:
            instance._flows[each.node, each.operation] = Flow.restored(each)
        instance._familiar = state.familiar
        instance._circles = dict(state.circles)
        instance._open = state.open
        instance._partners = {partner: set(found) for partner, found in state.partners.items()}
        return instance
