"""The seven attack classes of the paper (table III), as steps of a compromised service."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from models.access import Operation
from models.simulation.floorplan import Floorplan, Service
from models.simulation.service_models import (
    BATTERY,
    DOOR_LOCK,
    LIGHT_CONTROLLER,
    MODELS,
    MOVEMENT_SENSOR,
    TEMPERATURE_SENSOR,
    THERMOSTAT,
)
from models.simulation.step import Routine, Step

_CHARGE = ("charge", "charging")


class AttackClass(StrEnum):
    """Names as in the labels of the public data set, spelling included."""

    SCAN = "scan"
    SPYING = "spying"
    MALICIOUS_CONTROL = "malitiousControl"
    MALICIOUS_OPERATION = "malitiousOperation"
    DENIAL_OF_SERVICE = "DoSattack"
    DATA_PROBING = "dataProbing"
    WRONG_SET_UP = "wrongSetUp"


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """One attack of one service."""

    attack_class: AttackClass
    attacker: str
    """Address of the compromised service; it acts under its own, genuine identity."""
    steps: tuple[Step, ...]
    """With times from the start of the attack, in milliseconds."""

    def begin(self, start: int) -> tuple[Step, ...]:
        """Return the steps of an attack that begins at event time `start`."""
        return tuple(msgspec.structs.replace(step, time=start + step.time) for step in self.steps)

    def routine(self, start: int) -> Routine:
        """Return the same for a `Behaviour`; an attacker pays no heed to answers."""
        for step in self.begin(start):
            # A bare `yield from` would hand the answers to the tuple, which takes none.
            _ = yield step


class Strength(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how hard the attacks are. Spacings in milliseconds of event time."""

    rounds: int = 20
    """How often spying, wrong set-up, probing, malicious control and operation come round to each target."""
    round_spacing: int = 20_600
    scan_spacing: int = 1000
    flood: int = 2000
    """Number of accesses of the denial of service."""
    flood_spacing: int = 1


def seven_attacks(floorplan: Floorplan, strength: Strength | None = None) -> tuple[Attack, ...]:
    """Return one attack of each class, each by another service, in the order of the paper's table III.

    Raises ValueError where the site lacks the services for one of them.
    """
    size = strength or Strength()
    return (
        _scan(floorplan, size),
        _spying(floorplan, size),
        _malicious_control(floorplan, size),
        _malicious_operation(floorplan, size),
        _denial_of_service(floorplan, size),
        _data_probing(floorplan, size),
        _wrong_set_up(floorplan, size),
    )


def _pick(floorplan: Floorplan, service_type: str, index: int) -> Service:
    candidates = floorplan.of_type(service_type)
    if not candidates:
        raise ValueError(f"the site has no {service_type}, which one of the attacks needs")
    return candidates[index % len(candidates)]


def _rounds(size: Strength, calls: Sequence[tuple[Operation, str, str | None]]) -> tuple[Step, ...]:
    """Return all calls, evenly within a round, for every round."""
    spacing = size.round_spacing // len(calls)
    return tuple(
        Step(turn * size.round_spacing + position * spacing, operation, node, value)
        for turn in range(size.rounds)
        for position, (operation, node, value) in enumerate(calls)
    )


def _scan(floorplan: Floorplan, size: Strength) -> Attack:
    """A battery reads the main node of every other service."""
    scanner = _pick(floorplan, BATTERY, 1)
    nodes = [_main_node(service) for service in floorplan.services if service != scanner]
    steps = tuple(Step(index * size.scan_spacing, Operation.GET, node) for index, node in enumerate(nodes))
    return Attack(attack_class=AttackClass.SCAN, attacker=scanner.address, steps=steps)


def _main_node(service: Service) -> str:
    root = MODELS[service.type]
    return service.address if root.value is not None else f"{service.address}/{next(iter(root.children))}"


def _spying(floorplan: Floorplan, size: Strength) -> Attack:
    """A movement sensor, which never reads, reads how full the batteries are."""
    spy = _pick(floorplan, MOVEMENT_SENSOR, 1)
    batteries = floorplan.of_type(BATTERY)[:2]
    calls = [(Operation.GET, f"{battery.address}/{node}", None) for battery in batteries for node in _CHARGE]
    return Attack(attack_class=AttackClass.SPYING, attacker=spy.address, steps=_rounds(size, calls))


def _malicious_control(floorplan: Floorplan, size: Strength) -> Attack:
    """A door lock switches the heating off."""
    lock, heating = _pick(floorplan, DOOR_LOCK, 1), _pick(floorplan, THERMOSTAT, 0)
    steps = _rounds(size, [(Operation.SET, heating.address, "0")])
    return Attack(attack_class=AttackClass.MALICIOUS_CONTROL, attacker=lock.address, steps=steps)


def _malicious_operation(floorplan: Floorplan, size: Strength) -> Attack:
    """A thermostat writes the temperatures that it should only read."""
    heating = _pick(floorplan, THERMOSTAT, 1)
    sensors = floorplan.of_type(TEMPERATURE_SENSOR)[:2]
    steps = _rounds(size, [(Operation.SET, sensor.address, "0") for sensor in sensors])
    return Attack(attack_class=AttackClass.MALICIOUS_OPERATION, attacker=heating.address, steps=steps)


def _denial_of_service(floorplan: Floorplan, size: Strength) -> Attack:
    """A light controller floods the movement sensor that it always reads."""
    light = _pick(floorplan, LIGHT_CONTROLLER, 0)
    node = f"{floorplan.partners(light, MOVEMENT_SENSOR)[0]}/movement"
    steps = tuple(Step(index * size.flood_spacing, Operation.GET, node) for index in range(size.flood))
    return Attack(attack_class=AttackClass.DENIAL_OF_SERVICE, attacker=light.address, steps=steps)


def _data_probing(floorplan: Floorplan, size: Strength) -> Attack:
    """A temperature sensor, which writes numbers, writes a text into a text node of its own."""
    sensor = _pick(floorplan, TEMPERATURE_SENSOR, 2)
    steps = _rounds(size, [(Operation.SET, f"{sensor.address}/unit", "twenty")])
    return Attack(attack_class=AttackClass.DATA_PROBING, attacker=sensor.address, steps=steps)


def _wrong_set_up(floorplan: Floorplan, size: Strength) -> Attack:
    """A light controller looks at the movement sensor of another room."""
    light = _pick(floorplan, LIGHT_CONTROLLER, 3)
    elsewhere = [sensor for sensor in floorplan.of_type(MOVEMENT_SENSOR) if sensor.location != light.location]
    if not elsewhere:
        raise ValueError("the site has one room with a movement sensor, wrong set-up needs two")
    steps = _rounds(size, [(Operation.GET, f"{elsewhere[0].address}/movement", None)])
    return Attack(attack_class=AttackClass.WRONG_SET_UP, attacker=light.address, steps=steps)
