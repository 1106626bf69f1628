"""The virtual site: two Knowledge Agents and the paper's services as independent clients."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Self

from models.access import Operation
from models.simulation.floorplan import Floorplan, Service, family_home
from models.simulation.intrusion import Intrusion
from models.simulation.services import behaviour
from models.simulation.step import Step
from models.simulation.tempo import BRISK, Tempo
from tests.site.attacks import AttackReport, drive, ignore
from tests.site.calls import Tally, perform
from tests.site.certificates import Credentials, SiteAuthority
from tests.site.clock import Clock
from tests.site.knowledge_agent.agent import KnowledgeAgent
from tests.site.network import Network
from tests.site.services import LiveService
from tests.site.vsl_client import VslClient

SERVICE_TIMEOUT = 5.0
"""Seconds a service waits for an answer."""
ATTACK_TIMEOUT = 1.5
"""Seconds after which an attacker takes silence for an answer."""


class VirtualSite:
    """Agents and services over real sockets; who stands in between is up to the network.

    Use it as `async with VirtualSite(...) as site`, or start the agents first, then the services.
    """

    def __init__(
        self,
        directory: Path,
        network: Network,
        clock: Clock,
        *,
        floorplan: Floorplan | None = None,
        authority: SiteAuthority | None = None,
        tempo: Tempo = BRISK,
        seed: int = 1,
        plain: Collection[str] = (),
    ) -> None:
        """Make certificates and participants; nothing is opened yet.

        Args:
            directory: takes the certificates.
            network: gives everybody their sockets.
            clock: event time, on which services live.
            floorplan: the site; by default 36 services in eight rooms on two agents.
            authority: issues the certificates; by default a new CA in `directory`.
            tempo: how often things happen.
            seed: of all behaviour.
            plain: agents that speak no TLS, and therefore not to the others.
        """
        self.floorplan = floorplan or family_home()
        self.authority = authority or SiteAuthority(directory)
        self.clock = clock
        self._network = network
        self._tempo = tempo
        self._seed = seed
        self._credentials = {service.id: self.authority.service(service.id) for service in self.floorplan.services}
        self._clients: list[VslClient] = []
        self._plain = frozenset(plain)
        self.agents = {
            name: KnowledgeAgent(name, None if name in self._plain else self.authority.agent(name))
            for name in self.floorplan.agents
        }
        """By name."""
        self.services: dict[str, LiveService] = {}
        """By address, once started."""

    async def __aenter__(self) -> Self:
        """Start everything."""
        await self.start_agents()
        self.start_services()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything."""
        await self.stop()

    async def start_agents(self) -> None:
        """Serve, and let the agents know each other."""
        for name, agent in self.agents.items():
            await agent.serve(self._network.listen(name))
            for other in self.agents:
                if other != name and self._plain.isdisjoint({name, other}):
                    agent.add_peer(other, partial(self._network.reach_peer, name, other))

    def start_services(self) -> None:
        """Let all services begin to live, from the present event time on."""
        start = self.clock.event_now()
        for service in self.floorplan.services:
            steps = behaviour(service, self.floorplan, seed=self._seed, start=start, tempo=self._tempo)
            live = LiveService(service, steps, self.client(service.address), self.clock)
            self.services[service.address] = live
            live.start()

    async def stop(self) -> None:
        """Stop services and agents; raises what ended a service early, if anything did."""
        outcomes = await asyncio.gather(*(live.stop() for live in self.services.values()), return_exceptions=True)
        for client in self._clients:
            await client.close()
        for agent in self.agents.values():
            await agent.close()
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def client(self, address: str, *, timeout: float | None = None) -> VslClient:
        """Return another client with a service's genuine identity and network address; closed with the site."""
        return self._client(self.floorplan.service(address), self.credentials(address), timeout or SERVICE_TIMEOUT)

    def credentials(self, address: str) -> Credentials:
        """Return the certificate and key of a service."""
        return self._credentials[self.floorplan.service(address).id]

    def locations(self) -> Mapping[str, str]:
        """Return the room of every service, by address: what an operator's inventory knows."""
        return {service.address: service.location for service in self.floorplan.services}

    async def attack(self, intrusion: Intrusion, lasting: float = math.inf) -> AttackReport:
        """Carry an attack out now, for `lasting` ms of event time; its service counts as compromised from here on.

        An attacker whom the floor plan does not know moves in first: whoever installed it gave it a certificate, and
        it registers and settles as every service does.
        """
        attacker = intrusion.attacker
        if attacker in self.floorplan.services:
            client = self.client(attacker.address, timeout=ATTACK_TIMEOUT)
            if (live := self.services.get(attacker.address)) is not None:
                live.compromise()
        else:
            client = self._client(attacker, self.authority.service(attacker.id), ATTACK_TIMEOUT)
            await perform(client, Step(0, Operation.REGISTER, attacker.address, attacker.type), ignore)
            await self.clock.sleep_until(self.clock.event_now() + self._tempo.settling)
        return await drive(intrusion, client, self.clock, lasting)

    def legitimate(self) -> Tally:
        """Return what became of all calls of services that were healthy at the time."""
        return sum((live.tally for live in self.services.values()), Tally())

    def _client(self, service: Service, credentials: Credentials, timeout: float) -> VslClient:
        client = VslClient(
            partial(self._network.reach, service.id, service.agent),
            None if service.agent in self._plain else credentials.client_context(),
            timeout=timeout,
            host=service.agent,
        )
        self._clients.append(client)
        return client
