"""From a service of a floor plan to its behaviour."""

from __future__ import annotations

from models.access import Operation
from models.simulation import energy, household, rooms, service_models
from models.simulation.behaviour import Behaviour
from models.simulation.floorplan import Floorplan, Service
from models.simulation.pace import Pace, seeded
from models.simulation.step import Routine, Step
from models.simulation.tempo import DATA_SET, Tempo


def behaviour(service: Service, floorplan: Floorplan, *, seed: int, start: int, tempo: Tempo = DATA_SET) -> Behaviour:
    """Return what a service of this site does from `start` (event time, ms) on: it registers, settles, lives.

    The same arguments and the same answers give the same steps.
    """
    pace = Pace(tempo, seeded(seed, service.address))

    def read_again(node: str, time: int) -> Routine:
        yield Step(time + pace.think(), Operation.GET, node)

    return Behaviour(_life(service, floorplan, pace, start), on_notify=read_again)


def _life(service: Service, floorplan: Floorplan, pace: Pace, start: int) -> Routine:
    registered = start + pace.start_up(floorplan.services.index(service), len(floorplan.services))
    answer = yield Step(registered, Operation.REGISTER, service.address, service.type)
    yield from _daily_life(service, floorplan, pace, start, answer.time + pace.settle())


def _daily_life(service: Service, floorplan: Floorplan, pace: Pace, start: int, ready: int) -> Routine:
    match service.type:
        case service_models.MOVEMENT_SENSOR:
            return rooms.movement_sensor(service, pace, ready)
        case service_models.TEMPERATURE_SENSOR:
            return rooms.temperature_sensor(service, pace, ready)
        case service_models.LIGHT_CONTROLLER:
            after = pace.tempo.update_after
            return rooms.light_controller(service, floorplan, pace, ready, None if after is None else start + after)
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
