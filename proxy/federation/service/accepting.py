"""Accepts connections: counts each before its TLS handshake, which costs a descriptor and time as well."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl

import structlog

from proxy.federation.service.connections import Connections

_LINGER = 2.0
"""Seconds that TLS has to end a connection in good order."""
_PAUSE = 1.0
"""Seconds until accepting is tried again when the system has nothing left."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

log = structlog.get_logger("alleyes")


class Acceptor:
    """Of one listening socket. For the event loop's thread."""

    def __init__(self, listener: socket.socket, connections: Connections, context: ssl.SSLContext) -> None:
        """Accept nothing yet; the socket listens already, and does not block."""
        self._listener = listener
        self._connections = connections
        self._context = context
        self._greeting: set[asyncio.Task[None]] = set()

    async def forever(self) -> None:
        """Accept until cancelled; handshakes that go on then are ended."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    accepted, peer = await loop.sock_accept(self._listener)
                except OSError as error:
                    # Others are of a caller who went away before it was accepted.
                    if error.errno in _EXHAUSTED:
                        log.error("connections", detail=f"none can be accepted: {error.strerror}; raise LimitNOFILE=")
                        await asyncio.sleep(_PAUSE)
                    continue
                self._greet(accepted, peer[0])
                # Whoever connects without end does not keep others from being served.
                await asyncio.sleep(0)
        finally:
            for task in self._greeting:
                task.cancel()

    def _greet(self, accepted: socket.socket, address: str) -> None:
        """Begin the handshake, if there is a seat."""
        task: asyncio.Task[None] | None = None

        def leave() -> None:
            if task is not None:
                task.cancel()

        seat = self._connections.arrive(address, leave)
        if seat is None:
            accepted.close()
            return
        guarded = self._connections.made(seat)

        async def shake() -> None:
            try:
                # Cancelled or failed, asyncio closes the socket.
                with contextlib.suppress(OSError):
                    await asyncio.get_running_loop().connect_accepted_socket(
                        lambda: guarded,
                        accepted,
                        ssl=self._context,
                        ssl_handshake_timeout=self._connections.limits.handshake_seconds,
                        ssl_shutdown_timeout=_LINGER,
                    )
            finally:
                if not guarded.begun:
                    self._connections.vacate(seat)
                    accepted.close()

        task = asyncio.get_running_loop().create_task(shake())
        self._greeting.add(task)
        task.add_done_callback(self._greeting.discard)
