"""What services of one type do, as far as a Manufacturer Usage Description tells it: no rates, periods or values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from models.federated import Federated
from models.normal_form import NormalForm
from models.relationship import Key

FULL = 1.0
"""Support of a model (SoM) that is relied on."""


class Usage(NamedTuple):
    """What is usual for one service type."""

    service_type: str
    relationships: tuple[Key, ...]
    """In order."""
    callers: tuple[str, ...]
    """Service types that use it, in order."""
    settled: bool
    """Whether the model has seen enough to be relied on."""
    left_out: int
    """Relationships that the model knows and would refuse: seen too seldom."""

    def without(self, types: Collection[str]) -> Usage:
        """Return what is usual with all other types."""
        return self._replace(
            relationships=tuple([key for key in self.relationships if key.partner not in types]),
            callers=tuple([name for name in self.callers if name not in types]),
        )


def usages(
    types: Mapping[str, Federated],
    form: Callable[[str], NormalForm | None],
    block: Callable[[str, str], float],
) -> dict[str, Usage]:
    """Return what is usual for each service type.

    Args:
        types: What is known of them.
        form: Gives the normal form of a type's model.
        block: Gives the anomaly value from which on a type's access to a partner type is refused.
    """
    usual: dict[str, list[Key]] = {}
    settled: dict[str, bool] = {}
    for name, known in types.items():
        normal = form(name)
        keys = sorted(known.model.relationships)
        usual[name] = [] if normal is None else [key for key in keys if normal.norm(key).sor < block(name, key.partner)]
        settled[name] = normal is not None and normal.som >= FULL
    callers: dict[str, set[str]] = {}
    for name, keys in usual.items():
        for key in keys:
            if not key.own:
                callers.setdefault(key.partner, set()).add(name)
    return {
        name: Usage(
            service_type=name,
            relationships=tuple(usual[name]),
            callers=tuple(sorted(callers.get(name, ()))),
            settled=settled[name],
            left_out=len(known.model.relationships) - len(usual[name]),
        )
        for name, known in sorted(types.items())
    }
