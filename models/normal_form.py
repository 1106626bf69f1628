"""A communication model as scoring reads it: everything that is not a sum, derived at one moment."""

from __future__ import annotations

import msgspec

from models.categorical import OTHER_ROOM, SAME_ROOM
from models.clustering_feature import ClusteringFeature, merged
from models.communication_model import CommunicationModel
from models.flood import Level, level
from models.periodicity import DENSE, Period
from models.relationship import Key, Relationship

MAX_NOVELTY = 100.0
FULL_SUPPORT = 60
"""Instance-minutes after which a model is relied on: an hour of one instance, a few minutes of a site."""
_RARE = 1
"""Descriptors up to which a relationship counts as seen by chance (Good and Turing)."""
_WEIGHT = 5
"""How quickly a relationship becomes usual by being seen."""
_LATEST = 10
_STALE = 7 * 24 * 60
"""Minutes without new gaps after which a period is forgotten."""


class Norm(msgspec.Struct, frozen=True):
    """How one joint relationship normally looks, ready for scoring."""

    weight: int
    sor: float
    instances: int
    same: int
    other: int
    fast: Level | None
    slow: Level | None
    periods: tuple[Period, ...]


class NormalForm:
    """A model read at one moment. Nothing here is stored or exchanged; it is made anew when the model changes."""

    __slots__ = ("_model", "_norms", "_now", "_unknown", "novelty", "rare", "som", "support", "version", "weight")

    def __init__(self, model: CommunicationModel, *, origin: str, now: int) -> None:
        """Read a model; `now` in minutes since the epoch, for staleness."""
        weights = [each.weight for each in model.relationships.values()]
        self.weight = model.weight
        self.som = min(1.0, model.weight / FULL_SUPPORT)
        self.support = sum(weights)
        self.rare = sum(weight <= _RARE for weight in weights)
        self.novelty = min(MAX_NOVELTY, (self.support + 2) / (self.rare + 1))
        # Every descriptor adds to the weight, so the weight tells the states of one origin's model apart.
        self.version = f"{origin}:{model.weight}"
        self._model = model
        self._now = now
        self._norms: dict[Key, Norm] = {}
        self._unknown: Norm | None = None

    def norm(self, key: Key) -> Norm:
        """Return what is normal for a joint relationship; `unknown` where the model has none."""
        found = self._norms.get(key)
        if found is not None:
            return found
        relationship = self._model.relationships.get(key)
        if relationship is None:
            return self.unknown
        norm = self._norms[key] = Norm(
            weight=relationship.weight,
            sor=self.novelty / (1 + _WEIGHT * relationship.weight),
            instances=relationship.instances,
            same=relationship.rooms.get(SAME_ROOM, 0),
            other=relationship.rooms.get(OTHER_ROOM, 0),
            fast=level(relationship.fast),
            slow=level(relationship.slow),
            periods=periods(relationship, self._now),
        )
        return norm

    @property
    def unknown(self) -> Norm:
        """What is normal where a relationship is not in the model: the rates of all relationships together.

        Without it a flood on a new relationship would have nothing to be compared with.
        """
        if self._unknown is None:
            self._unknown = self._pooled()
        return self._unknown

    def _pooled(self) -> Norm:
        fast, slow = ClusteringFeature(), ClusteringFeature()
        for each in self._model.relationships.values():
            fast.absorb(each.fast)
            slow.absorb(each.slow)
        return Norm(
            weight=0,
            sor=self.novelty,
            instances=0,
            same=0,
            other=0,
            fast=level(fast),
            slow=level(slow),
            periods=(),
        )


def support_of_location(instances: int, here: int) -> float:
    """Return how unusual it is that an instance does this here, from the number of instances seen at all and here."""
    return (instances + 1) / (1 + _WEIGHT * here)


def periods(relationship: Relationship, now: int) -> tuple[Period, ...]:
    """Read the periods of a relationship, in rising order; `now` in minutes since the epoch.

    Stale bins are left out. Neighbouring dense bins are one cluster, as with the paper's grid: a bin cuts what three
    standard deviations of its part no longer join. Then clusters within three standard deviations are merged, and what
    has less than 5 % of the gaps is no period.
    """
    fresh = {index: each for index, each in relationship.gaps.items() if each.staleness(now, _LATEST) < _STALE}
    dense = DENSE * sum(each.n for each in fresh.values())
    clusters: list[ClusteringFeature] = []
    before: int | None = None
    for index, feature in sorted(fresh.items()):
        if feature.n < dense:
            clusters.insert(0, feature)
            continue
        if before == index - 1:
            clusters[-1] = clusters[-1] + feature
        else:
            clusters.append(feature)
        before = index
    return tuple(Period(each.mean, each.std, each.n) for each in merged(clusters) if each.n >= dense)
