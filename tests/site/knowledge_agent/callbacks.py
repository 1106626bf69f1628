"""Callbacks to services over their WebSockets (source: vsl-rest, section 5)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from tests.site.knowledge_agent.errors import KnowledgeAgentError
from tests.site.knowledge_agent.identity import Identity
from tests.site.knowledge_agent.messages import CallbackAnswer, Invocation, NodeMessage


class CallbackSocket(Protocol):
    """A service's WebSocket as the agent sees it."""

    def invoke(self, invocation: Invocation) -> None:
        """Send a frame."""

    def close(self) -> None:
        """Close the connection: a newer one takes its place, or the agent stops."""


class CallbackHub:
    """All services' sockets: one per client id."""

    def __init__(self, timeout: float) -> None:
        """Wait `timeout` seconds for a service's response."""
        self.timeout = timeout
        self._sockets: dict[str, CallbackSocket] = {}
        self._serials: Counter[str] = Counter()
        self._awaited: dict[tuple[str, int], asyncio.Future[CallbackAnswer]] = {}

    def attach(self, client_id: str, socket: CallbackSocket) -> None:
        """Take a service's socket; it replaces an earlier one."""
        earlier = self._sockets.get(client_id)
        self._sockets[client_id] = socket
        if earlier is not None:
            earlier.close()

    def detach(self, client_id: str, socket: CallbackSocket) -> None:
        """Forget a socket that was closed, unless another has taken its place."""
        if self._sockets.get(client_id) is socket:
            del self._sockets[client_id]

    def close(self) -> None:
        """Close all sockets."""
        for socket in tuple(self._sockets.values()):
            socket.close()

    def notify(self, client_id: str, callback_id: str, address: str, kind: str = "NOTIFY") -> None:
        """Tell a service something, not waiting for its response; nothing happens if it has no socket."""
        socket = self._sockets.get(client_id)
        if socket is not None:
            socket.invoke(Invocation(callback_id, self._next_serial(callback_id), address, kind))

    async def call(
        self,
        client_id: str,
        callback_id: str,
        address: str,
        kind: str,
        *,
        identity: Identity | None = None,
        data: NodeMessage | None = None,
        before: Callable[[int], None] = lambda _serial: None,
    ) -> NodeMessage | None:
        """Invoke a service and return the node in its response; an error in it is raised as KnowledgeAgentError.

        `before` is called with the serial before the invocation is sent.
        """
        socket = self._sockets.get(client_id)
        if socket is None:
            raise KnowledgeAgentError(404, f"callback is not reachable for client with id: {client_id}")
        key = callback_id, self._next_serial(callback_id)
        self._awaited[key] = asyncio.get_running_loop().create_future()
        before(key[1])
        socket.invoke(Invocation(callback_id, key[1], address, kind, identity, data))
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self._awaited[key]
        except TimeoutError as error:
            raise KnowledgeAgentError(500, f"operation took longer than {self.timeout:g} s") from error
        finally:
            del self._awaited[key]
        if answer.error is not None:
            raise KnowledgeAgentError(answer.error.code, answer.error.message)
        return answer.data

    def answered(self, answer: CallbackAnswer) -> None:
        """Take a service's response; one that nobody waits for is dropped."""
        future = self._awaited.get((answer.callback_id, answer.serial))
        if future is not None and not future.done():
            future.set_result(answer)

    def _next_serial(self, callback_id: str) -> int:
        self._serials[callback_id] += 1
        return self._serials[callback_id]
