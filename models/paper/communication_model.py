"""The communication model of one service type (paper, section II-D), and the descriptors it is the sum of."""

from __future__ import annotations

import msgspec

from models.paper.relationship import Relationship

MAX_RELATIONSHIPS = 256
"""Partner types that one origin may learn. A full model learns no new ones: what it does not know stays unusual."""


class Descriptor(msgspec.Struct, kw_only=True):
    """What one service instance reports of a minute of event time. It names no instance."""

    service_type: str
    minutes: int = 1
    """Minutes reported; more than one only where the instance was idle in all of them."""
    relationships: dict[str, Relationship] = msgspec.field(default_factory=dict)
    """By partner type, each of weight 1; the empty string is an unknown type."""


class CommunicationModel(msgspec.Struct, kw_only=True):
    """Behaviour of one service type, independent of site and instance.

    Adding models is commutative, associative and undone by subtracting. Caps apply where an origin learns (`fold`),
    never to a sum, which would then depend on who came first: a sum of k origins holds at most k · `MAX_RELATIONSHIPS`
    rows of at most k · `MAX_SETS` sets of categories per feature.
    """

    service_type: str
    weight: int = 0
    """Descriptors, those of idle instances included: the paper's modelWeight."""
    relationships: dict[str, Relationship] = msgspec.field(default_factory=dict)

    def fold(self, descriptor: Descriptor) -> None:
        """Let this model, an origin's own, learn one instance's report. A full model takes no new partner types.

        Raises:
            ValueError: the report is of another service type; nothing was changed.
        """
        self._of_this_type(descriptor.service_type)
        self.weight += descriptor.minutes
        for partner, row in descriptor.relationships.items():
            mine = self.relationships.get(partner)
            if mine is None:
                if len(self.relationships) >= MAX_RELATIONSHIPS:
                    continue
                mine = self.relationships[partner] = Relationship()
            mine.fold(row)

    def absorb(self, other: CommunicationModel) -> None:
        """Add another model of the same type, in place.

        Raises:
            ValueError: the model is of another service type; nothing was changed.
        """
        self._of_this_type(other.service_type)
        self.weight += other.weight
        for partner, relationship in other.relationships.items():
            mine = self.relationships.get(partner)
            if mine is None:
                mine = self.relationships[partner] = Relationship()
            mine.absorb(relationship)

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

    def _of_this_type(self, service_type: str) -> None:
        if service_type != self.service_type:
            raise ValueError(f"a model of {self.service_type} cannot take in reports of {service_type}")
