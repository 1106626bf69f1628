"""Keeps the registry's types current: read at start, after registrations, and every minute; off the hot path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.configuration import AccessPoint, Tls
from proxy.knowledge_agent import StructureUnavailable, read_structure
from proxy.registry import AgentStructure, SiteRegistry
from proxy.revocation import RevocationsInForce

_PERIOD_SECONDS = 60.0
_RETRY_SECONDS = 2.0
_START_SECONDS = 5.0
"""How long a start may wait for the types of an access point's nodes."""
_REGISTRATION_SECONDS = 3.0
"""How long the answer to a registration may wait for the types of the new nodes."""


@dataclass(frozen=True)
class RegistryRefresh:
    """Reads the structure of each access point."""

    points: Mapping[str, AccessPoint]
    tls: Tls | None
    revocations: RevocationsInForce
    """An access point whose certificate is among them is not asked."""
    registry: SiteRegistry
    on_structure: Callable[[str, AgentStructure], None]
    """Called on the event loop's thread with each agent's structure once the registry has it."""
    on_problem: Callable[[str], None]
    """Called with one line when an access point's structure cannot be read."""
    _problems: dict[str, str] = field(default_factory=dict)
    """What was told of each agent last: told again only when it changes."""
    _running: dict[str, asyncio.Task[bool]] = field(default_factory=dict)

    async def once(self, agent: str) -> bool:
        """Read one agent's structure; return whether that worked."""
        point = self.points.get(agent)
        if point is None:
            return False
        try:
            structure = await asyncio.to_thread(read_structure, point, self.tls, self.revocations)
        except StructureUnavailable as error:
            return self._failed(agent, str(error))
        except Exception as error:  # noqa: BLE001 -- an access point must not be able to end the refresh
            return self._failed(agent, f"the structure of {agent} cannot be read: {error!r}")
        self._problems.pop(agent, None)
        self.registry.replace_agent(agent, structure)
        self.on_structure(agent, structure)
        return True

    def _failed(self, agent: str, problem: str) -> bool:
        if self._problems.get(agent) != problem:
            self._problems[agent] = problem
            self.on_problem(problem)
        return False

    async def after_registration(self, agent: str) -> None:
        """Wait, within bounds, until the nodes of a service that has just registered are known.

        Registrations that arrive while one read is under way share the next one, so that a flood of them costs no
        more than one read at a time.
        """
        running = self._running.get(agent)
        if running is not None and not running.done():
            await asyncio.wait({running}, timeout=_REGISTRATION_SECONDS)
        running = self._running.get(agent)
        if running is None or running.done():
            running = self._running[agent] = asyncio.create_task(self.once(agent))
        await asyncio.wait({running}, timeout=_REGISTRATION_SECONDS)

    async def before_serving(self) -> None:
        """Read every structure, within bounds: the first calls after a start are not to be calls to unknown nodes.

        An access point that does not answer in time does not keep the gateway from serving the others.
        """
        for agent in self.points:
            self._running[agent] = asyncio.create_task(self.once(agent))
        await asyncio.wait(self._running.values(), timeout=_START_SECONDS)

    async def forever(self) -> None:
        """Read every structure each minute; one that could not be read is tried again sooner."""
        worked = [self.registry.knows_agent(agent) for agent in self.points]
        while True:
            await asyncio.sleep(_PERIOD_SECONDS if all(worked) else _RETRY_SECONDS)
            worked = [await self.once(agent) for agent in self.points]
