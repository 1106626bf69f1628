"""From a service of a floor plan to its behaviour."""

from __future__ import annotations

from models.access import Operation
from models.simulation import energy, household, rooms, service_models
from models.simulation.behaviour import Behaviour
from models.simulation.day import ALWAYS_ALIKE, Day
from models.simulation.floorplan import Floorplan, Service
from models.simulation.pace import Pace, seeded
from models.simulation.step import Beginning, Routine, Step
from models.simulation.tempo import DATA_SET, Tempo
from models.simulation.timed_light import timed_light_controller


def behaviour(
    service: Service,
    floorplan: Floorplan,
    *,
    seed: int,
    start: int,
    tempo: Tempo = DATA_SET,
    day: Day = ALWAYS_ALIKE,
) -> Behaviour:
    """Return what a service of this site does from `start` (event time, ms) on: it registers, settles, lives.

    The same arguments and the same answers give the same steps.
    """
    pace = Pace(tempo, seeded(seed, service.address), day)

    def read_again(node: str, time: int) -> Routine:
        yield Step(time + pace.think(), Operation.GET, node)

    return Behaviour(_life(service, floorplan, pace, start), on_notify=read_again)


def _life(service: Service, floorplan: Floorplan, pace: Pace, start: int) -> Beginning:
    registered = start + pace.start_up(floorplan.services.index(service), len(floorplan.services))
    answer = yield Step(registered, Operation.REGISTER, service.address, service.type)
    ready = answer.time + pace.settle()
    if service.type == service_models.LIGHT_CONTROLLER and pace.tempo.look_timers:
        return timed_light_controller(service, floorplan, pace, ready, _update(service, floorplan, pace, start))
    return (_daily_life(service, floorplan, pace, start, ready),)


def _daily_life(service: Service, floorplan: Floorplan, pace: Pace, start: int, ready: int) -> Routine:
    match service.type:
        case service_models.MOVEMENT_SENSOR:
            return rooms.movement_sensor(service, pace, ready)
        case service_models.TEMPERATURE_SENSOR:
            return rooms.temperature_sensor(service, pace, ready)
        case service_models.LIGHT_CONTROLLER:
            return rooms.light_controller(service, floorplan, pace, ready, _update(service, floorplan, pace, start))
        case service_models.BATTERY:
            return energy.battery(service, pace, ready)
        case service_models.WASHING_MACHINE:
            return energy.washing_machine(service, floorplan, pace, ready)
        case service_models.THERMOSTAT:
            return household.thermostat(service, floorplan, pace, ready)
        case service_models.DOOR_LOCK:
            return household.door_lock(service, pace, ready)
        case service_models.SMART_PHONE:
            return household.smart_phone(service, floorplan, pace, ready)
    raise ValueError(f"{service.address}: no behaviour is known for {service.type}")


def _update(service: Service, floorplan: Floorplan, pace: Pace, start: int) -> int | None:
    """Return when a light controller is updated: one after the other, as they stand in the floor plan."""
    if pace.tempo.update_after is None:
        return None
    lights = floorplan.of_type(service_models.LIGHT_CONTROLLER)
    turn = lights.index(service) / max(1, len(lights) - 1)
    return start + pace.tempo.update_after + round(turn * pace.tempo.update_rollout)
