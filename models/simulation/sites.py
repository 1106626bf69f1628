"""Several sites that differ, like the four of the data set: a home, a flat, a house and an office."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from enum import StrEnum

from models.simulation.floorplan import Floorplan, Service
from models.simulation.service_models import (
    BATTERY,
    DOOR_LOCK,
    LIGHT_CONTROLLER,
    MOVEMENT_SENSOR,
    SMART_PHONE,
    TEMPERATURE_SENSOR,
    THERMOSTAT,
    WASHING_MACHINE,
)

_ROOMS = (
    *("BedroomChildren", "BedroomParents", "Dinningroom", "Kitchen", "Garage", "Bathroom"),
    *("Livingroom", "Watterroom", "Entrance", "Bedroom", "Showerroom"),
)


class Kind(StrEnum):
    """What a site is; the data set has one of each."""

    HOME = "home"
    FLAT = "flat"
    HOUSE = "house"
    OFFICE = "office"


_AGENTS = {Kind.HOME: (5, 7), Kind.FLAT: (2, 3), Kind.HOUSE: (3, 4), Kind.OFFICE: (8, 12)}
"""Fewest and most; the data set's have 6, 2, 3 and 10. Each agent is a room."""
_BATTERIES = {Kind.HOME: 3, Kind.FLAT: 1, Kind.HOUSE: 2, Kind.OFFICE: 0}
_DOOR_LOCKS = {Kind.HOME: 1, Kind.FLAT: 1, Kind.HOUSE: 1, Kind.OFFICE: 2}
_PHONES = {Kind.HOME: 3, Kind.FLAT: 0, Kind.HOUSE: 0, Kind.OFFICE: 0}


def make_sites(count: int, seed: int) -> tuple[Floorplan, ...]:
    """Return so many sites, the first a home, sizes and places drawn from the seed.

    Agents and services are numbered through, so that no two sites share an address. Raises ValueError for fewer than 1.
    """
    if count < 1:
        raise ValueError("there is at least one site")
    source = random.Random(f"{seed} sites")
    builder = _Builder(source)
    kinds: list[Kind] = []
    while len(kinds) < count:
        more = list(Kind)
        source.shuffle(more)
        kinds += more if kinds else [Kind.HOME, *(kind for kind in more if kind is not Kind.HOME)]
    return tuple(builder.build(kind) for kind in kinds[:count])


def sites_expression(sites: Sequence[Floorplan]) -> str:
    """Return which agents are one site each, as `alleyes evaluate --sites` takes it, e.g. `1-6,7-8`."""
    return ",".join(f"{_number(site.agents[0])}-{_number(site.agents[-1])}" for site in sites)


def _number(agent: str) -> int:
    return int(agent.removeprefix("agent"))


class _Builder:
    """Numbers agents, and services of each type, through all sites."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._agents = 0
        self._counts: dict[str, int] = {}

    def build(self, kind: Kind) -> Floorplan:
        rooms = list(self._rooms(kind, self._source.randint(*_AGENTS[kind])))
        services: list[Service] = []
        for agent, room in rooms:
            number = agent.removeprefix("agent")
            movement = Service(f"movement{number}", agent, MOVEMENT_SENSOR, room)
            temperature = Service(f"tempin{number}", agent, TEMPERATURE_SENSOR, room)
            partners = (movement.address, temperature.address)
            light = Service(f"lightcontrol{number}", agent, LIGHT_CONTROLLER, room, partners)
            services += [movement, temperature, light]
        temperatures = tuple(each.address for each in services if each.type == TEMPERATURE_SENSOR)
        services.append(self._somewhere("heatingcontrol", THERMOSTAT, rooms, temperatures))
        services += [self._somewhere("doorlock", DOOR_LOCK, rooms) for _ in range(_DOOR_LOCKS[kind])]
        batteries = [self._somewhere("battery", BATTERY, rooms) for _ in range(_BATTERIES[kind])]
        services += batteries
        if batteries:
            powered_by = tuple(each.address for each in batteries)
            services.append(self._somewhere("washingmachine", WASHING_MACHINE, rooms, powered_by))
        everything = tuple(each.address for each in services)
        services += [
            self._somewhere("questioningservice", SMART_PHONE, rooms, everything) for _ in range(_PHONES[kind])
        ]
        return Floorplan(services)

    def _rooms(self, kind: Kind, count: int) -> Iterator[tuple[str, str]]:
        names = self._source.sample(_ROOMS, len(_ROOMS))
        for index in range(count):
            self._agents += 1
            yield f"agent{self._agents}", f"room_{index + 1}" if kind is Kind.OFFICE else names[index]

    def _somewhere(
        self, name: str, service_type: str, rooms: Sequence[tuple[str, str]], partners: tuple[str, ...] = ()
    ) -> Service:
        self._counts[name] = self._counts.get(name, 0) + 1
        agent, room = self._source.choice(rooms)
        return Service(f"{name}{self._counts[name]}", agent, service_type, room, partners)
