"""Thermostats, door locks and smart phones: what happens now and then."""

from __future__ import annotations

from models.access import Operation
from models.simulation.floorplan import Floorplan, Service
from models.simulation.pace import Pace
from models.simulation.service_models import (
    BATTERY,
    LIGHT_CONTROLLER,
    MOVEMENT_SENSOR,
    TEMPERATURE_SENSOR,
    THERMOSTAT,
    WASHING_MACHINE,
)
from models.simulation.step import Routine, Step
from models.simulation.transaction import in_transaction

COMFORTABLE = 21.0
"""Degrees Celsius; below it the heating is on."""

CURIOSITY = (
    (TEMPERATURE_SENSOR, "", 52),
    (BATTERY, "/charging", 19),
    (LIGHT_CONTROLLER, "/lightOn", 11),
    (BATTERY, "/charge", 7),
    (MOVEMENT_SENSOR, "/movement", 6),
    (WASHING_MACHINE, "/washing", 4),
    (THERMOSTAT, "/heatingOn", 1),
)
"""What smart phones read: (service type, node, share in per cent), as in the data set."""


def thermostat(service: Service, floorplan: Floorplan, pace: Pace, ready: int) -> Routine:
    """Read all temperatures of the site, near and far, then switch the heating in the own root node."""
    turn = ready
    sensors = floorplan.partners(service, TEMPERATURE_SENSOR)
    while True:
        time, degrees = turn, []
        for sensor in sensors:
            answer = yield Step(time, Operation.GET, sensor)
            time = answer.time + pace.think()
            if (value := as_degrees(answer.value)) is not None:
                degrees.append(value)
        heating = bool(degrees) and sum(degrees) / len(degrees) < COMFORTABLE
        write = Step(time, Operation.SET, service.address, "1" if heating else "0")
        if pace.source.random() < pace.tempo.transaction_share:
            answer = yield from in_transaction(service.address, write, pace)
        else:
            answer = yield write
        turn = pace.next_turn(turn, pace.tempo.thermostat_period, answer.time)


def door_lock(service: Service, pace: Pace, ready: int) -> Routine:
    """Report to be shut, read it back, subscribe to it; then open and shut rarely."""
    node = f"{service.address}/open"
    answer = yield Step(ready, Operation.SET, node, "false")
    answer = yield Step(answer.time + pace.tempo.cycle, Operation.GET, node)
    answer = yield Step(answer.time + pace.think(), Operation.SUBSCRIBE, node)
    while True:
        opened = pace.next_happening(answer.time, pace.tempo.door_uses_per_day)
        answer = yield Step(opened, Operation.SET, node, "true")
        answer = yield Step(answer.time + pace.tempo.cycle, Operation.SET, node, "false")


def smart_phone(service: Service, floorplan: Floorplan, pace: Pace, ready: int) -> Routine:
    """Read single nodes of many services, irregularly: unusual and yet normal."""
    targets = {kind: floorplan.partners(service, kind) for kind, _, _ in CURIOSITY}
    wishes = [(kind, node) for kind, node, _ in CURIOSITY if targets[kind]]
    shares = [share for kind, _, share in CURIOSITY if targets[kind]]
    time = ready
    while True:
        time = pace.next_happening(time, pace.tempo.phone_reads_per_day)
        kind, node = pace.source.choices(wishes, shares)[0]
        answer = yield Step(time, Operation.GET, pace.source.choice(targets[kind]) + node)
        time = max(time, answer.time)


def as_degrees(value: str | None) -> float | None:
    """Return a temperature as a number; `None` for anything that is none."""
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None
