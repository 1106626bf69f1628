"""A Knowledge Agent emulator: put together, served, counted."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from models.simulation.service_models import MODELS, ModelNode
from tests.site.certificates import Credentials
from tests.site.http_client import Connect
from tests.site.knowledge_agent.callbacks import CallbackHub
from tests.site.knowledge_agent.identity import Identity
from tests.site.knowledge_agent.link import Counters, Link
from tests.site.knowledge_agent.nodes import NodeTree
from tests.site.knowledge_agent.operations import Operations
from tests.site.knowledge_agent.peers import Peers
from tests.site.knowledge_agent.router import Router
from tests.site.knowledge_agent.session import HttpSession
from tests.site.knowledge_agent.wire import Request, Response

REMEMBERED = 10_000
"""Latest calls that are kept."""


def real_time() -> int:
    """Return the time of day, in milliseconds."""
    return time.time_ns() // 1_000_000


class CallRecord(msgspec.Struct, frozen=True):
    """One call that reached the agent."""

    method: str
    target: str
    client_id: str | None
    """Whose call it was, after delegation; `None` where that is unknown."""
    status: int


class KnowledgeAgent:
    """Speaks vsl-rest, sections 2 to 8, over TLS 1.2 or plain, for one agent name."""

    def __init__(
        self,
        name: str,
        credentials: Credentials | None = None,
        *,
        models: Mapping[str, ModelNode] = MODELS,
        files: Mapping[str, bytes] | None = None,
        callback_timeout: float = 30.0,
        idle_timeout: float = 300.0,
        now: Callable[[], int] = real_time,
    ) -> None:
        """Make the agent.

        Args:
            name: its agent id and CN, e.g. `agent1`.
            credentials: its KA certificate; without, it speaks plain HTTP and believes any delegation header.
            models: what services can register.
            files: path to content, served to anybody, as the stock agent serves its working directory.
            callback_timeout: seconds a service has to respond to a callback.
            idle_timeout: seconds of silence after which a connection is closed.
            now: the time of day in milliseconds, for the stamps of nodes and the dates of answers.
        """
        self.name = name
        self.tree = NodeTree(name)
        self.calls: deque[CallRecord] = deque(maxlen=REMEMBERED)
        self.counters: list[Counters] = []
        """One per listening socket, in the order given."""
        self._context = credentials.server_context() if credentials is not None else None
        self._idle_timeout = idle_timeout
        self._now = now
        self._hub = CallbackHub(callback_timeout)
        self._operations = Operations(self.tree, self._hub, models, now)
        client = credentials.client_context() if credentials is not None else None
        self._peers = Peers(self._hub, client, callback_timeout)
        self._router = Router(
            name, self.tree, self._operations, self._peers, files=files or {}, plain=credentials is None
        )
        self._servers: list[asyncio.Server] = []
        self._links: set[Link] = set()

    @property
    def bytes_received(self) -> int:
        """Bytes that reached any of the listening sockets, TLS handshakes included; but not what a gateway reads."""
        return sum(counters.bytes_received for counters in self.counters)

    @property
    def unasked(self) -> int:
        """Open connections on which no request has come yet."""
        return sum(not link.asked for link in tuple(self._links))

    @property
    def open_connections(self) -> int:
        """Connections that have not ended."""
        return len(self._links)

    @property
    def connections(self) -> int:
        """Connections that were accepted on any of the listening sockets."""
        return sum(counters.connections for counters in self.counters)

    @property
    def requests(self) -> int:
        """Requests that arrived whole on any of the listening sockets."""
        return sum(counters.requests for counters in self.counters)

    def add_peer(self, name: str, connect: Connect) -> None:
        """Make another agent known; `connect` gives connections to it."""
        self._peers.add(name, connect)

    async def serve(self, sockets: Sequence[socket.socket]) -> None:
        """Serve on bound TCP sockets from now on."""
        loop = asyncio.get_running_loop()
        for listener in sockets:
            listener.settimeout(0)
            counters = Counters()
            self.counters.append(counters)
            accept = partial(Link, counters, self._context, self._idle_timeout, self._begin, self._links.discard)
            self._servers.append(await loop.create_server(accept, sock=listener))

    async def close(self) -> None:
        """Stop serving and close everything."""
        for server in self._servers:
            server.close()
        self._operations.close()
        self._hub.close()
        self._peers.close()
        for end in (Link.close, Link.abort):
            for link in tuple(self._links):
                end(link)
            await asyncio.sleep(0)

    def _begin(self, link: Link) -> HttpSession:
        self._links.add(link)
        return HttpSession(link, self._router, self._hub, self._record, self._now)

    def _record(self, request: Request, response: Response, caller: Identity | None) -> None:
        client_id = caller.client_id if caller is not None else None
        self.calls.append(CallRecord(request.method, request.target, client_id, response.status))
