"""The communication model of one service type (paper, section II-D), and the descriptors it is the sum of."""

from __future__ import annotations

import msgspec

from models.paper.relationship import Relationship

MAX_RELATIONSHIPS = 256
"""Partner types of one model. A full model learns no new ones: what it does not know stays unusual."""


class Descriptor(msgspec.Struct, kw_only=True):
    """What one service instance reports of a minute of event time. It names no instance."""

    service_type: str
    minutes: int = 1
    """Minutes reported; more than one only where the instance was idle in all of them."""
    relationships: dict[str, Relationship] = msgspec.field(default_factory=dict)
    """By partner type, each of weight 1; the empty string is an unknown type."""


class CommunicationModel(msgspec.Struct, kw_only=True):
    """Behaviour of one service type, independent of site and instance."""

    service_type: str
    weight: int = 0
    """Descriptors, those of idle instances included: the paper's modelWeight."""
    relationships: dict[str, Relationship] = msgspec.field(default_factory=dict)

    def fold(self, descriptor: Descriptor) -> None:
        """Add one instance's report.

        Raises:
            ValueError: the report is of another service type.
        """
        self._of_this_type(descriptor.service_type)
        self._add(descriptor.minutes, descriptor.relationships)

    def absorb(self, other: CommunicationModel) -> None:
        """Add another model of the same type, in place. Exact as long as everything fits.

        Raises:
            ValueError: the model is of another service type.
        """
        self._of_this_type(other.service_type)
        self._add(other.weight, other.relationships)

    def release(self, other: CommunicationModel) -> None:
        """Take out a model that was added before, in place.

        Raises:
            ValueError: `other` cannot have been part of this model; nothing was changed.
        """
        self._of_this_type(other.service_type)
        if other.weight > self.weight:
            raise ValueError(f"{other.weight} descriptors cannot be taken out of {self.weight}")
        rest = {
            partner: self.relationships.get(partner, Relationship()).without(relationship)
            for partner, relationship in other.relationships.items()
        }
        self.weight -= other.weight
        self.relationships = {
            partner: relationship
            for partner, relationship in (self.relationships | rest).items()
            if relationship.weight
        }

    def _add(self, weight: int, relationships: dict[str, Relationship]) -> None:
        self.weight += weight
        for partner, relationship in relationships.items():
            mine = self.relationships.get(partner)
            if mine is None:
                if len(self.relationships) >= MAX_RELATIONSHIPS:
                    continue
                mine = self.relationships[partner] = Relationship()
            mine.absorb(relationship)

    def _of_this_type(self, service_type: str) -> None:
        if service_type != self.service_type:
            raise ValueError(f"a model of {self.service_type} cannot take in reports of {service_type}")
