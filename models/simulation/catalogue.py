"""The attacks that can be simulated, by name, with what their strength means and how they are spread over a trace."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from models.simulation import harder_attacks, paper_attacks
from models.simulation.floorplan import Floorplan
from models.simulation.harder_attacks import HarderClass
from models.simulation.intrusion import Intrusion
from models.simulation.paper_attacks import AttackClass

type Recipe = Callable[[Floorplan, float, random.Random], Intrusion]
"""(site, strength, chance) -> attack; ValueError where the site lacks the services."""

MOST_EPISODES = 1000
"""Of one attack in a trace."""
_SPACING = (0.1, 3600.0)
"""Seconds between two accesses."""
_MINUTES = (1.0, 1440.0)

POISONING_TWO = "poisoningTwo"
SINGLE_UPDATE = "singleUpdate"


class Kind(NamedTuple):
    """One attack of the catalogue."""

    recipe: Recipe
    strength: float
    """Where none is asked for."""
    unit: str
    """What it counts."""
    episodes: int
    """How many, where no number is asked for."""
    between: tuple[float, float] = _SPACING
    """Least and greatest strength: what is beyond has no end, or is no attack of this kind any more."""
    poisoned: int = 0
    """Sites in which it also goes on from the beginning to the end; its episodes then come later, in others."""
    once: bool = False
    """Whether one episode starts half-way and goes on to the end."""


class AttackPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An attack that a scenario asks for. What is left out is drawn from the scenario's seed or the catalogue's."""

    name: str
    """Of the catalogue."""
    strength: float | None = None
    """In the catalogue's unit; positive."""
    start: float | None = None
    """Seconds from the begin of the trace, for one episode."""
    site: int | None = None
    """Number of the site, from 1; of a poisoning, the first that is poisoned."""
    episodes: int | None = None


PAPER: Mapping[str, Kind] = MappingProxyType(
    {
        AttackClass.SCAN.value: Kind(paper_attacks.scan, 1.0, "seconds between two accesses", 3),
        AttackClass.SPYING.value: Kind(paper_attacks.spying, 0.5, "seconds between two accesses", 4),
        AttackClass.MALICIOUS_CONTROL.value: Kind(
            paper_attacks.malicious_control, 10.0, "seconds between two accesses", 3
        ),
        AttackClass.MALICIOUS_OPERATION.value: Kind(
            paper_attacks.malicious_operation, 15.0, "seconds between two accesses", 4
        ),
        AttackClass.DENIAL_OF_SERVICE.value: Kind(
            paper_attacks.denial_of_service, 2000.0, "accesses, a millisecond apart", 2, (2.0, 100_000.0)
        ),
        AttackClass.DATA_PROBING.value: Kind(paper_attacks.data_probing, 20.6, "seconds between two accesses", 3),
        AttackClass.WRONG_SET_UP.value: Kind(paper_attacks.wrong_set_up, 20.6, "seconds between two accesses", 2),
    }
)
"""The seven classes of the paper."""

HARDER: Mapping[str, Kind] = MappingProxyType(
    {
        HarderClass.SLOW_DENIAL_OF_SERVICE.value: Kind(
            harder_attacks.slow_denial_of_service, 4.0, "times the usual rate", 6, (0.1, 1000.0)
        ),
        HarderClass.OUT_OF_RANGE.value: Kind(
            harder_attacks.out_of_range, 15.0, "how far values are off", 6, (0.001, 1e6)
        ),
        HarderClass.DRIFT.value: Kind(harder_attacks.drift, 4.0, "degrees per hour", 3, (0.001, 1000.0)),
        HarderClass.CROSS_ROOM.value: Kind(harder_attacks.cross_room, 20.6, "seconds between two accesses", 6),
        HarderClass.SLOW_SCAN.value: Kind(
            harder_attacks.slow_scan, 3.0, "minutes between two new nodes", 4, (0.01, 1440.0)
        ),
        HarderClass.POISONING.value: Kind(
            harder_attacks.poisoning, 60.0, "seconds between two accesses", 3, poisoned=1
        ),
        POISONING_TWO: Kind(harder_attacks.poisoning, 60.0, "seconds between two accesses", 3, poisoned=2),
        HarderClass.MIMICRY.value: Kind(harder_attacks.mimicry, 20.6, "seconds between two additional accesses", 6),
        HarderClass.MALICIOUS_PERIOD.value: Kind(
            harder_attacks.malicious_period, 10.0, "minutes between two additional accesses, on average", 6, _MINUTES
        ),
        HarderClass.UNREGISTERED.value: Kind(harder_attacks.unregistered, 20.6, "seconds between two accesses", 4),
        HarderClass.RENAMED.value: Kind(harder_attacks.renamed, 30.0, "minutes", 4, _MINUTES),
        HarderClass.EVENT_ORDER.value: Kind(harder_attacks.event_order, 20.0, "minutes", 4, _MINUTES),
        HarderClass.MISSING_ACCESS.value: Kind(harder_attacks.missing_access, 20.0, "minutes", 4, _MINUTES),
    }
)
"""What looks much like ordinary life. Labels are the names, but for `poisoningTwo`, whose label is `poisoning`."""

LEGITIMATE: Mapping[str, Kind] = MappingProxyType(
    {SINGLE_UPDATE: Kind(harder_attacks.single_update, 20.6, "seconds between two accesses", 1, once=True)}
)
"""Changes that are no attacks, labelled normal."""

CATALOGUE: Mapping[str, Kind] = MappingProxyType({**PAPER, **HARDER, **LEGITIMATE})

_BY_NAME_ONLY = frozenset({POISONING_TWO, HarderClass.MALICIOUS_PERIOD.value})
"""In no group: the second poisoning would be the same attack in sites of the first, and single irregular accesses are
some only where timers are (`Scenario.timers`)."""

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "paper": tuple(PAPER),
        "harder": tuple(name for name in HARDER if name not in _BY_NAME_ONLY),
        "all": (*PAPER, *(name for name in HARDER if name not in _BY_NAME_ONLY)),
        "none": (),
    }
)
"""Names for several at once."""


def parse_attacks(text: str) -> tuple[AttackPlan, ...]:
    """Read attacks as a user writes them, e.g. `paper,slowDoS:4`: names or groups, with a strength after a colon.

    Raises:
        ValueError: a name that is neither, or a strength that the attack cannot have.
    """
    return expand(part.strip() for part in text.split(",") if part.strip())


def expand(wanted: Iterable[AttackPlan | str]) -> tuple[AttackPlan, ...]:
    """Return plans for names, groups and plans; raise ValueError as `parse_attacks`."""
    plans: list[AttackPlan] = []
    for each in wanted:
        if isinstance(each, str):
            name, colon, strength = each.partition(":")
            if name in GROUPS and not colon:
                plans += [AttackPlan(name=member) for member in GROUPS[name]]
                continue
            plan = AttackPlan(name=name, strength=_number(each, strength) if colon else None)
        else:
            plan = each
        _check(plan)
        plans.append(plan)
    return tuple(plans)


def _number(whole: str, strength: str) -> float:
    try:
        return float(strength)
    except ValueError:
        raise ValueError(f"{whole!r}: the strength after the colon is a number, e.g. slowDoS:4") from None


def _check(plan: AttackPlan) -> None:
    if plan.name not in CATALOGUE:
        known = ", ".join((*GROUPS, *CATALOGUE))
        raise ValueError(f"{plan.name!r} is no attack; there are {known}")
    kind = CATALOGUE[plan.name]
    least, most = kind.between
    if plan.strength is not None and not least <= plan.strength <= most:
        raise ValueError(f"{plan.name}: a strength is a number from {least:g} to {most:g}, in {kind.unit}")
    if plan.start is not None and not 0 <= plan.start < float("inf"):
        raise ValueError(f"{plan.name}: an attack starts at a second of the trace, 0 or later")
    if plan.episodes is not None and not 1 <= plan.episodes <= MOST_EPISODES:
        raise ValueError(f"{plan.name}: there are 1 to {MOST_EPISODES} episodes")
