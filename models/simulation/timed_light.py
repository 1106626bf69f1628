"""A light controller that looks by several timers at once: superposed in the times of one flow."""

from __future__ import annotations

import msgspec

from models.access import Operation
from models.simulation.floorplan import Floorplan, Service
from models.simulation.pace import Pace
from models.simulation.service_models import MOVEMENT_SENSOR, TEMPERATURE_SENSOR
from models.simulation.step import Routine, Step

_REARMING = 0.5
"""Share of the timers that are set again when they fire, so that their noise adds up; the others keep to a grid."""


class _Light(msgspec.Struct):
    """What all timers of a controller know of its light."""

    on: str = "0"


def timed_light_controller(
    service: Service, floorplan: Floorplan, pace: Pace, ready: int, updated: int | None
) -> tuple[Routine, ...]:
    """Return what each timer of a light controller does: look at the movement, switch the light to match.

    They do not wait for each other. At event time `updated` all end, as with new software, and those of the update
    begin, which also look at the room's temperature.
    """
    light = _Light()
    tempo = pace.tempo
    old = [_looks(service, floorplan, pace, period, (ready, updated), light) for period in tempo.look_timers]
    if updated is None:
        return tuple(old)
    # An update may come before the service is ready: then it never had the old ones.
    span = max(updated, ready), None
    temperatures = floorplan.partners(service, TEMPERATURE_SENSOR)
    new = [_looks(service, floorplan, pace, period, span, light, temperatures) for period in tempo.look_timers_updated]
    return (*old, *new)


def _looks(
    service: Service,
    floorplan: Floorplan,
    pace: Pace,
    period: int,
    span: tuple[int, int | None],
    light: _Light,
    temperatures: tuple[str, ...] = (),
) -> Routine:
    begin, end = span
    movement = f"{floorplan.partners(service, MOVEMENT_SENSOR)[0]}/movement"
    rearming = pace.source.random() < _REARMING
    due = begin + round(period * pace.source.random())
    while end is None or due < end:
        fired = due + pace.lateness()
        answer = yield Step(fired, Operation.GET, movement)
        if answer.value in {"0", "1"} and answer.value != light.on:
            light.on = answer.value
            answer = yield Step(answer.time + pace.think(), Operation.SET, f"{service.address}/lightOn", light.on)
        for temperature in temperatures:
            answer = yield Step(answer.time + pace.think(), Operation.GET, temperature)
        due = pace.next_due(fired if rearming else due, period, answer.time)
