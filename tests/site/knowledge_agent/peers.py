"""The other agents of a site: requests go on to them with a delegation (source: vsl-rest, sections 1, 2.3 and 6)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

import msgspec

from tests.site.http_client import Connect, HttpConnection, HttpResponse, UnreachableError
from tests.site.knowledge_agent.callbacks import CallbackHub
from tests.site.knowledge_agent.errors import KnowledgeAgentError
from tests.site.knowledge_agent.identity import Identity, delegation
from tests.site.knowledge_agent.messages import JSON, CallbackAnswer, ErrorMessage, Invocation
from tests.site.knowledge_agent.search import StructureRequest, StructureUpdate
from tests.site.knowledge_agent.wire import Request, Response
from tests.site.websocket import Channel

PASSED_ON = ("accept", "content-type")
OK = 200


class Peer:
    """One other agent: a few kept connections, and one callback relay per service."""

    def __init__(
        self, name: str, connect: Connect, context: ssl.SSLContext | None, hub: CallbackHub, timeout: float
    ) -> None:
        """Connect on demand; pass callbacks on to `hub`."""
        self.name = name
        self._connect = connect
        self._context = context
        self._hub = hub
        self._timeout = timeout
        self._idle: list[HttpConnection] = []
        self._relays: dict[str, Relay] = {}

    async def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
        """Send a request on a free or a new connection."""
        connection = None
        while self._idle and connection is None:
            kept = self._idle.pop()
            connection = None if kept.closed else kept
        connection = connection or await HttpConnection.open(self._connect, self._context, self._timeout)
        response = await connection.request(method, target, {"Host": self.name, **headers}, body, self._timeout)
        self._idle.append(connection)
        return response

    async def relay_callbacks(self, caller: Identity) -> None:
        """Make sure that this peer's callbacks for the caller come through to the caller's own socket."""
        relay = self._relays.get(caller.client_id)
        if relay is None or relay.closed:
            connection = await HttpConnection.open(self._connect, self._context, self._timeout)
            headers = {"Host": self.name, "Accept": JSON, "Authorization": delegation(caller)}
            channel = await connection.upgrade("/callbacks", headers, self._timeout)
            self._relays[caller.client_id] = Relay(caller.client_id, connection, channel, self._hub)

    def close(self) -> None:
        """Close all connections."""
        for relay in self._relays.values():
            relay.close()
        for connection in self._idle:
            connection.abort()


class Relay:
    """Takes one service's callbacks from a peer, invokes the service, and sends back what it says."""

    def __init__(self, client_id: str, connection: HttpConnection, channel: Channel, hub: CallbackHub) -> None:
        """Listen on an upgraded connection."""
        self._client_id = client_id
        self._connection = connection
        self._channel = channel
        self._hub = hub
        self._tasks: set[asyncio.Task[None]] = set()
        connection.listen(self._receive)

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self._connection.closed

    def close(self) -> None:
        """Close the connection."""
        self._connection.abort()

    def _receive(self, data: bytes) -> None:
        for message in self._channel.feed(data):
            task = asyncio.create_task(self._pass_on(msgspec.json.decode(message, type=Invocation)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, frame: Invocation) -> None:
        reply = CallbackAnswer(frame.callback_id, frame.serial)
        try:
            reply.data = await self._hub.call(
                self._client_id, frame.callback_id, frame.address, frame.invoke, data=frame.data
            )
        except KnowledgeAgentError as error:
            reply.error = ErrorMessage(error.code, error.message)
        if self._channel.open:
            self._channel.send(msgspec.json.encode(reply).decode())


class Peers:
    """All other agents of a site."""

    def __init__(self, hub: CallbackHub, context: ssl.SSLContext | None, timeout: float) -> None:
        """Begin alone; `context` holds this agent's own KA certificate; without, peers are spoken to in plain HTTP."""
        self._hub = hub
        self._context = context
        self._timeout = timeout
        self._peers: dict[str, Peer] = {}

    def add(self, name: str, connect: Connect) -> None:
        """Make another agent known."""
        self._peers[name] = Peer(name, connect, self._context, self._hub, self._timeout)

    def close(self) -> None:
        """Close all connections."""
        for peer in self._peers.values():
            peer.close()

    async def forward(self, agent: str, request: Request, caller: Identity, *, callbacks: bool) -> Response:
        """Send a request on as the caller's and return the other agent's answer; 503 if it cannot be reached."""
        peer = self._peers.get(agent)
        if peer is None:
            raise KnowledgeAgentError(503, f"Could not get remote KA {agent} for urls: []")
        headers = {name.title(): request.headers[name] for name in PASSED_ON if name in request.headers}
        headers["Authorization"] = delegation(caller)
        body = None if request.method == "GET" else request.body
        try:
            if callbacks:
                await peer.relay_callbacks(caller)
            response = await peer.request(request.method, request.target, headers, body)
        except UnreachableError as error:
            raise KnowledgeAgentError(503, f"Could not reach remote KA {agent}: {error}") from error
        kept = {"Content-Type": response.headers["content-type"]} if "content-type" in response.headers else {}
        return Response(response.status, kept, response.body or None)

    async def structures(self) -> list[StructureUpdate]:
        """Return the structures of all peers that can be reached."""
        found = []
        body = msgspec.json.encode(StructureRequest())
        for peer in self._peers.values():
            try:
                response = await peer.request("POST", "/ka/requestKorUpdate", {"Content-Type": JSON}, body)
            except UnreachableError:
                continue
            if response.status == OK:
                found.append(msgspec.json.decode(response.body, type=StructureUpdate))
        return found
