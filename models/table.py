"""A communication model as the paper's Table II, for people."""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.categorical import SAME_ROOM, Counts
from models.communication_model import CommunicationModel
from models.normal_form import periods
from models.relationship import Key, Relationship
from models.sequence import mark_of, required
from models.tabulation import (
    NARROW,
    UNKNOWN,
    Column,
    CountEntry,
    FollowsEntry,
    PeriodEntry,
    RowEntry,
    TypeTable,
    ValuesEntry,
    render,
)
from models.values import is_number, usual


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

    The probability of a partner type is the share of the descriptors that show it. Of a service's own nodes only the
    descriptors of each operation and data type are counted, so that the largest of them is a lower bound.
    """
    by_partner: dict[tuple[str, bool], list[tuple[Key, Relationship]]] = {}
    for key, relationship in sorted(model.relationships.items()):
        by_partner.setdefault((key.partner, key.own), []).append((key, relationship))
    return TypeTable(
        service_type=model.service_type,
        weight=model.weight,
        columns=[_column(model, partner, rows, own=own, now=now) for (partner, own), rows in by_partner.items()],
    )


def _column(
    model: CommunicationModel, partner: str, rows: Sequence[tuple[Key, Relationship]], *, own: bool, now: int
) -> Column:
    whole = max(model.weight, 1)
    count = None if own else model.partners.get(partner)
    seen = count.n if count else max(relationship.weight for _, relationship in rows)
    rooms, operations, data_types = Counts(), Counts(), Counts()
    for key, relationship in rows:
        rooms.absorb(relationship.rooms)
        operations.observe(key.operation, relationship.fast.n)
        data_types.observe(key.data_type or UNKNOWN, relationship.fast.n)
    return Column(
        partner=partner,
        own=own,
        probability=min(1.0, seen / whole),
        at_least=not count,
        counts=[CountEntry(mean=count.mean, deviation=count.std, probability=min(1.0, seen / whole))] if count else [],
        same_location=rooms.get(SAME_ROOM, 0) / rooms.total if rooms else None,
        rows=[_row(model, key, relationship, now) for key, relationship in rows],
        operations=dict(operations.shares()),
        data_types=dict(data_types.shares()),
    )


def _row(model: CommunicationModel, key: Key, relationship: Relationship, now: int) -> RowEntry:
    gaps = sum(each.n for each in relationship.gaps.values())
    return RowEntry(
        operation=key.operation,
        data_type=key.data_type,
        weight=relationship.weight,
        accesses=relationship.fast.n,
        periods=[
            PeriodEntry(centre=each.centre / 1000, deviation=each.spread / 1000, probability=each.support / gaps)
            for each in periods(relationship, now)
        ],
        values=_values(relationship),
        follows=_follows(model, relationship),
    )


def _values(relationship: Relationship) -> ValuesEntry | None:
    found = usual(relationship.written, relationship.falls)
    if found is None:
        return None
    judged = 0 < found.scale < math.inf
    return ValuesEntry(
        low=found.low if judged else None,
        high=found.high if judged else None,
        others=sum(not is_number(category) for category in found.seen),
    )


def _follows(model: CommunicationModel, relationship: Relationship) -> FollowsEntry | None:
    found = required(relationship.before)
    if found is None:
        return None
    names = sorted(f"{key.operation} {key.data_type}" for key in model.relationships if mark_of(key) == found.mark)
    return FollowsEntry(names=names, within=found.within / 1000)
