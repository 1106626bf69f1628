"""A paper's communication model as its Table II, for people."""

from __future__ import annotations

from models.categorical import SAME_ROOM, Counts
from models.paper.clusters import number_clusters
from models.paper.communication_model import CommunicationModel
from models.paper.normal_form import Norm
from models.paper.relationship import Categories, Relationship, Sums
from models.tabulation import NARROW, Column, CountEntry, PeriodEntry, RowEntry, TypeTable, render


def table(model: CommunicationModel, now: int, width: int = NARROW) -> str:
    """Render a model for a terminal.

    Args:
        model: The model.
        now: Minutes since the epoch, for staleness.
        width: Characters of a line.
    """
    return render(tabulate(model, now), width)


def tabulate(model: CommunicationModel, now: int) -> TypeTable:
    """Read Table II from a model; `now` in minutes since the epoch, for staleness.

    The probability of a partner type is its share of the descriptors, that of a category its share of the categories
    that descriptors showed.
    """
    return TypeTable(
        service_type=model.service_type,
        weight=model.weight,
        columns=[
            _column(model, partner, relationship, now) for partner, relationship in sorted(model.relationships.items())
        ],
    )


def _column(model: CommunicationModel, partner: str, relationship: Relationship, now: int) -> Column:
    rooms = _counts(relationship.rooms)
    norm = Norm(relationship, model_weight=model.weight, most=max(1, model.weight), now=now)
    operations = _counts(relationship.operations)
    return Column(
        partner=partner,
        own=False,
        probability=min(1.0, relationship.weight / max(model.weight, 1)),
        at_least=False,
        counts=[
            CountEntry(mean=each.centre, deviation=each.std, probability=each.share)
            for each in number_clusters(relationship.partners.values(), now)
        ],
        same_location=rooms.get(SAME_ROOM, 0) / rooms.total if rooms else None,
        rows=[
            RowEntry(
                operation=operation,
                data_type=None,
                weight=operations[operation],
                accesses=None,
                periods=[
                    PeriodEntry(centre=each.centre / 1000, deviation=each.std / 1000, probability=each.share)
                    for each in norm.periods(operation)
                ],
            )
            for operation, _ in operations.shares()
        ],
        operations=dict(operations.shares()),
        data_types=dict(_counts(relationship.data_types).shares()),
    )


def _counts(sums: Sums[Categories]) -> Counts:
    counts = Counts()
    for categories, feature in sums.items():
        for category in categories:
            counts.observe(category, feature.n)
    return counts
