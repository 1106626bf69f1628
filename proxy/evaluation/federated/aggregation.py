"""How what the other sites contributed may be added up: as shipped, and with one of its guards left out, to compare.

Each returns what an honest site is told of the others. What is left out is left out here; the shipped code has no
switches for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import msgspec

from models.candidates import QUORUM
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.contributions import CAP, Contribution
from models.exchange.pool import Pool, counted
from models.exchange.shared import Shared
from models.relationship import Key, Relationship

TRIMMED = Fraction(1, 5)
"""Share of the sites that a trimmed sum leaves out at either end, rounded up."""

type Aggregate = Callable[[Sequence[CommunicationModel]], Shared]
"""Models of one service type, one of each of the other sites -> what is told of them."""


@dataclass(frozen=True)
class Aggregation:
    """One way."""

    name: str
    aggregate: Aggregate


def shipped(models: Sequence[CommunicationModel]) -> Shared:
    """Return the sum as a service tells it."""
    pool = Pool(models[0].service_type)
    for number, model in enumerate(models):
        pool.put(f"site{number}", Contribution(epoch=1, sequence=1, model=model))
    return pool.without(None)


def without_cap(models: Sequence[CommunicationModel]) -> Shared:
    """Return the sum of what sites contributed, however much that is."""
    total = CommunicationModel(service_type=models[0].service_type)
    supporters: dict[Key, int] = {}
    for model in models:
        total.absorb(model)
        for key in model.relationships:
            supporters[key] = supporters.get(key, 0) + 1
    return Shared(version="0", origins=len(models), supporters=supporters, model=total)


def without_quorum(models: Sequence[CommunicationModel]) -> Shared:
    """Return the sum as if every site's word were enough."""
    return _believed(shipped(models))


def without_both(models: Sequence[CommunicationModel]) -> Shared:
    """Return the sum without cap and quorum."""
    return _believed(without_cap(models))


def trimmed(models: Sequence[CommunicationModel]) -> Shared:
    """Return a trimmed sum instead of quorum: of each number the sites with the largest and the smallest are left out.

    For each relationship, the sites are ordered by the share of their instance-minutes that show it, then by what their
    counters read; whoever is at an end does not count. Contributions are capped first. Such a sum cannot be kept up to
    date by adding and subtracting: it takes all contributions at every reading.
    """
    capped = [counted(model, CAP) for model in models]
    cut = -(-len(capped) * TRIMMED.numerator // TRIMMED.denominator)
    total = CommunicationModel(service_type=models[0].service_type, weight=sum(each.weight for each in capped))
    for partner in {partner for each in capped for partner in each.partners}:
        feature = ClusteringFeature()
        for each in capped:
            feature.absorb(each.partners.get(partner, ClusteringFeature()))
        total.partners[partner] = feature
    for key in sorted({key for each in capped for key in each.relationships}):
        middle = _middle(capped, cut, partial(_share, key))
        if not any(key in each.relationships for each in middle):
            continue
        by_reading = [each for each in capped if key in each.relationships]
        middle_readings = _middle(by_reading, min(cut, (len(by_reading) - 1) // 2), partial(_read, key))
        found = Relationship()
        for each in middle:
            found.absorb(each.relationships.get(key, Relationship()))
        found.fast, found.slow = ClusteringFeature(), ClusteringFeature()
        for each in middle_readings:
            found.fast.absorb(each.relationships[key].fast)
            found.slow.absorb(each.relationships[key].slow)
        total.relationships[key] = found
    return Shared(version="0", origins=len(models), supporters=dict.fromkeys(total.relationships, QUORUM), model=total)


AGGREGATIONS: Sequence[Aggregation] = (
    Aggregation("as shipped", shipped),
    Aggregation("without cap", without_cap),
    Aggregation("without quorum", without_quorum),
    Aggregation("without cap and quorum", without_both),
    Aggregation("trimmed sum, capped", trimmed),
)


def _believed(shared: Shared) -> Shared:
    supporters: Mapping[Key, int] = shared.supporters
    return msgspec.structs.replace(shared, supporters={key: max(QUORUM, each) for key, each in supporters.items()})


def _middle(
    models: Sequence[CommunicationModel], cut: int, rank: Callable[[CommunicationModel], Fraction]
) -> list[CommunicationModel]:
    """Return the models without `cut` of them at either end; the one in the middle stays in any case."""
    ordered = sorted(models, key=rank)
    cut = min(cut, (len(ordered) - 1) // 2)
    return ordered[cut : len(ordered) - cut]


def _share(key: Key, model: CommunicationModel) -> Fraction:
    found = model.relationships.get(key)
    return Fraction(0) if found is None else Fraction(found.weight, max(1, model.weight))


def _read(key: Key, model: CommunicationModel) -> Fraction:
    fast = model.relationships[key].fast
    return Fraction(fast.ls, fast.n) if fast.n else Fraction(0)
