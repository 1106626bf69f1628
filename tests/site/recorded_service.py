"""A service that says what it is told, byte for byte, and keeps what it hears, byte for byte."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import cbor2
import msgspec
from wsproto.connection import ConnectionType

from tests.site.http_client import Connect, render
from tests.site.vsl_client import DUMMY, OCTETS
from tests.site.websocket import SUBPROTOCOL, Channel

SECONDS = 15.0
"""Within which an answer must come."""
LARGEST = 4 * 1024 * 1024
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""That of the example in RFC 6455, so that each handshake is answered alike."""
_SWITCHING, _NO_CONTENT = 101, 204


class Answer(NamedTuple):
    """An answer as it came."""

    head: bytes
    """Status line and fields, with the empty line."""
    body: bytes
    """Without the borders of chunks, which mean nothing (RFC 9112, section 7.1)."""

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.head.split(b" ", 2)[1])


class Reply(NamedTuple):
    """What the owner of a virtual node says to each invocation."""

    data: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    stream: bytes = b""
    """Sent for a stream that somebody reads."""


class _Connection:
    """An open connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer to the end."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        answer = Answer(head, b"")
        fields = head.lower()
        if answer.status in {_SWITCHING, _NO_CONTENT}:
            return answer
        if b"\r\ntransfer-encoding: chunked\r\n" in fields:
            return Answer(head, await self._chunks())
        length = fields.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
        return Answer(head, await self.reader.readexactly(int(length)))

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return body


class _Kept:
    """A connection that is opened with the first request, and anew where the last answer ended it."""

    def __init__(self, open_one: Callable[[], Awaitable[_Connection]]) -> None:
        self._open_one = open_one
        self._connection: _Connection | None = None

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return its answer; one after the other."""
        async with asyncio.timeout(SECONDS):
            if self._connection is None:
                self._connection = await self._open_one()
            answer = await self._connection.ask(request)
        if b"\r\nconnection: close\r\n" in answer.head.lower():
            self._connection.writer.close()
            self._connection = None
        return answer

    def abort(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            self._connection.writer.transport.abort()


class RecordedService:
    """One service: kept connections for calls and for streams that somebody asked for, and one for callbacks.

    Streams go their own way, as they are asked for while a call may be waiting for its answer.
    """

    def __init__(
        self, connect: Connect, context: ssl.SSLContext | None, accept: str, replies: Mapping[str, Reply]
    ) -> None:
        """Make it, unconnected.

        Args:
            connect: gives TCP connections to its access point.
            context: TLS with its certificate; None speaks plain.
            accept: the field of its upgrade, which decides on the form of its callbacks.
            replies: what it answers as the owner of virtual nodes, by callback id.
        """
        self._connect = connect
        self._context = context
        self._accept = accept
        self._replies = replies
        self._calls = _Kept(self._open)
        self._streams = _Kept(self._open)
        self._callbacks: _Connection | None = None
        self._listening: asyncio.Task[None] | None = None
        self.heard: dict[str, list[str | bytes]] = {}
        """The messages of its callbacks, as they came, by callback id."""
        self.transfers: list[Answer] = []
        """What came of the streams that it opened for somebody."""

    async def call(self, request: bytes) -> Answer:
        """Send a whole request and return its answer."""
        return await self._calls.ask(request)

    async def open_callbacks(self) -> Answer:
        """Open the WebSocket; return the answer to the upgrade."""
        headers = {
            "Host": "127.0.0.1:8081",
            "Accept": self._accept,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": KEY,
            "Sec-WebSocket-Protocol": SUBPROTOCOL,
        }
        async with asyncio.timeout(SECONDS):
            connection = self._callbacks = await self._open()
            answer = await connection.ask(render("GET", "/callbacks", headers, None))
        if answer.status == _SWITCHING:
            self._listening = asyncio.create_task(self._listen(connection))
        return answer

    @property
    def listens(self) -> bool:
        """Whether its callbacks have been opened."""
        return self._callbacks is not None

    async def close(self) -> None:
        """Close all connections; raise what went wrong while it listened."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
            if not self._listening.cancelled() and (error := self._listening.exception()) is not None:
                raise error
        self._calls.abort()
        self._streams.abort()
        if self._callbacks is not None:
            self._callbacks.writer.transport.abort()

    async def _open(self) -> _Connection:
        sock = await self._connect()
        name = "" if self._context is not None else None
        opened = asyncio.open_connection(sock=sock, ssl=self._context, server_hostname=name, limit=LARGEST)
        return _Connection(*await opened)

    async def _listen(self, connection: _Connection) -> None:
        channel = Channel(connection.writer.write, ConnectionType.CLIENT)
        while data := await connection.reader.read(65536):
            for message in channel.feed(data):
                await self._invoked(channel, message)

    async def _invoked(self, channel: Channel, message: str | bytes) -> None:
        binary = isinstance(message, bytes)
        frame: dict[str, Any] = cbor2.loads(message) if isinstance(message, bytes) else msgspec.json.decode(message)
        callback = str(uuid.UUID(bytes=frame["callbackId"])) if binary else frame["callbackId"]
        self.heard.setdefault(callback, []).append(message)
        answer: dict[str, Any] = {"callbackId": frame["callbackId"], "serial": frame["serial"]}
        reply = self._replies.get(callback, Reply())
        if reply.error is not None:
            answer["error"] = reply.error
        elif reply.data is not None and frame["invoke"] == "VGET":
            answer["data"] = reply.data
        channel.send(cbor2.dumps(answer) if binary else msgspec.json.encode(answer).decode())
        target = f"/callback-stream/{callback}-{frame['serial']}"
        match frame["invoke"]:
            case "VGET_STREAM":
                headers = {"Host": "127.0.0.1:8081", "Content-Type": OCTETS}
                self.transfers.append(await self._streams.ask(render("PUT", target, headers, DUMMY + reply.stream)))
            case "VSET_STREAM":
                headers = {"Host": "127.0.0.1:8081", "Accept": OCTETS}
                self.transfers.append(await self._streams.ask(render("GET", target, headers, None)))
