"""The communication model of one service type (paper, section II-D): a sum of descriptors."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from models.clustering_feature import ClusteringFeature
from models.descriptor import Descriptor
from models.relationship import Key, Relationship

MAX_KEYS = 1024
"""Joint relationships that one origin may contribute, and partner types. A full model learns no new ones: those that it
has stay, so that nobody can push out what is known, and what it does not know stays unusual."""


class CommunicationModel(msgspec.Struct, kw_only=True):
    """Behaviour of one service type, independent of site and instance.

    Integers over fixed keys: adding is commutative, associative and undone by subtracting, to the last digit.
    Everything non-linear is read from it, in `normal_form`.

    Caps apply to what one origin contributes, where it learns (`fold`) or is taken in (`capped`), never to a sum:
    a cap on sums would make them depend on who came first. So a sum of k origins holds at most k · `MAX_KEYS` keys.
    """

    service_type: str
    weight: int = 0
    """Instance-minutes observed, idle ones included: the paper's modelWeight."""
    relationships: dict[Key, Relationship] = msgspec.field(default_factory=dict)
    partners: dict[str, ClusteringFeature] = msgspec.field(default_factory=dict)
    """Distinct partner instances per descriptor, by partner type: `# partner type` of Table II."""

    def fold(self, descriptor: Descriptor) -> None:
        """Let this model, an origin's own, learn one instance's report. A full model takes no new keys (`MAX_KEYS`).

        Raises:
            ValueError: the report is of another service type; nothing was changed.
        """
        self.absorb(self.fitting(together(self.service_type, (descriptor,))))

    def fitting(self, news: CommunicationModel) -> CommunicationModel:
        """Return what this model, an origin's own, has room for.

        That is what concerns the keys that it knows, and new ones in their order until it is full (`MAX_KEYS`). The
        result shares its parts with `news`.
        """
        return CommunicationModel(
            service_type=news.service_type,
            weight=news.weight,
            relationships=_fitting(self.relationships, news.relationships),
            partners=_fitting(self.partners, news.partners),
        )

    def absorb(self, other: CommunicationModel) -> None:
        """Add another model of the same type, in place.

        Raises:
            ValueError: the model is of another service type; nothing was changed.
        """
        self.check_type(other.service_type)
        self.weight += other.weight
        for key, relationship in other.relationships.items():
            mine = self.relationships.get(key)
            if mine is None:
                mine = self.relationships[key] = Relationship()
            mine.absorb(relationship)
        for partner, feature in other.partners.items():
            if partner in self.partners:
                self.partners[partner].absorb(feature)
            else:
                self.partners[partner] = feature + ClusteringFeature()

    def release(self, other: CommunicationModel) -> None:
        """Take out a model that was added before, in place.

        Raises:
            ValueError: `other` is of another service type, or cannot have been part of this model; nothing was changed.
        """
        self.check_type(other.service_type)
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
        """Return what of this model counts as one origin's: the same on every machine, in whatever order it came.

        Of more than `MAX_KEYS` keys those that were seen most stay, of equal ones the first by name. What weighs more
        than `weight` instance-minutes is scaled down to that, in integers; a relationship that was seen stays seen: its
        weight never becomes 0. Keys without any content are left out, as a sum could not tell who brought them.
        """
        relationships = _most_seen(self.relationships, Relationship(), lambda each: (each.weight, each.fast.n))
        partners = _most_seen(self.partners, ClusteringFeature(), lambda each: (each.n, each.ls))
        if self.weight > weight:
            relationships = {key: each.scaled(weight, self.weight) for key, each in relationships.items()}
            partners = {partner: each.scaled(weight, self.weight) for partner, each in partners.items()}
        return CommunicationModel(
            service_type=self.service_type,
            weight=min(weight, self.weight),
            relationships=relationships,
            partners=partners,
        )

    def check_type(self, service_type: str) -> None:
        """Demand that something is of this model's service type.

        Raises:
            ValueError: it is of another one.
        """
        if service_type != self.service_type:
            raise ValueError(f"a model of {self.service_type} cannot take in reports of {service_type}")


def together(service_type: str, descriptors: Iterable[Descriptor]) -> CommunicationModel:
    """Return the model of some reports. What only one of them shows, as most of it, is shared with that report.

    Raises:
        ValueError: one is of another service type.
    """
    model = CommunicationModel(service_type=service_type)
    weight, relationships, partners = 0, model.relationships, model.partners
    summed: set[Key] = set()
    for descriptor in descriptors:
        model.check_type(descriptor.service_type)
        weight += descriptor.minutes
        minute = descriptor.minute
        for key, relationship in descriptor.relationships.items():
            present = relationships.get(key)
            if present is None:
                relationships[key] = relationship
                continue
            if key not in summed:
                summed.add(key)
                shared, present = present, Relationship()
                present.absorb(shared)
                relationships[key] = present
            present.absorb(relationship)
        for partner, count in descriptor.partners.items():
            partners.setdefault(partner, ClusteringFeature()).observe(count, minute)
    model.weight = weight
    return model


def _fitting[K, V](known: dict[K, V], news: dict[K, V]) -> dict[K, V]:
    """Return the entries that `known` has, or has room for."""
    new = [key for key in news if key not in known]
    surplus = len(known) + len(new) - MAX_KEYS
    if surplus <= 0:
        return news
    refused = set(new[-surplus:])
    return {key: each for key, each in news.items() if key not in refused}


def _most_seen[K: (Key, str), V: (Relationship, ClusteringFeature)](
    entries: dict[K, V], nothing: V, seen: Callable[[V], tuple[int, int]]
) -> dict[K, V]:
    """Return the entries that are not `nothing`, at most `MAX_KEYS` of them: those that were seen most."""
    present = [(key, each) for key, each in entries.items() if each != nothing]
    if len(present) > MAX_KEYS:
        present.sort(key=lambda item: (*(-count for count in seen(item[1])), item[0]))
    return dict(present[:MAX_KEYS])
