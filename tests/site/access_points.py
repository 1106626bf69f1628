"""Knowledge Agent emulators that serve in a thread of their own, for tests that are written step by step."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from types import TracebackType
from typing import Any, Self

from tests.network.namespaces import Host, Topology
from tests.site.certificates import Credentials
from tests.site.gateway_process import AGENT_PORT
from tests.site.house import MODELS_AND_HOUSE
from tests.site.knowledge_agent.agent import KnowledgeAgent
from tests.site.network import open_connection


class AccessPoints:
    """Agents `agent1` and `agent2` of a site, by default on the access points' host of a topology, IPv4 and IPv6."""

    def __init__(
        self,
        topology: Topology,
        credentials: Sequence[Credentials | None],
        *,
        host: Host | None = None,
        addresses: Sequence[tuple[str, ...]] = tuple(zip(Topology.ACCESS_IPV4, Topology.ACCESS_IPV6, strict=True)),
    ) -> None:
        """Make one agent for each of the credentials; None makes one that speaks plain HTTP.

        Args:
            topology: the site.
            credentials: of each agent.
            host: where they are, if that is another one.
            addresses: those that each agent listens on; it is another one's peer at the first.
        """
        self._host = topology.access if host is None else host
        self._addresses = addresses
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.agents = [
            KnowledgeAgent(f"agent{index + 1}", each, models=MODELS_AND_HOUSE) for index, each in enumerate(credentials)
        ]

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        for index, agent in enumerate(self.agents):
            sockets = [self._host.listen(address, AGENT_PORT) for address in self._addresses[index]]
            self.call(agent.serve(sockets))
            for other in range(len(self.agents)):
                if other != index:
                    agent.add_peer(f"agent{other + 1}", self._connector(self._addresses[other][0]))
        return self

    def _connector(self, address: str) -> Any:
        async def connect() -> Any:
            return await open_connection(address, AGENT_PORT, make_socket=self._host.socket)

        return connect

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        for agent in self.agents:
            self.call(agent.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the agents' event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=20)
