"""Connections of the service: no more than agreed, and none that is slower than agreed.

aiohttp waits for the head of a request, and for whoever reads an answer, as long as it takes; so each of its protocols
is wrapped in one that knows since when its caller has been doing nothing useful.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from aiohttp import web

from proxy.federation.configuration import ServiceLimits

_LOOKED_AT = 0.5
"""Seconds between two looks at all connections."""


class Connections:
    """All of them. For the event loop's thread."""

    def __init__(self, inner: Callable[[], web.RequestHandler], limits: ServiceLimits) -> None:
        """Wrap the protocols that `inner` makes."""
        self._inner = inner
        self._limits = limits
        self._open: dict[web.RequestHandler, Guarded] = {}
        self.refused = 0
        """Connections that were closed at once, as there were too many."""
        self.cut = 0
        """Connections that were closed because their caller was too slow."""

    def __len__(self) -> int:
        return len(self._open)

    def __call__(self) -> Guarded:
        """Make the protocol of a new connection."""
        return Guarded(self._inner(), self)

    def opened(self, guarded: Guarded) -> bool:
        """Note a connection; false if there is no room for it."""
        if len(self._open) >= self._limits.connections:
            self.refused += 1
            return False
        self._open[guarded.inner] = guarded
        return True

    def closed(self, guarded: Guarded) -> None:
        """Note that a connection ended."""
        self._open.pop(guarded.inner, None)

    def begin(self, inner: web.RequestHandler | None, seconds: float) -> None:
        """Note that the head of a request is there; with its answer it takes `seconds` at most."""
        if inner is not None and (guarded := self._open.get(inner)) is not None:
            guarded.state = _State(asyncio.get_running_loop().time() + seconds, working=True)

    def end(self, inner: web.RequestHandler | None) -> None:
        """Note that the answer to a request is ready; its caller has to take it."""
        if inner is not None and (guarded := self._open.get(inner)) is not None:
            now = asyncio.get_running_loop().time()
            guarded.state = _State(now + self._limits.idle_seconds, working=False)

    async def watch(self) -> None:
        """Cut connections whose time is over, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOKED_AT)
            now = loop.time()
            for guarded in [each for each in self._open.values() if each.late(now)]:
                self.cut += 1
                guarded.abort()

    @property
    def limits(self) -> ServiceLimits:
        """What holds for each."""
        return self._limits


@dataclass(frozen=True)
class _State:
    until: float
    """Loop time by which there must be something new."""
    working: bool
    """Whether that is our work."""


class Guarded(asyncio.Protocol):
    """One connection."""

    def __init__(self, inner: web.RequestHandler, connections: Connections) -> None:
        """Pass on to aiohttp's protocol what it needs to know."""
        self.inner = inner
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._stalled_since: float | None = None
        self.state = _State(0, working=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection whose TLS handshake is over."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._connections.opened(self):
            self._transport.abort()
            self.inner.connection_made(transport)
            return
        self._allow(self._connections.limits.head_seconds)
        self.inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that it ended."""
        self._connections.closed(self)
        self.inner.connection_lost(cast("BaseException | None", exc))

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that begins has to be there soon."""
        if not self.state.working:
            until = asyncio.get_running_loop().time() + self._connections.limits.head_seconds
            if until < self.state.until:
                self.state = _State(until, working=False)
        self.inner.data_received(data)

    def eof_received(self) -> None:
        """Take note that the caller says no more."""
        self.inner.eof_received()

    def pause_writing(self) -> None:
        """Take note that the caller does not read."""
        self._stalled_since = asyncio.get_running_loop().time()
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Take note that it does again."""
        self._stalled_since = None
        self.inner.resume_writing()

    def late(self, now: float) -> bool:
        """Tell whether its time is over."""
        if self._stalled_since is not None:
            return now > self._stalled_since + self._connections.limits.answer_seconds
        return now > self.state.until

    def abort(self) -> None:
        """Close it, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def _allow(self, seconds: float) -> None:
        self.state = _State(asyncio.get_running_loop().time() + seconds, working=False)
