"""Where the site's sockets come from: one machine, or a host per participant."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

type MakeSocket = Callable[[int, int], socket.socket]
"""(address family, kind) -> a socket, e.g. one of another network namespace."""


class Network(Protocol):
    """Gives the participants of a site their sockets."""

    def listen(self, agent: str) -> list[socket.socket]:
        """Return the bound sockets that an agent is to serve."""

    async def reach(self, service: str, agent: str) -> socket.socket:
        """Return a connection from a service (its client id) to its agent's access point; raises OSError."""

    async def reach_peer(self, agent: str, other: str) -> socket.socket:
        """Return a connection from one agent to another; raises OSError."""


async def open_connection(
    address: str, port: int, *, source: str | None = None, make_socket: MakeSocket = socket.socket
) -> socket.socket:
    """Return a connected, non-blocking TCP socket, optionally from an own source address; raises OSError."""
    sock = make_socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            sock.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def open_listener(address: str, port: int = 0, *, make_socket: MakeSocket = socket.socket) -> socket.socket:
    """Return a bound TCP socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = make_socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))
    return sock


class Loopback:
    """Everybody on 127.0.0.1, every agent on a free port, no gateway."""

    def __init__(self) -> None:
        """Begin without listeners."""
        self.ports: dict[str, int] = {}

    def listen(self, agent: str) -> list[socket.socket]:
        """Return one socket on a free port."""
        listener = open_listener("127.0.0.1")
        self.ports[agent] = listener.getsockname()[1]
        return [listener]

    async def reach(self, service: str, agent: str) -> socket.socket:
        """Connect to the agent."""
        return await open_connection("127.0.0.1", self.ports[agent])

    async def reach_peer(self, agent: str, other: str) -> socket.socket:
        """Connect to the other agent."""
        return await open_connection("127.0.0.1", self.ports[other])


@dataclass(frozen=True)
class Place:
    """Where a participant lives."""

    address: str
    """Its own IP address."""
    make_socket: MakeSocket
    """Makes sockets of its host, e.g. `Host.socket`."""


class Hosts:
    """Every participant with an address of its own, on hosts of their own."""

    def __init__(self, agents: Mapping[str, Place], services: Mapping[str, Place], *, port: int = 8081) -> None:
        """Place agents (by name) and services (by client id); all agents listen on `port`.

        Services connect to their agent's own address: what stands in between is up to the network.
        """
        self._agents = agents
        self._services = services
        self._port = port

    def listen(self, agent: str) -> list[socket.socket]:
        """Return a socket on the agent's address."""
        place = self._agents[agent]
        return [open_listener(place.address, self._port, make_socket=place.make_socket)]

    async def reach(self, service: str, agent: str) -> socket.socket:
        """Connect from the service's address to its agent's."""
        return await self._connect(self._services[service], self._agents[agent])

    async def reach_peer(self, agent: str, other: str) -> socket.socket:
        """Connect from one agent's address to the other's."""
        return await self._connect(self._agents[agent], self._agents[other])

    async def _connect(self, origin: Place, target: Place) -> socket.socket:
        return await open_connection(target.address, self._port, source=origin.address, make_socket=origin.make_socket)
