"""WebSocket frames after the upgrade, without sockets: for both ends of the callbacks (RFC 6455, RFC 7692)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.extensions import Extension

SUBPROTOCOL = "v1.vsl.ds2os.org"
INTERNAL_ERROR = 1011
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_key(key: str) -> str:
    """Return `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2)."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode("ascii")


class Channel:
    """Turns bytes into messages and back; answers pings and closes by itself."""

    def __init__(
        self, write: Callable[[bytes], None], kind: ConnectionType, extensions: list[Extension] | None = None
    ) -> None:
        """Write to `write`, as client or server."""
        self._write = write
        self._connection = Connection(kind, extensions)
        self._parts: list[Any] = []

    @property
    def open(self) -> bool:
        """Whether messages may still be sent."""
        return self._connection.state is ConnectionState.OPEN

    def feed(self, data: bytes) -> Iterator[str | bytes]:
        """Yield the messages that are complete with these bytes."""
        self._connection.receive_data(data)
        for event in self._connection.events():
            match event:
                case TextMessage() | BytesMessage():
                    self._parts.append(event.data)
                    if event.message_finished:
                        yield self._message(text=isinstance(event, TextMessage))
                case Ping():
                    self._write(self._connection.send(event.response()))
                case CloseConnection() if self._connection.state is ConnectionState.REMOTE_CLOSING:
                    self._write(self._connection.send(event.response()))

    def _message(self, *, text: bool) -> str | bytes:
        parts, self._parts = self._parts, []
        return "".join(map(str, parts)) if text else b"".join(map(bytes, parts))

    def send(self, message: str | bytes) -> None:
        """Send one message; a text as a text frame, bytes as a binary one."""
        event = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
        self._write(self._connection.send(event))

    def ping(self) -> None:
        """Send an empty ping."""
        self._write(self._connection.send(Ping()))

    def close(self, code: int = 1000) -> None:
        """Begin the closing handshake, if it has not begun."""
        if self.open:
            self._write(self._connection.send(CloseConnection(code)))
