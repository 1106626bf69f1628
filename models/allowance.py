"""How much a place adopts of what others know: bounded for all service types together, whatever is told (ADR 0020).

Each adoption is made anew by every worker between two calls, and all of them are part of what a worker begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

import msgspec

from models.candidates import QUORUM
from models.communication_model import CommunicationModel
from models.exchange.shared import MOST_ENTRIES, MOST_RELATIONSHIPS, Others, Shared
from models.relationship import LEAST_ENTRIES

_OF_PARTNERS = 8
"""The part, one of so many, of the entries of a type that may be partner types."""


class Size(NamedTuple):
    """How much there is of models."""

    relationships: int = 0
    entries: int = 0
    """Sums in them, each with its key: what time and room go by."""

    def plus(self, other: Size) -> Self:
        """Return both together."""
        return type(self)(self.relationships + other.relationships, self.entries + other.entries)

    def less(self, other: Size) -> Self:
        """Return what is left without the other."""
        return type(self)(self.relationships - other.relationships, self.entries - other.entries)

    def within(self, most: Size) -> bool:
        """Tell whether it is no more than that."""
        return self.relationships <= most.relationships and self.entries <= most.entries


ALL = Size(4096, 32_768)
"""Of everything that is adopted: some three MB in storage."""
OF_ONE = Size(MOST_RELATIONSHIPS, MOST_ENTRIES)
"""Of one service type: as much as is told of one sum."""


def share(types: int) -> Size:
    """Return what is adopted of one type at most, where so many live here: less of each if they are many."""
    return Size(*(min(one, whole // max(1, types)) for one, whole in zip(OF_ONE, ALL, strict=True)))


def size(others: Others | None) -> Size:
    """Return how much that is."""
    found = Size()
    for part in () if others is None else (others.site, others.elsewhere):
        if part is not None:
            found = found.plus(_size(part.model))
    return found


def sites(others: Others) -> int:
    """Return how many sites are behind it. The nodes of the own site are one."""
    here = others.site is not None and others.site.origins > 0
    return here + (0 if others.elsewhere is None else others.elsewhere.origins)


def quorate(others: Others) -> bool:
    """Tell whether enough sites have the type that it is adopted where it does not live: one may have made it up."""
    return sites(others) >= QUORUM


def cut(others: Others, most: Size) -> Others:
    """Return the most important part of what is told: what most sites show, of that what was seen most.

    The own site's part comes first, and has half of the room at most. To cut again changes nothing.
    """
    if size(others).within(most):
        return others
    if others.site is None:
        return Others(elsewhere=_cut(others.elsewhere, most))
    half = most if others.elsewhere is None else Size(most.relationships // 2, most.entries // 2)
    site = _cut(others.site, half)
    used = size(Others(site=site))
    return Others(site=site, elsewhere=_cut(others.elsewhere, most.less(used)))


def _cut(part: Shared | None, most: Size) -> Shared | None:
    if part is None or _size(part.model).within(most):
        return part
    model, supporters = part.model, part.supporters
    partners = dict(_first(model.partners.items(), lambda each: (each[1].n, each[0]), most.entries // _OF_PARTNERS))
    order = sorted(
        model.relationships.items(), key=lambda each: (supporters[each[0]], each[1].weight, each[0]), reverse=True
    )
    kept, left = set(), Size(most.relationships, most.entries - len(partners))
    for key, relationship in order:
        if not left.relationships or left.entries < LEAST_ENTRIES:
            break
        # One that is too large leaves its room to those after it, else one origin's could keep out all others.
        if (entries := relationship.entries) <= left.entries:
            kept.add(key)
            left = Size(left.relationships - 1, left.entries - entries)
    relationships = {key: each for key, each in model.relationships.items() if key in kept}
    return msgspec.structs.replace(
        part,
        supporters={key: supporters[key] for key in relationships},
        model=msgspec.structs.replace(
            model,
            relationships=relationships,
            partners={name: each for name, each in model.partners.items() if name in partners},
        ),
    )


def _first[T](entries: Iterable[T], rank: Callable[[T], Any], number: int) -> list[T]:
    return sorted(entries, key=rank, reverse=True)[:number]


def _size(model: CommunicationModel) -> Size:
    relationships = model.relationships
    return Size(len(relationships), len(model.partners) + sum(each.entries for each in relationships.values()))
