"""A communication model as scoring reads it: everything that is not a sum, derived at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from models.access import Operation
from models.candidates import QUORUM, Candidate
from models.categorical import OTHER_ROOM, SAME_ROOM
from models.clustering_feature import ClusteringFeature, merged
from models.communication_model import CommunicationModel
from models.flood import FAST, SLOW, Level, level
from models.partners import support_of_newcomer
from models.periodicity import DENSE, Period
from models.relationship import Key, Relationship
from models.sequence import Required, required
from models.values import Usual, usual

RELATIONSHIP = "relationship"
"""Name of SoR among the terms of a score."""
MAX_NOVELTY = 100.0
FULL_SUPPORT = 60
"""Instance-minutes after which a model is relied on: an hour of one instance, a few minutes of a site."""
_RARE = 1
"""Descriptors up to which a relationship counts as seen by chance (Good and Turing)."""
_WEIGHT = 5
"""How quickly a relationship becomes usual by being seen."""
DEMANDED = frozenset({Operation.REGISTER.value, Operation.UNREGISTER.value, Operation.CONNECT.value})
"""Operations that may be what the middleware demands of every service."""
_LATEST = 10
QUORATE = 3
"""Sites from which on what only one of them does weighs nothing: else one subverted site teaches all the others."""
ESTABLISHED = 6 * 60
"""Standard deviation, in minutes, of the times at which a relationship was seen, from which on one site's word counts.

What was done evenly for 21 hours has it; an attack of an hour has 17 minutes, however old it gets.
"""
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
    usual: Usual | None = None
    required: Required | None = None
    newcomer: float = 0.0
    """Term of a partner that is new to an instance which has settled with others."""
    background: dict[str, float] = {}
    """Terms of a score that depend on the model alone. To be read only."""


class NormalForm:
    """A model read at one moment. Nothing here is stored or exchanged; it is made anew when the model changes."""

    __slots__ = (
        "_accepted",
        "_model",
        "_norms",
        "_sites",
        "_supporters",
        "_unknown",
        "_witnessed",
        "novelty",
        "rare",
        "registers",
        "som",
        "support",
        "version",
        "weight",
    )

    def __init__(
        self,
        model: CommunicationModel,
        *,
        version: str,
        sites: int = 1,
        supporters: Mapping[Key, int] | None = None,
        accepted: Iterable[Candidate] = (),
        witnessed: Sequence[CommunicationModel] | None = None,
    ) -> None:
        """Read a model.

        Args:
            model: The sum of all contributions.
            version: Identifies this state of the model, for whoever asks later by what an access was judged.
            sites: Sites where the type lives.
            supporters: How many of them show each joint relationship.
            accepted: Candidates of this type that were decided to be expected.
            witnessed: The parts of the model whose times are known to be true: those of the own site. None: all of it.
        """
        # What the middleware demands of every service, once, tells nothing of how often a type does something new.
        weights = [each.weight for key, each in model.relationships.items() if key.operation not in DEMANDED]
        self.weight = model.weight
        self.som = min(1.0, model.weight / FULL_SUPPORT)
        self.support = sum(weights)
        self.rare = sum(weight <= _RARE for weight in weights)
        self.registers = any(key.operation == Operation.REGISTER for key in model.relationships)
        """Whether instances of the type register before they act."""
        self.novelty = min(MAX_NOVELTY, (self.support + 2) / (self.rare + 1))
        self.version = version
        self._model = model
        self._sites = sites
        self._supporters = supporters or {}
        self._witnessed = (model,) if witnessed is None else witnessed
        self._accepted: dict[str, set[tuple[Key, str]]] = {}
        for candidate in accepted:
            self._accepted.setdefault(candidate.aspect, set()).add((candidate.key, candidate.detail))
        self._norms: dict[Key, Norm] = {}
        self._unknown: Norm | None = None

    def norm(self, key: Key) -> Norm:
        """Return what is normal for a joint relationship; `unknown` where the model has none."""
        found = self._norms.get(key)
        if found is not None:
            return found
        relationship = self._model.relationships.get(key)
        if relationship is None:
            if not self.accepts(RELATIONSHIP, key):
                return self.unknown
            norm = self._norms[key] = msgspec.structs.replace(self.unknown, sor=0.0)
            return norm
        weight = relationship.weight if self._backed(key) else 0
        fast, slow = level(relationship.fast, FAST), level(relationship.slow, SLOW)
        norm = self._norms[key] = Norm(
            weight=weight,
            sor=0.0 if self.accepts(RELATIONSHIP, key) else self.novelty / (1 + _WEIGHT * weight),
            instances=relationship.instances,
            same=relationship.rooms.get(SAME_ROOM, 0),
            other=relationship.rooms.get(OTHER_ROOM, 0),
            fast=fast,
            slow=slow,
            usual=usual(relationship.written, relationship.falls),
            required=required(relationship.before),
            newcomer=support_of_newcomer(relationship.weight, relationship.newcomers),
            background=self._background(weight, relationship.instances, fast, slow),
        )
        return norm

    def _background(self, weight: int, instances: int, fast: Level | None, slow: Level | None) -> dict[str, float]:
        return {
            "model_weight": float(self.weight),
            "relationship_weight": float(weight),
            "support": float(self.support),
            "rare": float(self.rare),
            "novelty": self.novelty,
            "location_instances": float(instances),
            "normal_fast": fast.mean if fast else 0.0,
            "normal_slow": slow.mean if slow else 0.0,
        }

    def _backed(self, key: Key) -> bool:
        seen = (model.relationships[key] for model in self._witnessed if key in model.relationships)
        return backed(seen, sites=self._sites, supporters=self._supporters.get(key, 0))

    def accepts(self, aspect: str, key: Key, detail: str = "") -> bool:
        """Whether this was unusual, and then decided to be expected."""
        accepted = self._accepted.get(aspect)
        return accepted is not None and (key, detail) in accepted

    def decide(self, candidate: Candidate, *, allowed: bool) -> None:
        """Take in a decision that came since the model was read."""
        self._norms.pop(candidate.key, None)
        accepted = self._accepted.setdefault(candidate.aspect, set())
        if allowed:
            accepted.add((candidate.key, candidate.detail))
        else:
            accepted.discard((candidate.key, candidate.detail))

    @property
    def unknown(self) -> Norm:
        """What is normal where a relationship is not in the model: the rates of all relationships together.

        Without it a flood on a new relationship would have nothing to be compared with.
        """
        if self._unknown is None:
            self._unknown = self._pooled()
        return self._unknown

    def _pooled(self) -> Norm:
        all_fast, all_slow = ClusteringFeature(), ClusteringFeature()
        for each in self._model.relationships.values():
            all_fast.absorb(each.fast)
            all_slow.absorb(each.slow)
        fast, slow = level(all_fast, FAST), level(all_slow, SLOW)
        return Norm(
            weight=0,
            sor=self.novelty,
            instances=0,
            same=0,
            other=0,
            fast=fast,
            slow=slow,
            background=self._background(0, 0, fast, slow),
        )


def backed(witnessed: Iterable[Relationship], *, sites: int, supporters: int) -> bool:
    """Whether more than one site vouches for a relationship, or the own one has seen it for long enough.

    When another site alone has seen it is that site's word: it could claim any times.

    Args:
        witnessed: What was seen of it where times are known to be true.
        sites: Sites where the type lives.
        supporters: How many of them show it.
    """
    return (
        sites < QUORATE
        or supporters >= QUORUM
        or any(relationship.fast.age_spread >= ESTABLISHED for relationship in witnessed)
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
