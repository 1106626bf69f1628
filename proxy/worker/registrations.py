"""Lets the answer to a registration wait until the supervisor has read the types of the new nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from proxy.processes.messages import Registered

_SECONDS = 4.0
"""Longest wait. The supervisor may take longer, where others registered just before; then the answer does not wait."""


class Registrations:
    """The registrations that are waiting. For the event loop's thread."""

    def __init__(self, send: Callable[[Registered], None]) -> None:
        self._send = send
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._last = 0

    async def registered(self, agent: str) -> None:
        """Wait, within bounds, until the nodes of a service that has just registered are known."""
        self._last += 1
        ticket = self._last
        waiting = self._waiting[ticket] = asyncio.get_running_loop().create_future()
        try:
            self._send(Registered(agent, ticket))
            await asyncio.wait({waiting}, timeout=_SECONDS)
        finally:
            del self._waiting[ticket]

    def refreshed(self, ticket: int) -> None:
        """End a wait; one that was over already is passed over."""
        waiting = self._waiting.get(ticket)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
