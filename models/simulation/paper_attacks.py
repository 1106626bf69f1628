"""The seven attack classes of the paper (table III) as the public data set carries them out, in its variants.

Each takes a site, a strength and a source of chance, and raises ValueError where the site lacks the services.
"""

from __future__ import annotations

import random
from enum import StrEnum

from models.access import Operation
from models.simulation import service_models
from models.simulation.floorplan import Floorplan, Service
from models.simulation.intrusion import (
    SECOND,
    Call,
    Intrusion,
    any_of,
    look_at_home,
    look_elsewhere,
    repeated,
    strange_nodes,
)
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


class AttackClass(StrEnum):
    """Names as in the labels of the public data set, spelling included."""

    SCAN = "scan"
    SPYING = "spying"
    MALICIOUS_CONTROL = "malitiousControl"
    MALICIOUS_OPERATION = "malitiousOperation"
    DENIAL_OF_SERVICE = "DoSattack"
    DATA_PROBING = "dataProbing"
    WRONG_SET_UP = "wrongSetUp"


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
    attacker, call = any_of(source, site, DOOR_LOCK), heating_off(source, site)
    steps = repeated(source, [call], 14, strength * SECOND)
    return Intrusion(label=AttackClass.MALICIOUS_CONTROL, attacker=attacker, steps=steps)


def denial_of_service(site: Floorplan, strength: float, source: random.Random) -> Intrusion:
    """A service floods a node, one that it always reads or a new one. Strength: accesses, 1 ms apart."""
    if source.random() < 0.5:  # noqa: PLR2004 -- as in the data set, one of each
        attacker = any_of(source, site, LIGHT_CONTROLLER)
        call = look_at_home(site, attacker)
    else:
        attacker = any_of(source, site, THERMOSTAT)
        call = (Operation.GET, f"{any_of(source, site, DOOR_LOCK).address}/open", None)
    steps = tuple(Step(index, *call) for index in range(round(strength)))
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
    steps = repeated(source, [look_elsewhere(source, site, model)], 120, strength * SECOND, spread=0.1)
    return Intrusion(label=AttackClass.WRONG_SET_UP, attacker=stranger_like(model), steps=steps)


def heating_off(source: random.Random, site: Floorplan) -> Call:
    """Return the call that switches the heating off, which only its owner makes."""
    return Operation.SET, any_of(source, site, THERMOSTAT).address, "0"


def stranger_like(service: Service) -> Service:
    """Return a service of the same type in the same room that no floor plan knows and nobody registered."""
    return Service(f"{service.id}b", service.agent, service.type, service.location, service.partners)
