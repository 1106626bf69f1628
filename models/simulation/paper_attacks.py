"""The seven classes of the paper (table III) as the public data set carries them out, in its variants.

Each takes a site, a strength and a source of chance, and raises ValueError where the site lacks the services.
"""

from __future__ import annotations

import random

from models.access import Operation
from models.simulation import service_models
from models.simulation.attacks import AttackClass
from models.simulation.floorplan import Floorplan, Service
from models.simulation.intrusion import SECOND, Call, Intrusion, any_of, repeated, strange_nodes
from models.simulation.service_models import (
    BATTERY,
    COMPOSED,
    DOOR_LOCK,
    LIGHT_CONTROLLER,
    MOVEMENT_SENSOR,
    TEMPERATURE_SENSOR,
    TEXT,
    THERMOSTAT,
    WASHING_MACHINE,
)
from models.simulation.step import Step

_SCANNED = 12
"""Nodes of a scan."""
_PASSES = 5
"""How often a scan comes round."""


def scan(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A service reads nodes all over the site. Strength: seconds between two accesses."""
    attacker = any_of(source, site, WASHING_MACHINE, BATTERY, DOOR_LOCK)
    nodes = strange_nodes(source, site, attacker)[:_SCANNED]
    calls: list[Call] = [(Operation.GET, node, None) for node in nodes]
    steps = repeated(source, calls, _PASSES * len(calls), strength * SECOND, spread=0.9)
    return Intrusion(label=AttackClass.SCAN, attacker=attacker, steps=steps)


def spying(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A service reads what it never reads. Strength: seconds between two accesses."""
    spies: list[tuple[str, str, tuple[str, ...]]] = [
        (TEMPERATURE_SENSOR, LIGHT_CONTROLLER, ("lightOn",)),
        (THERMOSTAT, DOOR_LOCK, ("open",)),
    ]
    if site.of_type(BATTERY):
        spies.append((MOVEMENT_SENSOR, BATTERY, ("charge", "charging")))
    spy, victim, names = source.choice(spies)
    victims = site.of_type(victim)[:2]
    calls: list[Call] = [(Operation.GET, f"{each.address}/{name}", None) for each in victims for name in names]
    attacker = any_of(source, site, spy)
    return Intrusion(label=AttackClass.SPYING, attacker=attacker, steps=repeated(source, calls, 110, strength * SECOND))


def malicious_operation(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A service writes or locks what it only reads. Strength: seconds between two accesses."""
    attackers = [LIGHT_CONTROLLER, THERMOSTAT]
    if site.of_type(WASHING_MACHINE):
        attackers.append(WASHING_MACHINE)
    attacker = any_of(source, site, source.choice(attackers))
    match attacker.type:
        case service_models.LIGHT_CONTROLLER:
            calls: list[Call] = [
                (Operation.SET, f"{node}/movement", "1") for node in site.partners(attacker, MOVEMENT_SENSOR)
            ]
        case service_models.THERMOSTAT:
            calls = [(Operation.SET, node, "5.1") for node in site.partners(attacker, TEMPERATURE_SENSOR)[:2]]
        case _:
            calls = [(Operation.LOCK, f"{node}/charging", None) for node in site.partners(attacker, BATTERY)]
    steps = repeated(source, calls, 120, strength * SECOND)
    return Intrusion(label=AttackClass.MALICIOUS_OPERATION, attacker=attacker, steps=steps)


def malicious_control(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A door lock switches the heating off. Strength: seconds between two accesses."""
    attacker, heating = any_of(source, site, DOOR_LOCK), any_of(source, site, THERMOSTAT)
    steps = repeated(source, [(Operation.SET, heating.address, "0")], 14, strength * SECOND)
    return Intrusion(label=AttackClass.MALICIOUS_CONTROL, attacker=attacker, steps=steps)


def denial_of_service(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A service floods a node, one that it always reads or a new one. Strength: accesses, 1 ms apart."""
    if source.random() < 0.5:  # noqa: PLR2004 -- as in the data set, one of each
        attacker = any_of(source, site, LIGHT_CONTROLLER)
        node = f"{site.partners(attacker, MOVEMENT_SENSOR)[0]}/movement"
    else:
        attacker = any_of(source, site, THERMOSTAT)
        node = f"{any_of(source, site, DOOR_LOCK).address}/open"
    steps = tuple(Step(index, Operation.GET, node) for index in range(round(strength)))
    return Intrusion(label=AttackClass.DENIAL_OF_SERVICE, attacker=attacker, steps=steps)


def data_probing(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A service writes a node as if it were of another type. Strength: seconds between two accesses."""
    machines = site.of_type(WASHING_MACHINE)
    if machines and source.random() < 0.5:  # noqa: PLR2004 -- as in the data set, one of each
        attacker = source.choice(machines)
        call: Call = (Operation.SET, f"{site.partners(attacker, BATTERY)[0]}/charge", "")
        data_type = COMPOSED
    else:
        attacker = any_of(source, site, TEMPERATURE_SENSOR)
        call, data_type = (Operation.SET, attacker.address, "twenty"), TEXT
    steps = repeated(source, [call], 150, strength * SECOND, spread=0.1)
    return Intrusion(label=AttackClass.DATA_PROBING, attacker=attacker, steps=steps, data_type=data_type)


def wrong_set_up(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A light controller that nobody registered looks at another room's movement. Strength: seconds between looks."""
    model = any_of(source, site, LIGHT_CONTROLLER)
    elsewhere = [each for each in site.of_type(MOVEMENT_SENSOR) if each.location != model.location]
    if not elsewhere:
        raise ValueError("the site has one room with a movement sensor, wrong set-up needs two")
    call: Call = (Operation.GET, f"{source.choice(elsewhere).address}/movement", None)
    steps = repeated(source, [call], 120, strength * SECOND, spread=0.1)
    return Intrusion(label=AttackClass.WRONG_SET_UP, attacker=stranger_like(model), steps=steps)


def stranger_like(service: Service) -> Service:
    """Return a service of the same type in the same room that no floor plan knows and nobody registered."""
    return Service(f"{service.id}b", service.agent, service.type, service.location, service.partners)
