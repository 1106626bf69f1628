"""What the authors' rule set remembers of one service: its flows, and the descriptor made of them each minute.

A descriptor tells the flows of the last hour, not the traffic of the minute: an idle service sends the same again.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from models.access import Access, Operation
from proxy.evaluation.reference.categories import category_of_data_type, category_of_operation
from proxy.evaluation.reference.model import Model, Relationship

FLOW_LIFETIME = 3_600_000
"""Milliseconds without an access after which a flow is forgotten."""


@dataclass(slots=True)
class Flow:
    """One node that a service accesses, whatever the operation. Room and data type are those of the first access."""

    partner: str
    partner_type: str | None
    same_room: bool
    data_type: int
    last: int
    """Event time of the last access in milliseconds."""
    operations: list[Operation] = field(default_factory=list)
    """Distinct operations, in the order in which they were first seen."""


@dataclass(slots=True)
class Vertex:
    """One registered service."""

    service_type: str | None
    flows: dict[str, Flow] = field(default_factory=dict)
    """By the address of the node."""
    partners: set[str] = field(default_factory=set)
    """Addresses of known partners."""
    descriptor: Model | None = None
    """The newest; `None` before the first minute has ended."""
    model: Model | None = None
    """The model in force, shared by all services of the type; `None` while there is nothing to judge with."""

    def record(self, access: Access) -> None:
        """Remember an access, whatever was decided about it."""
        flow = self.flows.get(access.node)
        if flow is None:
            flow = self.flows[access.node] = Flow(
                partner=access.destination,
                partner_type=access.destination_type,
                same_room=access.source_location == access.destination_location,
                data_type=category_of_data_type(access.data_type),
                last=access.time,
            )
        flow.last = access.time
        if access.operation not in flow.operations:
            flow.operations.append(access.operation)
        self.partners.add(access.destination)

    def describe(self, now: int) -> None:
        """Forget what has been idle and make a new descriptor, at event time `now` in milliseconds."""
        self._forget(now)
        of_partner_type: defaultdict[str | None, list[Flow]] = defaultdict(list)
        for flow in self.flows.values():
            of_partner_type[flow.partner_type].append(flow)
        self.descriptor = Model(
            relationships={partner_type: _relationship(flows) for partner_type, flows in of_partner_type.items()}
        )

    def _forget(self, now: int) -> None:
        idle = [node for node, flow in self.flows.items() if now - flow.last >= FLOW_LIFETIME]
        for node in idle:
            # Forgotten with the first of its flows, even if others are in use.
            self.partners.discard(self.flows.pop(node).partner)


def _relationship(flows: list[Flow]) -> Relationship:
    relationship = Relationship(weight=1)
    relationship.partners.observe(len({flow.partner for flow in flows}))
    for flow in flows:
        relationship.same_room.observe(flow.same_room)
        relationship.data_types.observe(flow.data_type)
    # Cut to the number of flows: what a flow does besides its first operation takes the place of another flow's.
    for operation in [operation for flow in flows for operation in flow.operations][: len(flows)]:
        relationship.operations.observe(category_of_operation(operation))
    return relationship
