"""What an attacker does in a simulated site: calls of its own, and what becomes of those of a service it holds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from models.access import Operation
from models.simulation.behaviour import Behaviour
from models.simulation.floorplan import Floorplan, Service
from models.simulation.service_models import MODELS, MOVEMENT_SENSOR
from models.simulation.step import Routine, Step
from models.simulation.tempo import DATA_SET

SECOND = 1000
MINUTE = 60 * SECOND
"""Milliseconds."""
CYCLE = DATA_SET.cycle
"""Milliseconds of the loop that nearly all services of the data set share."""

type Call = tuple[Operation, str, str | None]
"""Operation, node, value."""


class Shown(NamedTuple):
    """How a tampered call looks to an observer."""

    step: Step
    label: str
    source: Service | None = None
    """Who seems to call; `None`: the service itself."""


type Tampering = Callable[[Step, int], Shown | None]
"""(call of the attacked service, ms since the attack began) -> how it shows; `None` if it does not show at all."""


class Intrusion(msgspec.Struct, frozen=True, kw_only=True):
    """One attack on one site, told from its beginning.

    Nothing it writes takes effect: others read on what they would have read, so that the labelled accesses are the
    only unusual ones and labels are exact.
    """

    label: str
    attacker: Service
    """Need not be a service of the floor plan."""
    steps: tuple[Step, ...] = ()
    """Its own calls, with times from the start of the attack, in milliseconds."""
    data_type: str | None = None
    """Type as which it accesses nodes, where it pretends another one than theirs."""
    tampering: Tampering | None = None
    """What it does to the attacker's ordinary calls."""
    lasting: int = 0
    """Milliseconds for which it tampers."""

    @property
    def duration(self) -> int:
        """Milliseconds from its beginning to its last call."""
        return max(self.lasting, self.steps[-1].time if self.steps else 0)

    def behaviour(self, start: int) -> Behaviour:
        """Return its own calls as a behaviour that begins at event time `start`."""
        return Behaviour(self._routine(start))

    def _routine(self, start: int) -> Routine:
        for step in self.steps:
            # A bare `yield from` would hand the answers to the tuple, which takes none.
            _ = yield msgspec.structs.replace(step, time=start + step.time)


def repeated(
    source: random.Random, calls: Sequence[Call], count: int, spacing: float, spread: float = 0.2
) -> tuple[Step, ...]:
    """Return `count` of the calls, in turn, about `spacing` milliseconds apart.

    Args:
        source: Where irregularity comes from.
        calls: What is called.
        count: How many calls there are.
        spacing: Mean time between two, ms.
        spread: Share of it by which a gap may differ.
    """
    time, steps = 0.0, []
    for number in range(count):
        steps.append(Step(round(time), *calls[number % len(calls)]))
        time += spacing * source.uniform(1 - spread, 1 + spread)
    return tuple(steps)


def any_of(source: random.Random, floorplan: Floorplan, *service_types: str) -> Service:
    """Return a service of one of the types; raise ValueError if the site has none."""
    candidates = [service for service in floorplan.services if service.type in service_types]
    if not candidates:
        raise ValueError(f"the site has no {' or '.join(service_types)}, which the attack needs")
    return source.choice(candidates)


def look_at_home(floorplan: Floorplan, controller: Service) -> Call:
    """Return the call with which a light controller always looks at the movement in its own room."""
    return Operation.GET, f"{floorplan.partners(controller, MOVEMENT_SENSOR)[0]}/movement", None


def look_elsewhere(source: random.Random, floorplan: Floorplan, controller: Service) -> Call:
    """Return the same for the movement in another room; raise ValueError if the site has none in another."""
    elsewhere = [each for each in floorplan.of_type(MOVEMENT_SENSOR) if each.location != controller.location]
    if not elsewhere:
        raise ValueError("the site has one room with a movement sensor, the attack needs two")
    return Operation.GET, f"{source.choice(elsewhere).address}/movement", None


def main_node(service: Service) -> str:
    """Return the node of a service that tells most: its root if that has a value, else the first below."""
    root = MODELS[service.type]
    return service.address if root.value is not None else f"{service.address}/{next(iter(root.children))}"


def strange_nodes(source: random.Random, floorplan: Floorplan, attacker: Service) -> list[str]:
    """Return main nodes of services that the attacker has nothing to do with, in random order."""
    nodes = [
        main_node(service)
        for service in floorplan.services
        if service.address != attacker.address and service.address not in attacker.partners
    ]
    source.shuffle(nodes)
    return nodes
