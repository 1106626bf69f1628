"""Which services live in a site, where, and whom they work with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from models.simulation.service_models import (
    BATTERY,
    DOOR_LOCK,
    LIGHT_CONTROLLER,
    MODELS,
    MOVEMENT_SENSOR,
    SMART_PHONE,
    TEMPERATURE_SENSOR,
    THERMOSTAT,
    WASHING_MACHINE,
    ModelNode,
)


class Service(msgspec.Struct, frozen=True):
    """One service instance."""

    id: str
    """Client id, unique within the site, e.g. `lightcontrol1`."""
    agent: str
    """Its Knowledge Agent, e.g. `agent1`."""
    type: str
    """Model id, a key of `service_models.MODELS`."""
    location: str
    partners: tuple[str, ...] = ()
    """Addresses of the services that it works with."""

    @property
    def address(self) -> str:
        """Address of the root node, e.g. `/agent1/lightcontrol1`."""
        return f"/{self.agent}/{self.id}"


class Floorplan:
    """A site: its agents and services, in a fixed order."""

    def __init__(self, services: Sequence[Service]) -> None:
        """Take the services in their order; raise ValueError on a double id or an unknown type or partner."""
        self.services = tuple(services)
        self.agents = tuple(dict.fromkeys(service.agent for service in services))
        self._by_address = {service.address: service for service in services}
        if len({service.id for service in services}) != len(services):
            raise ValueError("two services of the site have the same id")
        for service in services:
            if service.type not in MODELS:
                raise ValueError(f"{service.address}: unknown service type {service.type}")
            for partner in service.partners:
                if partner not in self._by_address:
                    raise ValueError(f"{service.address}: unknown partner {partner}")
        self._nodes = {
            address: node for service in services for address, node in MODELS[service.type].walk(service.address)
        }

    def service(self, address: str) -> Service:
        """Return the service with this root address; raise KeyError if there is none."""
        return self._by_address[address]

    def owner(self, node: str) -> Service:
        """Return the service that owns a node; raise KeyError if there is none."""
        return self._by_address["/".join(node.split("/")[:3])]

    def node(self, address: str) -> ModelNode:
        """Return the model node behind an address; raise KeyError if there is none."""
        return self._nodes[address]

    def nodes(self) -> Iterator[tuple[str, ModelNode]]:
        """Yield every node of every service with its address."""
        yield from self._nodes.items()

    def of_type(self, service_type: str) -> tuple[Service, ...]:
        """Return the services of a type."""
        return tuple(service for service in self.services if service.type == service_type)

    def partners(self, service: Service, service_type: str) -> tuple[str, ...]:
        """Return the addresses of a service's partners of a type."""
        return tuple(address for address in service.partners if self._by_address[address].type == service_type)


ROOMS = (
    ("agent1", ("BedroomChildren", "BedroomParents", "Dinningroom", "Kitchen")),
    ("agent2", ("Livingroom", "Watterroom", "Entrance", "Showerroom")),
)


def family_home() -> Floorplan:
    """Return a site of 36 services in eight rooms on two agents.

    Every room has a light controller, a movement sensor and a temperature sensor. Thermostats read all temperatures of
    the site; each washing machine runs on one battery of its own agent and one of the other: as in the data set,
    about an eighth of all accesses cross agents.
    """
    services: list[Service] = []
    places = [(agent, room) for agent, rooms in ROOMS for room in rooms]
    for number, (agent, room) in enumerate(places, start=1):
        movement = Service(f"movement{number}", agent, MOVEMENT_SENSOR, room)
        temperature = Service(f"tempin{number}", agent, TEMPERATURE_SENSOR, room)
        partners = (movement.address, temperature.address)
        services += [movement, temperature, Service(f"lightcontrol{number}", agent, LIGHT_CONTROLLER, room, partners)]
    temperatures = tuple(service.address for service in services if service.type == TEMPERATURE_SENSOR)
    everything = tuple(service.address for service in services)
    for number, (agent, rooms) in enumerate(ROOMS, start=1):
        services += [
            Service(f"heatingcontrol{number}", agent, THERMOSTAT, rooms[2], temperatures),
            Service(f"battery{2 * number - 1}", agent, BATTERY, rooms[3]),
            Service(f"battery{2 * number}", agent, BATTERY, rooms[1]),
            Service(f"doorlock{number}", agent, DOOR_LOCK, rooms[2]),
        ]
    batteries = [service.address for service in services if service.type == BATTERY]
    for number, (agent, rooms) in enumerate(ROOMS, start=1):
        powered_by = (batteries[number - 1], batteries[number + 1])
        services.append(Service(f"washingmachine{number}", agent, WASHING_MACHINE, rooms[1], powered_by))
    everything += tuple(service.address for service in services if service.address not in everything)
    services += [
        Service(f"questioningservice{number}", agent, SMART_PHONE, rooms[0], everything)
        for number, (agent, rooms) in enumerate(ROOMS, start=1)
    ]
    return Floorplan(services)
