"""Models of the authors' rule set: one per service type; an instance's descriptor of a minute has the same form.

Left out, since no score depends on them: frequency, number of flows, and the lists of periods.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy.evaluation.reference.categories import DATA_TYPES, OPERATIONS
from proxy.evaluation.reference.clusters import Cluster, Shares


@dataclass(slots=True)
class Relationship:
    """What a service type has to do with one type of partner."""

    weight: int = 0
    """Descriptors that contain the relationship. Grows without limit."""
    partners: Cluster = field(default_factory=Cluster)
    """Number of distinct partners, one point for each descriptor."""
    same_room: Cluster = field(default_factory=Cluster)
    """1 for a flow within a room, 0 for one between rooms; one point for each flow and descriptor."""
    data_types: Shares = field(default_factory=lambda: Shares.of(DATA_TYPES))
    """One vector for each flow and descriptor."""
    operations: Shares = field(default_factory=lambda: Shares.of(OPERATIONS))
    """As many vectors as flows for each descriptor, and one for each judged access of its minute."""

    def add(self, other: Relationship) -> None:
        """Add what another relationship with the same type of partner has seen."""
        self.weight += other.weight
        self.partners.add(other.partners)
        self.same_room.add(other.same_room)
        self.data_types.add(other.data_types)
        self.operations.add(other.operations)


@dataclass(slots=True)
class Model:
    """Relationships by the partner's service type; `None` for a partner of unknown type."""

    weight: int = 1
    """Descriptors that were merged, a new one counting as one. Grows without limit."""
    relationships: dict[str | None, Relationship] = field(default_factory=dict)

    def merge(self, other: Model) -> None:
        """Add another model or descriptor of the same service type."""
        self.weight += other.weight
        for partner_type, relationship in other.relationships.items():
            self.relationships.setdefault(partner_type, Relationship()).add(relationship)
