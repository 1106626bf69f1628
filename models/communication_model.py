"""The communication model of one service type (paper, section II-D): a sum of descriptors."""

from __future__ import annotations

import msgspec

from models.clustering_feature import ClusteringFeature
from models.descriptor import Descriptor
from models.relationship import Key, Relationship

MAX_KEYS = 1024
"""Joint relationships of one model. A full model learns no new ones: what it does not know stays unusual."""


class CommunicationModel(msgspec.Struct, kw_only=True):
    """Behaviour of one service type, independent of site and instance.

    Integers over fixed keys: adding is exact and undone by subtracting. Everything non-linear is read from it, in
    `normal_form`.
    """

    service_type: str
    weight: int = 0
    """Instance-minutes observed, idle ones included: the paper's modelWeight."""
    relationships: dict[Key, Relationship] = msgspec.field(default_factory=dict)
    partners: dict[str, ClusteringFeature] = msgspec.field(default_factory=dict)
    """Distinct partner instances per descriptor, by partner type: `# partner type` of Table II."""

    def fold(self, descriptor: Descriptor) -> None:
        """Add one instance's report.

        Raises:
            ValueError: the report is of another service type.
        """
        self._of_this_type(descriptor.service_type)
        self.weight += descriptor.minutes
        for key, relationship in descriptor.relationships.items():
            self._absorb(key, relationship)
        for partner, count in descriptor.partners.items():
            feature = self.partners.get(partner)
            if feature is None:
                if len(self.partners) >= MAX_KEYS:
                    continue
                feature = self.partners[partner] = ClusteringFeature()
            feature.observe(count, descriptor.minute)

    def absorb(self, other: CommunicationModel) -> None:
        """Add another model of the same type, in place.

        Exact as long as all keys fit (`MAX_KEYS`).

        Raises:
            ValueError: the model is of another service type.
        """
        self._of_this_type(other.service_type)
        self.weight += other.weight
        for key, relationship in other.relationships.items():
            self._absorb(key, relationship)
        for partner, feature in other.partners.items():
            if partner in self.partners:
                self.partners[partner].absorb(feature)
            elif len(self.partners) < MAX_KEYS:
                self.partners[partner] = feature + ClusteringFeature()

    def release(self, other: CommunicationModel) -> None:
        """Take out a model that was added before, in place.

        Raises:
            ValueError: `other` cannot have been part of this model; nothing was changed.
        """
        self._of_this_type(other.service_type)
        if other.weight > self.weight:
            raise ValueError(f"{other.weight} instance-minutes cannot be taken out of {self.weight}")
        relationships, partners = {}, {}
        for key, relationship in other.relationships.items():
            rest = Relationship()
            rest.absorb(self.relationships.get(key, Relationship()))
            rest.release(relationship)
            relationships[key] = rest
        for partner, feature in other.partners.items():
            partners[partner] = self.partners.get(partner, ClusteringFeature()) - feature
        self.weight -= other.weight
        self.relationships.update(relationships)
        self.partners.update(partners)
        for key in [key for key, each in relationships.items() if each.empty]:
            del self.relationships[key]
        for partner in [partner for partner, each in partners.items() if not each.n]:
            del self.partners[partner]

    def capped(self, weight: int) -> CommunicationModel:
        """Return this model, scaled down to at most `weight` instance-minutes: in integers, the same on every machine.

        A relationship that was seen stays seen: its weight never becomes 0.
        """
        if self.weight <= weight:
            return self
        return CommunicationModel(
            service_type=self.service_type,
            weight=weight,
            relationships={key: each.scaled(weight, self.weight) for key, each in self.relationships.items()},
            partners={partner: each.scaled(weight, self.weight) for partner, each in self.partners.items()},
        )

    def _absorb(self, key: Key, relationship: Relationship) -> None:
        mine = self.relationships.get(key)
        if mine is None:
            if len(self.relationships) >= MAX_KEYS:
                return
            mine = self.relationships[key] = Relationship()
        mine.absorb(relationship)

    def _of_this_type(self, service_type: str) -> None:
        if service_type != self.service_type:
            raise ValueError(f"a model of {self.service_type} cannot take in reports of {service_type}")
