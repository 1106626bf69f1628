"""One TCP connection of an agent: counts what arrives, ends TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol, cast

import msgspec

READ_SIZE = 65_536


class Counters(msgspec.Struct):
    """What reached one listening socket."""

    connections: int = 0
    bytes_received: int = 0
    """Bytes of TCP payload, TLS handshakes included."""
    structure_bytes: int = 0
    """The same on connections of a gateway that reads the agent's structure; not among `bytes_received`."""
    requests: int = 0


class Session(Protocol):
    """What speaks over a link."""

    def feed(self, data: bytes) -> None:
        """Take decrypted bytes."""

    def lost(self) -> None:
        """The connection is gone."""


class Link(asyncio.Protocol):
    """A connection, plain or with TLS; the counting comes first, so nothing arrives unseen."""

    def __init__(
        self,
        counters: Counters,
        context: ssl.SSLContext | None,
        idle_timeout: float,
        begin: Callable[[Link], Session],
        end: Callable[[Link], None],
    ) -> None:
        """Begin a session per connection; close it after `idle_timeout` seconds of silence; `end` hears of its end."""
        self.counters = counters
        self._end = end
        self._idle_timeout = idle_timeout
        self._session = begin(self)
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True) if context is not None else None
        self._handshaken = False
        self._received = 0
        self._reads_structure = False
        self.asked = False
        """Whether a whole request has come."""

    @property
    def certificate(self) -> bytes | None:
        """The client's verified leaf certificate, DER."""
        return self._tls.getpeercert(binary_form=True) if self._tls is not None and self._handshaken else None

    def send(self, data: bytes) -> None:
        """Send bytes, encrypted where there is TLS; dropped if the connection is gone."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._tls is None:
            self._transport.write(data)
        else:
            self._tls.write(data)
            self._flush()

    def pause(self, *, paused: bool) -> None:
        """Stop or go on reading, so that a flood waits in the kernel."""
        if self._transport is None or self._transport.is_closing():
            return
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        """Close once everything is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        self.counters.connections += 1
        self._transport = cast("asyncio.Transport", transport)
        self._watch_idle()

    def data_received(self, data: bytes) -> None:
        """Count, decrypt, pass on."""
        self._received += len(data)
        self._count(len(data))
        self._watch_idle()
        if self._tls is None:
            self._session.feed(data)
            return
        self._incoming.write(data)
        try:
            self._decrypt(self._tls)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            self._flush()
        except ssl.SSLError:
            self._flush()
            self.close()

    def reads_structure(self) -> None:
        """Count the connection as one of a gateway that reads the structure, for itself and for nobody else."""
        if not self._reads_structure:
            self._count(-self._received)
            self._reads_structure = True
            self._count(self._received)

    def _count(self, received: int) -> None:
        if self._reads_structure:
            self.counters.structure_bytes += received
        else:
            self.counters.bytes_received += received

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the session."""
        if self._idle is not None:
            self._idle.cancel()
        self._session.lost()
        self._end(self)

    def _decrypt(self, tls: ssl.SSLObject) -> None:
        if not self._handshaken:
            tls.do_handshake()
            self._handshaken = True
            self._flush()
        while data := tls.read(READ_SIZE):
            self._session.feed(data)
        self.close()

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._outgoing.read())

    def _watch_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._idle_timeout, self.close)
