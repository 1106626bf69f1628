"""A house of Things behind the gateway: node-wot's servient, and services that use it, each on a host of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.network.namespaces import Host, Topology
from tests.site.gateway_process import FIRST_LISTEN_PORT, Settings
from tests.site.web_of_things import Consumer, Things

AGENT = "things"
ADDRESS = Topology.ACCESS_IPV4[0]
PORT = 8080
URL = f"http://{ADDRESS}:{PORT}"
NAMES = ("lamp", "thermostat", "door-lock", "sensor")
_FIRST_HOST = 200

Habit = Callable[[Consumer, int], object]
"""Something that a service does at its n-th turn."""


@dataclass(frozen=True)
class Kind:
    """What services of one type do."""

    service_type: str
    period: float
    """Seconds of event time between two turns."""
    habits: tuple[Habit, ...]
    """All are done at each turn."""


PANEL = Kind(
    "/panel",
    20.0,
    (lambda c, _: c.do("read", "lamp", "on"), lambda c, n: c.do("write", "lamp", "on", value=n % 2 == 0)),
)
CLIMATE = Kind(
    "/climateController",
    30.0,
    (
        lambda c, _: c.do("read", "weather", "temperature"),
        lambda c, n: c.do("write", "thermostat", "target", value=20 + n % 3),
    ),
)
CONCIERGE = Kind(
    "/concierge",
    30.0,
    (lambda c, _: c.do("read", "front-door", "locked"), lambda c, _: c.do("invoke", "front-door", "lock")),
)
LOGGER = Kind(
    "/logger",
    30.0,
    (
        lambda c, _: c.do("read", "weather", "temperature"),
        lambda c, _: c.do("read", "weather", "history", uriVariables={"hours": 2}),
    ),
)
RESIDENTS = {
    "panel1": PANEL,
    "panel2": PANEL,
    "climate1": CLIMATE,
    "climate2": CLIMATE,
    "concierge1": CONCIERGE,
    "logger1": LOGGER,
}


class HouseOfThings:
    """The hosts, and what the gateway is told of them."""

    def __init__(self, topology: Topology, directory: Path, residents: dict[str, Kind]) -> None:
        """Plug the services' hosts in; nothing runs yet."""
        self._topology = topology
        self._log = directory / "node.log"
        self.residents = residents
        self.hosts: dict[str, Host] = {}
        for index, name in enumerate(residents):
            self.hosts[name] = topology.attach(name, [self.ip(name)], mac=f"02:00:5e:00:54:{index:02x}")

    def ip(self, name: str) -> str:
        """Return the network address of a service."""
        return f"10.77.1.{_FIRST_HOST + list(self.residents).index(name)}"

    @staticmethod
    def address(name: str) -> str:
        """Return the address by which the gateway knows a service."""
        return f"/house/{name}"

    def gateway(self, state: Path, things: list[str]) -> Settings:
        """Return gateway.yaml."""
        return {
            "interfaces": {"services": [Topology.IOT_INTERFACE], "access_points": [Topology.ACCESS_INTERFACE]},
            "listen": {"ipv4": Topology.GATEWAY_IPV4},
            "access_points": [
                {
                    "agent": AGENT,
                    "ipv4": ADDRESS,
                    "port": PORT,
                    "listen_port": FIRST_LISTEN_PORT,
                    "tls": "plain",
                    "decoder": {"things": things},
                }
            ],
            "state_directory": str(state),
        }

    def inventory(self) -> Settings:
        """Return inventory.yaml: who calls from where."""
        return {
            "services": [
                {
                    "address": self.address(name),
                    "service_type": kind.service_type,
                    "ip": self.ip(name),
                    "mac": self.hosts[name].mac("eth0"),
                }
                for name, kind in self.residents.items()
            ]
        }

    def start_things(self) -> Things:
        """Start the servient on the access points' host."""
        return Things(self._topology.access, self._log, URL, NAMES)

    def start(self, name: str) -> Consumer:
        """Start a service on its host."""
        return Consumer(self.hosts[name], self._log, URL)


def turns(consumer: Consumer, kind: Kind) -> Iterator[Callable[[], Any]]:
    """Yield what a service does, one turn after the other."""
    for number in itertools.count():
        yield lambda number=number: [habit(consumer, number) for habit in kind.habits]  # type: ignore[misc]
