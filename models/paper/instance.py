"""What the paper's analyzer remembers of one service instance. It stays on the node."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from models.access import Access
from models.categorical import room
from models.clustering_feature import ClusteringFeature
from models.paper.communication_model import Descriptor
from models.paper.flow import Flow, FlowState
from models.paper.relationship import Relationship, add_to, at_minute, shown_once
from models.periodicity import bin_of

MAX_FLOWS = 128
"""Flows of one instance. A new one takes the place of the one that was silent longest."""
MAX_PARTNER_TYPES = 64
"""Partner types in the descriptor of one minute."""
MAX_PARTNERS = 256
"""Partner instances that are told apart within one minute."""
MAX_CATEGORIES = 16
"""Categories of one feature of a relationship in one minute."""


class Open(msgspec.Struct):
    """What an instance did towards one type of partner in the minute under way."""

    partners: set[str] = msgspec.field(default_factory=set)
    rooms: set[str] = msgspec.field(default_factory=set)
    operations: set[str] = msgspec.field(default_factory=set)
    data_types: set[str] = msgspec.field(default_factory=set)
    periods: dict[tuple[str, str], list[ClusteringFeature]] = msgspec.field(default_factory=dict)
    """Clusters of gaps at the last access that taught, by partner instance and operation."""

    def close(self, minute: int) -> Relationship:
        """Return the row of the descriptor; `minute` since the epoch."""
        relationship = Relationship(weight=1)
        count = len(self.partners)
        relationship.partners[count] = at_minute(ClusteringFeature(1, count, count * count), minute)
        for sums, shown in (
            (relationship.rooms, self.rooms),
            (relationship.operations, self.operations),
            (relationship.data_types, self.data_types),
        ):
            if shown:
                sums.update(shown_once(tuple(sorted(shown)), minute))
        for (_, operation), clusters in self.periods.items():
            for cluster in clusters:
                key = (operation, bin_of(round(cluster.mean)))
                add_to(relationship.periods, key, at_minute(cluster, minute))
        return relationship


class InstanceState(msgspec.Struct, frozen=True, array_like=True):
    """An instance in storage."""

    address: str
    service_type: str
    flows: list[FlowState]
    open: dict[str, Open]
    known: bool


class Instance:
    """One service instance: its flows, and its descriptor of the minute that is under way."""

    __slots__ = ("_flows", "_open", "known", "service_type")

    def __init__(self, service_type: str) -> None:
        self.service_type = service_type
        self.known = False
        """Its minutes count: it is registered, or one of its accesses was learnt. To be refused makes nobody known."""
        self._flows: OrderedDict[tuple[str, str], Flow] = OrderedDict()
        self._open: dict[str, Open] = {}

    @property
    def flows(self) -> int:
        """Number of flows that are remembered."""
        return len(self._flows)

    def flow(self, access: Access, *, most: int) -> Flow:
        """Return the flow of an access; beyond `most` flows it takes the place of the one that was silent longest."""
        name = (access.destination, access.operation.value)
        flow = self._flows.get(name)
        if flow is None:
            if len(self._flows) >= most:
                self._flows.popitem(last=False)
            flow = self._flows[name] = Flow()
        else:
            self._flows.move_to_end(name)
        return flow

    def drop_flow(self) -> None:
        """Forget the flow that was silent longest."""
        self._flows.popitem(last=False)

    def partners_with(self, access: Access) -> int:
        """Return how many instances of the partner's type were addressed this minute, this access included."""
        present = self._open.get(access.destination_type or "")
        if present is None:
            return 1
        return len(present.partners) + (access.destination not in present.partners)

    def learn(self, access: Access, flow: Flow) -> None:
        """Let an access teach: into the descriptor of this minute."""
        self.known = True
        partner = access.destination_type or ""
        present = self._open.get(partner)
        if present is None:
            if len(self._open) >= MAX_PARTNER_TYPES:
                return
            present = self._open[partner] = Open()
        clusters = flow.taught(access.time)
        if clusters:
            present.periods[access.destination, access.operation.value] = list(clusters)
        if len(present.partners) < MAX_PARTNERS:
            present.partners.add(access.destination)
        where = room(access.source_location, access.destination_location)
        if where is not None:
            present.rooms.add(where)
        present.operations.add(access.operation.value)
        if access.data_type is not None and len(present.data_types) < MAX_CATEGORIES:
            present.data_types.add(access.data_type)

    def close(self, minute: int) -> Descriptor:
        """Return the descriptor of the minute, and begin another."""
        rows = {partner: row.close(minute) for partner, row in self._open.items()}
        self._open = {}
        return Descriptor(service_type=self.service_type, relationships=rows)

    def state(self, address: str) -> InstanceState:
        """Return what is to be stored."""
        flows = [flow.state(partner, operation) for (partner, operation), flow in self._flows.items()]
        return InstanceState(address, self.service_type, flows, self._open, self.known)

    @classmethod
    def restored(cls, state: InstanceState) -> Instance:
        """Return the instance that was stored."""
        instance = cls(state.service_type)
        instance.known = state.known
        for each in state.flows:
            instance._flows[each.partner, each.operation] = Flow(each)
        instance._open = state.open
        return instance
