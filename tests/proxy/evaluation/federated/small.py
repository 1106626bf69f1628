"""Small sites, for runs of seconds."""

from __future__ import annotations

import msgspec

from models.simulation.floorplan import Floorplan, Service
from models.simulation.service_models import LIGHT_CONTROLLER, MOVEMENT_SENSOR, TEMPERATURE_SENSOR
from models.simulation.tempo import DATA_SET
from models.simulation.trace import Observed
from policy.verdict import Action, Verdict
from proxy.evaluation.federated.site import LABEL, Site

TEMPO = msgspec.structs.replace(DATA_SET, registration_window=20_000, settling=10_000)


def plan(number: int, rooms: int = 2) -> Floorplan:
    """Rooms with a light controller each; agents and services of different sites have different names."""
    services: list[Service] = []
    for room in range(1, rooms + 1):
        agent, name, place = f"agent{number}", f"{number}x{room}", f"room{room}"
        movement = Service(f"movement{name}", agent, MOVEMENT_SENSOR, place)
        temperature = Service(f"tempin{name}", agent, TEMPERATURE_SENSOR, place)
        light = Service(f"lightcontrol{name}", agent, LIGHT_CONTROLLER, place, (movement.address, temperature.address))
        services += [movement, temperature, light]
    return Floorplan(services)


def site(number: int, rooms: int = 2) -> Site:
    return Site(f"site{number}", plan(number, rooms), seed=number, tempo=TEMPO)


def plans(count: int, seed: int) -> list[Floorplan]:
    return [plan(100 * seed + number) for number in range(1, count + 1)]


class Counts:
    """Counts, by site, attacks and those of them that were refused, and refusals of what is normal."""

    def __init__(self) -> None:
        self.attacks: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self.wrongly: dict[str, int] = {}

    def __call__(self, place: Site, observed: Observed, verdict: Verdict) -> None:
        refused = verdict.action is not Action.FORWARD
        if observed.label == LABEL:
            self.attacks[place.name] = self.attacks.get(place.name, 0) + 1
            self.refused[place.name] = self.refused.get(place.name, 0) + refused
        else:
            self.wrongly[place.name] = self.wrongly.get(place.name, 0) + refused
