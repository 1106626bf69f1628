"""One HTTP/1.1 connection of a client: keep-alive, chunked bodies, and the WebSocket upgrade."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import httptools
import msgspec
from wsproto.connection import ConnectionType

from tests.site.websocket import SUBPROTOCOL, Channel, accept_key

SWITCHING_PROTOCOLS = 101
FAREWELL = 0.2
"""Seconds the other side has for closing."""

type Connect = Callable[[], Awaitable[socket.socket]]
"""Gives a connected, non-blocking TCP socket; raises OSError."""


class UnreachableError(Exception):
    """No answer: refused, reset, closed or silent."""


class HttpResponse(msgspec.Struct):
    """A whole answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type without parameters; empty if there is none."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


class HttpConnection(asyncio.Protocol):
    """Sends one request at a time; open it with `HttpConnection.open`."""

    def __init__(self) -> None:
        """Begin unconnected."""
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._awaited: asyncio.Future[HttpResponse] | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._upgraded: Callable[[bytes], None] | None = None
        self._early = b""
        self._bodiless = False
        self.lost: asyncio.Event = asyncio.Event()

    @classmethod
    async def open(cls, connect: Connect, context: ssl.SSLContext | None, timeout: float) -> HttpConnection:
        """Connect, with TLS where there is a context; raise UnreachableError after `timeout` seconds or on failure."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                sock = await connect()
                name = "" if context is not None else None
                # The socket is the event loop's from here on, also where this fails: closed here it would leave a
                # transport behind whose descriptor is soon somebody else's.
                _, protocol = await loop.create_connection(cls, sock=sock, ssl=context, server_hostname=name)
        except (OSError, ssl.SSLError) as error:
            raise UnreachableError(f"cannot connect: {error!r}") from error
        return protocol

    @property
    def closed(self) -> bool:
        """Whether the connection can take no further request."""
        return self.lost.is_set() or self._transport is None or self._transport.is_closing()

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> HttpResponse:
        """Send a request and wait for its answer; after an UnreachableError the connection is closed."""
        if self.closed or self._awaited is not None:
            raise UnreachableError("the connection is closed or busy")
        self._awaited = asyncio.get_running_loop().create_future()
        self._bodiless = method == "HEAD"
        self._write(render(method, target, headers, body))
        try:
            async with asyncio.timeout(timeout):
                return await self._awaited
        except TimeoutError as error:
            self.abort()
            raise UnreachableError(f"no answer within {timeout} s") from error
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._awaited = None

    async def upgrade(self, target: str, headers: Mapping[str, str], timeout: float) -> Channel:
        """Upgrade to the VSL's WebSocket; then call `listen`. Raises UnreachableError for anything but a right 101."""
        key = base64.b64encode(os.urandom(16)).decode("ascii")
        wanted = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Protocol": SUBPROTOCOL,
        }
        response = await self.request("GET", target, {**headers, **wanted}, None, timeout)
        if response.status != SWITCHING_PROTOCOLS or response.headers.get("sec-websocket-accept") != accept_key(key):
            self.abort()
            raise UnreachableError(f"the upgrade was answered with {response.status}")
        return Channel(self._write, ConnectionType.CLIENT)

    def listen(self, receive: Callable[[bytes], None]) -> None:
        """Hand all bytes after the upgrade to `receive`."""
        self._upgraded = receive
        early, self._early = self._early, b""
        if early:
            receive(early)

    def close(self) -> None:
        """Close in an orderly way."""
        if self._transport is not None:
            self._transport.close()

    async def end(self) -> None:
        """Close in an orderly way, but at once where the other side has fallen silent."""
        self.close()
        try:
            async with asyncio.timeout(FAREWELL):
                await self.lost.wait()
        except TimeoutError:
            self.abort()
            await asyncio.sleep(0)

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse an answer, or pass on frames."""
        if self._upgraded is not None:
            self._upgraded(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._early += data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self._fail(f"the answer is no HTTP: {error}")
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self.lost.set()
        self._fail(f"connection lost: {exc or 'closed by the other side'}")

    def _fail(self, message: str) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(UnreachableError(message))

    def on_message_begin(self) -> None:
        """Begin an answer."""
        self._headers, self._body = {}, []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Collect a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        status = self._parser.get_status_code()
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(HttpResponse(status, self._headers, b"".join(self._body)))
        if status != SWITCHING_PROTOCOLS and not self._parser.should_keep_alive():
            self.close()


def render(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Return the bytes of a request; a body goes in one chunk, as the stock client sends it."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body is None:
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1")
    head = "\r\n".join([*lines, "Transfer-Encoding: chunked", "\r\n"]).encode("latin-1")
    return head + chunked(body)


def chunked(body: bytes) -> bytes:
    """Return a body as one chunk and the last one (RFC 9112, section 7.1)."""
    return (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
