"""A communication model in the form of the paper's Table II, for people."""

from __future__ import annotations

from collections.abc import Iterator

from models.categorical import SAME_ROOM, Counts
from models.communication_model import CommunicationModel
from models.normal_form import periods
from models.relationship import Key, Relationship


def table(model: CommunicationModel, now: int) -> str:
    """Render a model as the paper's Table II: one block per partner type, each entry with its probability.

    Args:
        model: The model.
        now: Minutes since the epoch, for staleness.
    """
    lines = [f"{model.service_type or '(unknown type)'}: {model.weight} instance-minutes"]
    by_partner: dict[tuple[str, bool], list[tuple[Key, Relationship]]] = {}
    for key, relationship in sorted(model.relationships.items()):
        by_partner.setdefault((key.partner, key.own), []).append((key, relationship))
    for (partner, own), rows in by_partner.items():
        lines.append("")
        lines += _block(model, partner, rows, own=own, now=now)
    return "\n".join(lines)


def _block(
    model: CommunicationModel, partner: str, rows: list[tuple[Key, Relationship]], *, own: bool, now: int
) -> Iterator[str]:
    weight = max(relationship.weight for _, relationship in rows)
    share = f" (at least {weight / model.weight:.2f})" if model.weight else ""
    yield f"  {'Partner type':<16} {partner or '(unknown type)'}{' (itself)' if own else ''}{share}"
    count = model.partners.get(partner)
    if count is not None and count.n and not own:
        yield f"  {'# partner type':<16} {count.mean:.1f} (σ {count.std:.1f})"
    rooms, operations, data_types = Counts(), Counts(), Counts()
    for key, relationship in rows:
        rooms.absorb(relationship.rooms)
        operations.observe(key.operation, relationship.fast.n)
        data_types.observe(key.data_type or "(unknown type)", relationship.fast.n)
    if rooms:
        same = rooms.get(SAME_ROOM, 0) / rooms.total
        yield f"  {'Same location':<16} " + (f"yes ({same:.2f})" if same >= 1 - same else f"no ({1 - same:.2f})")
    for key, relationship in rows:
        found = "; ".join(f"{each.centre / 1000:.3g} s" for each in periods(relationship, now))
        yield f"  {'Periods':<16} {key.operation} {key.data_type}: [{found}]"
    yield f"  {'Operation types':<16} {_shares(operations)}"
    yield f"  {'Data types':<16} {_shares(data_types)}"


def _shares(counts: Counts) -> str:
    return ", ".join(f"{category} ({share:.2f})" for category, share in counts.shares())
