"""What lives in every room: movement sensor, temperature sensor, light controller."""

from __future__ import annotations

from models.access import Operation
from models.simulation.climate import Climate
from models.simulation.floorplan import Floorplan, Service
from models.simulation.pace import Pace
from models.simulation.service_models import MOVEMENT_SENSOR, TEMPERATURE_SENSOR
from models.simulation.step import Routine, Step


def movement_sensor(service: Service, pace: Pace, ready: int) -> Routine:
    """Write `movement` whenever somebody comes or goes, and a second later when that was."""
    per_day = pace.source.uniform(*pace.tempo.movement_changes_per_day)
    moving, time = False, ready
    while True:
        time = pace.next_happening(time, per_day)
        moving = not moving
        answer = yield Step(time, Operation.SET, f"{service.address}/movement", "1" if moving else "0")
        changed = str(answer.time)
        answer = yield Step(answer.time + 1000, Operation.SET, f"{service.address}/lastChange", changed)
        time = max(time, answer.time)


def temperature_sensor(service: Service, pace: Pace, ready: int) -> Routine:
    """Write the measured temperature into the own root node once per cycle."""
    turn, climate = ready, Climate(pace.source)
    while True:
        answer = yield Step(turn, Operation.SET, service.address, f"{climate.at(turn):.4f}")
        turn = pace.next_turn(turn, pace.tempo.cycle, answer.time)


def light_controller(service: Service, floorplan: Floorplan, pace: Pace, ready: int, updated: int | None) -> Routine:
    """Look at the room's movement sensor once per cycle and switch the light to match.

    From event time `updated` on also look at the room's temperature: the data set's software update.
    """
    movement = floorplan.partners(service, MOVEMENT_SENSOR)[0]
    temperatures = floorplan.partners(service, TEMPERATURE_SENSOR)
    light, turn = "0", ready
    while True:
        answer = yield Step(turn, Operation.GET, f"{movement}/movement")
        if answer.value in {"0", "1"} and answer.value != light:
            light = answer.value
            answer = yield Step(answer.time + pace.think(), Operation.SET, f"{service.address}/lightOn", light)
        if updated is not None and turn >= updated:
            for temperature in temperatures:
                answer = yield Step(answer.time + pace.think(), Operation.GET, temperature)
        turn = pace.next_turn(turn, pace.tempo.cycle, answer.time)
