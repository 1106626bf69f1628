"""One attack of each of the paper's seven classes on one site, for live sites and for measurements."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from types import MappingProxyType

from models.simulation.catalogue import PAPER
from models.simulation.floorplan import Floorplan
from models.simulation.intrusion import Intrusion

_DRAWS = 50
"""How often a recipe is tried until its attacker is a new one."""


def seven_attacks(
    site: Floorplan, seed: int, strengths: Mapping[str, float] = MappingProxyType({})
) -> tuple[Intrusion, ...]:
    """Return an attack of each class, in the order of the paper's table III, each by another service.

    So none of them is found for what an earlier one did. One is by a newcomer, whom the floor plan does not know.

    Args:
        site: What is attacked.
        seed: The same one gives the same attacks.
        strengths: By class, in the catalogue's units; the catalogue's own where there is none.

    Raises:
        ValueError: the site lacks the services for one of them, or has too few for seven attackers.
    """
    source = random.Random(f"{seed} attacks")
    chosen: list[Intrusion] = []
    for name, kind in PAPER.items():
        strength = strengths.get(name, kind.strength)
        draws = (kind.recipe(site, strength, source) for _ in itertools.repeat(None, _DRAWS))
        attackers = {each.attacker.address for each in chosen}
        attack = next((each for each in draws if each.attacker.address not in attackers), None)
        if attack is None:
            raise ValueError(f"{name}: every service that could attack does so in another way already")
        chosen.append(attack)
    return tuple(chosen)
