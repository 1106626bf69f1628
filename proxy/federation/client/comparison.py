"""What differs between two versions of what the others contributed, for an operator who wonders what came with one."""

from __future__ import annotations

import msgspec

from models.communication_model import CommunicationModel
from models.exchange.shared import Others
from models.relationship import Key

_TURNED = 0.05
"""Change of a share from which on it is told."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One joint relationship in both versions."""

    partner: str
    """Service type; empty where it is not known."""
    own: bool
    """Whether the nodes are the service's own."""
    operation: str
    data_type: str
    before: float | None
    """Share of the instance-minutes that show it; None where there was none of it."""
    after: float | None
    sites_before: int
    """Other sites that showed it."""
    sites_after: int


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What came, went and changed."""

    service_type: str
    weight_before: int
    """Instance-minutes of all others."""
    weight_after: int
    sites_before: int
    sites_after: int
    came: list[Part]
    went: list[Part]
    changed: list[Part]
    """Those whose share changed by more than 0.05, or that another number of sites shows; the greatest change first."""

    @property
    def same(self) -> bool:
        """Whether nothing changed that would be told."""
        return not (self.came or self.went or self.changed)


def compare(service_type: str, before: Others, after: Others) -> Comparison:
    """Return what differs between two versions of one service type."""
    one, other = _together(service_type, before), _together(service_type, after)
    parts = {
        key: _part(key, (one, before), (other, after))
        for key in sorted(one.relationships.keys() | other.relationships.keys())
    }
    found = parts.values()
    changed = [each for each in found if each.before is not None and each.after is not None and _differs(each)]
    return Comparison(
        service_type=service_type,
        weight_before=one.weight,
        weight_after=other.weight,
        sites_before=_sites(before),
        sites_after=_sites(after),
        came=[each for each in found if each.before is None],
        went=[each for each in found if each.after is None],
        changed=sorted(changed, key=_change, reverse=True),
    )


def _together(service_type: str, others: Others) -> CommunicationModel:
    model = CommunicationModel(service_type=service_type)
    for part in (others.site, others.elsewhere):
        if part is not None:
            model.absorb(part.model)
    return model


def _sites(others: Others) -> int:
    return others.elsewhere.origins if others.elsewhere is not None else 0


def _part(key: Key, before: tuple[CommunicationModel, Others], after: tuple[CommunicationModel, Others]) -> Part:
    return Part(
        partner=key.partner,
        own=key.own,
        operation=key.operation,
        data_type=key.data_type,
        before=_share(key, before[0]),
        after=_share(key, after[0]),
        sites_before=_supporters(key, before[1]),
        sites_after=_supporters(key, after[1]),
    )


def _share(key: Key, model: CommunicationModel) -> float | None:
    found = model.relationships.get(key)
    return None if found is None else found.weight / max(model.weight, 1)


def _supporters(key: Key, others: Others) -> int:
    return others.elsewhere.supporters.get(key, 0) if others.elsewhere is not None else 0


def _change(part: Part) -> float:
    return abs((part.after or 0.0) - (part.before or 0.0))


def _differs(part: Part) -> bool:
    return _change(part) > _TURNED or part.sites_before != part.sites_after
