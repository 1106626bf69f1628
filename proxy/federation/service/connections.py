"""Connections of the service: no more than agreed, and none that is slower than agreed.

Who may have one is told by `proxy.federation.service.seats`.

aiohttp waits for the head of a request, and for whoever reads an answer, as long as it takes; so each of its protocols
is wrapped in one that knows since when its caller has been doing nothing useful.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web

from proxy.federation.configuration import ServiceLimits
from proxy.federation.service.authentication import Callers
from proxy.federation.service.problem import Failure
from proxy.federation.service.seats import Seat, Seats

_LOOKED_AT = 0.5
"""Seconds between two looks at all connections."""


class Connections:
    """All of them. For the event loop's thread."""

    def __init__(self, inner: Callable[[], web.RequestHandler], limits: ServiceLimits, callers: Callers) -> None:
        """Wrap the protocols that `inner` makes."""
        self._inner = inner
        self._limits = limits
        self._time = asyncio.get_running_loop().time
        self._callers = callers
        self.seats = Seats(limits)
        self._open: dict[web.RequestHandler, Guarded] = {}
        self.refused = 0
        """Connections that were closed at once, as there were too many."""
        self.cut = 0
        """Connections that were closed because their caller was too slow."""

    def __len__(self) -> int:
        return self.seats.members + self.seats.strangers

    def arrive(self, address: str, leave: Callable[[], None]) -> Seat | None:
        """Give a seat to a connection that was accepted; None if there is none. `leave` ends its handshake."""
        seat = self.seats.arrive(address, self._time(), leave)
        self.refused += seat is None
        return seat

    def vacate(self, seat: Seat) -> None:
        """Note that a connection ended before its handshake did."""
        self.seats.vacate(seat)

    def made(self, seat: Seat) -> Guarded:
        """Make the protocol of a connection that has a seat."""
        return Guarded(self._inner(), self, seat)

    def opened(self, guarded: Guarded, transport: asyncio.BaseTransport) -> bool:
        """Note a connection whose handshake is over; false if there is no room for another one of that member."""
        guarded.seat.leave = guarded.abort
        name = self._member(transport)
        if name is not None and not self.seats.become_member(guarded.seat, name):
            self.refused += 1
            return False
        self._open[guarded.inner] = guarded
        return True

    def closed(self, guarded: Guarded) -> None:
        """Note that a connection ended."""
        self._open.pop(guarded.inner, None)
        self.seats.vacate(guarded.seat)

    def idle_seconds(self, seat: Seat) -> int:
        """Return for how long a connection may be without a request."""
        longest = self._limits.idle_seconds
        return min(longest, self._limits.strangers.idle_seconds) if seat.stranger else longest

    def _member(self, transport: asyncio.BaseTransport) -> str | None:
        """Return whose certificate was shown, if it counts now."""
        caller = self._callers.of(transport)
        if caller is None:
            return None
        try:
            self._callers.check(caller)
        except Failure:
            return None
        return caller.origin

    def begin(self, inner: web.RequestHandler | None, seconds: float) -> None:
        """Note that the head of a request is there; with its answer it takes `seconds` at most."""
        if inner is not None and (guarded := self._open.get(inner)) is not None:
            guarded.expect(self._time() + seconds, working=True)

    def end(self, inner: web.RequestHandler | None) -> None:
        """Note that the answer to a request is ready; its caller has to take it."""
        if inner is not None and (guarded := self._open.get(inner)) is not None:
            guarded.expect(self._time() + self.idle_seconds(guarded.seat), working=False)

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


class Guarded(asyncio.Protocol):
    """One connection."""

    def __init__(self, inner: web.RequestHandler, connections: Connections, seat: Seat) -> None:
        """Pass on to aiohttp's protocol what it needs to know."""
        self.inner = inner
        self.seat = seat
        self.begun = False
        """Whether the handshake is over; from then on the end of the connection is told."""
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._stalled_since: float | None = None
        self._until = 0.0
        """Loop time by which there must be something new."""
        self._working = False
        """Whether that is our work."""
        self._time = asyncio.get_running_loop().time
        self._head_seconds = connections.limits.head_seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection whose TLS handshake is over."""
        self.begun = True
        self._transport = cast("asyncio.Transport", transport)
        if not self._connections.opened(self, transport):
            self._transport.abort()
            self.inner.connection_made(transport)
            return
        self.expect(self._time() + self._head_seconds, working=False)
        self.inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that it ended."""
        self._connections.closed(self)
        self.inner.connection_lost(cast("BaseException | None", exc))

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that begins has to be there soon."""
        if not self._working:
            self._until = min(self._until, self._time() + self._head_seconds)
        self.inner.data_received(data)

    def eof_received(self) -> None:
        """Take note that the caller says no more."""
        self.inner.eof_received()

    def pause_writing(self) -> None:
        """Take note that the caller does not read."""
        self._stalled_since = self._time()
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Take note that it does again."""
        self._stalled_since = None
        self.inner.resume_writing()

    def late(self, now: float) -> bool:
        """Tell whether its time is over."""
        if self._stalled_since is not None:
            return now > self._stalled_since + self._connections.limits.answer_seconds
        return now > self._until

    def abort(self) -> None:
        """Close it, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def expect(self, until: float, *, working: bool) -> None:
        """Note by when, in loop time, there must be something new, and whether that is our work."""
        self._until, self._working = until, working
