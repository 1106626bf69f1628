"""Streams between a caller and the owner of a virtual node (source: vsl-rest, section 8)."""

from __future__ import annotations

import asyncio

from tests.site.knowledge_agent.errors import TransportError

OCTETS = "application/octet-stream"
_GONE = 410


class Streams:
    """What owners were asked to send or to fetch. Bytes are relayed as they are, the first one too."""

    def __init__(self) -> None:
        """Begin empty."""
        self._sent: dict[str, asyncio.Future[bytes]] = {}
        self._fetched: dict[str, tuple[bytes, asyncio.Future[None]]] = {}

    def await_from(self, name: str) -> asyncio.Future[bytes]:
        """Wait for what an owner sends under this name."""
        waiting = self._sent[name] = asyncio.get_running_loop().create_future()
        return waiting

    def offer(self, name: str, data: bytes) -> asyncio.Future[None]:
        """Have something fetched under this name; the result tells when."""
        waiting = asyncio.get_running_loop().create_future()
        self._fetched[name] = data, waiting
        return waiting

    def forget(self, name: str) -> None:
        """Wait no longer."""
        self._sent.pop(name, None)
        self._fetched.pop(name, None)

    def put(self, name: str, data: bytes) -> None:
        """Take what an owner sends; raise TransportError 410 if nobody waits for it."""
        waiting = self._sent.pop(name, None)
        if waiting is None:
            raise TransportError(_GONE)
        if not waiting.done():
            waiting.set_result(data)

    def get(self, name: str) -> bytes:
        """Return what an owner fetches; raise TransportError 410 if there is nothing."""
        if name not in self._fetched:
            raise TransportError(_GONE)
        data, waiting = self._fetched.pop(name)
        if not waiting.done():
            waiting.set_result(None)
        return data
