"""Keeps the registry's types current: read at start, after changes, when missed, and every minute; off the hot path."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.configuration import Tls
from proxy.knowledge_agent import StructureUnavailable, read_structure
from proxy.peers import StructureSource
from proxy.registry import AgentStructure, SiteRegistry
from proxy.revocation import RevocationsInForce

_PERIOD_SECONDS = 60.0
_RETRY_SECONDS = 2.0
_START_SECONDS = 5.0
"""How long a start may wait for the types of an access point's nodes."""
_REGISTRATION_SECONDS = 3.0
"""How long the answer to a registration may wait for the types of the new nodes."""
_REST = 10
"""After a read for registrations and list writes the next one waits for so many times as long as that took, ..."""
_LONGEST_REST_SECONDS = 1.0
"""... but no longer than this: whoever adds to a list in a loop must not keep access point and workers busy."""


@dataclass(frozen=True)
class RegistryRefresh:
    """Reads the structure of each access point."""

    points: Mapping[str, StructureSource]
    """By agent."""
    tls: Tls | None
    revocations: RevocationsInForce
    """An access point whose certificate is among them is not asked."""
    registry: SiteRegistry
    on_structure: Callable[[str, AgentStructure], None]
    """Called on the event loop's thread with each agent's structure that is new, once the registry has it."""
    on_problem: Callable[[str], None]
    """Called with one line when an access point's structure cannot be read."""
    _problems: dict[str, str] = field(default_factory=dict)
    """What was told of each agent last: told again only when it changes."""
    _rested: dict[str, float] = field(default_factory=dict)
    """Monotonic time from which on the next read of an agent may begin that somebody wrote for."""
    _reading: dict[str, asyncio.Task[bool]] = field(default_factory=dict)
    """The reads for the start and after registrations that have begun."""
    _next: dict[str, asyncio.Task[bool]] = field(default_factory=dict)
    """The ones that have not: whoever registers now shares them."""

    def reads(self, agent: str) -> bool:
        """Tell whether the structure of an agent can be asked for."""
        return agent in self.points

    async def once(self, agent: str) -> bool:
        """Read one agent's structure; return whether that worked. Where nothing in it is new, nobody is told."""
        structure = await self._read(agent)
        if structure is None:
            return False
        self._take(agent, structure)
        return True

    async def look_up(self, agent: str) -> bool:
        """Read one agent's structure because something was missed in it; return whether anything in it is new."""
        structure = await self._read(agent)
        return structure is not None and self._take(agent, structure)

    def _take(self, agent: str, structure: AgentStructure) -> bool:
        """Take over what is new: each worker spends tens of milliseconds on a large structure, and serves nobody."""
        if self.registry.has(agent, structure):
            return False
        self.registry.replace_agent(agent, structure)
        self.on_structure(agent, structure)
        return True

    async def _read(self, agent: str) -> AgentStructure | None:
        point = self.points.get(agent)
        if point is None:
            return None
        try:
            structure = await asyncio.to_thread(read_structure, point, self.tls, self.revocations)
        except StructureUnavailable as error:
            self._failed(agent, str(error))
            return None
        except Exception as error:  # noqa: BLE001 -- an access point must not be able to end the refresh
            self._failed(agent, f"the structure of {agent} cannot be read: {error!r}")
            return None
        self._problems.pop(agent, None)
        return structure

    def _failed(self, agent: str, problem: str) -> None:
        if self._problems.get(agent) != problem:
            self._problems[agent] = problem
            self.on_problem(problem)

    async def after_registration(self, agent: str) -> None:
        """Wait, within bounds, until the nodes of a service that has just registered, or written a list, are known.

        Those that arrive before a read has begun share it: a flood of them costs no more than one read at a time, with
        a rest after each.
        """
        reading = self._next.get(agent)
        if reading is None:
            reading = self._next[agent] = asyncio.create_task(self._read_next(agent))
        await asyncio.wait({reading}, timeout=_REGISTRATION_SECONDS)

    async def _read_next(self, agent: str) -> bool:
        before = self._reading.get(agent)
        if before is not None:
            await asyncio.wait({before})
        await asyncio.sleep(self._rested.get(agent, -math.inf) - time.monotonic())
        self._reading[agent] = self._next.pop(agent)
        begun = time.monotonic()
        worked = await self.once(agent)
        ended = time.monotonic()
        self._rested[agent] = ended + min(_REST * (ended - begun), _LONGEST_REST_SECONDS)
        return worked

    async def before_serving(self) -> None:
        """Read every structure, within bounds: the first calls after a start are not to be calls to unknown nodes.

        An access point that does not answer in time does not keep the gateway from serving the others.
        """
        for agent in self.points:
            self._reading[agent] = asyncio.create_task(self.once(agent))
        if self._reading:
            await asyncio.wait(self._reading.values(), timeout=_START_SECONDS)

    async def forever(self) -> None:
        """Read every structure each minute; one that could not be read is tried again sooner, the others are not."""
        if not self.points:
            await asyncio.Event().wait()  # whoever waits for the end of this takes it for a failure
        await asyncio.gather(*(self._keep(agent) for agent in self.points))
        if not self.points:
            await asyncio.get_running_loop().create_future()  # whoever runs this takes its end for a failure

    async def _keep(self, agent: str) -> None:
        worked = self.registry.knows_agent(agent)
        while True:
            await asyncio.sleep(_PERIOD_SECONDS if worked else _RETRY_SECONDS)
            worked = await self.once(agent)
