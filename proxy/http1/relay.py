"""An open callback channel (RFC 6455): messages go on one by one as they were judged, everything else stays here.

Pings are answered on the side where they come from. A ping of one side makes the gateway ping the other, with nothing
in it, so that each end still notices when the other is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from proxy.http1.bad_message import BadMessage
from proxy.http1.call import Channel, Relayed

Judge = Callable[..., Relayed]


class MessageLimits(NamedTuple):
    """Bytes of the largest message of either side."""

    of_service: int
    of_access_point: int


@dataclass
class Sent:
    """What is to be sent to either side."""

    to_service: bytearray = field(default_factory=bytearray)
    to_access_point: bytearray = field(default_factory=bytearray)
    closed: bool = False
    """Both connections end after that."""


class _Side:
    """One side's frames."""

    def __init__(self, kind: ConnectionType, most: int) -> None:
        self.frames = Connection(kind)
        self.most = most
        self.parts: list[bytes] = []
        self.size = 0

    def assembled(self, event: TextMessage | BytesMessage) -> bytes | None:
        """Add a part of a message; return the whole when it is complete.

        Raises:
            BadMessage: it is too large.
        """
        data = event.data
        part = data.encode() if isinstance(data, str) else bytes(data)
        self.size += len(part)
        if self.size > self.most:
            raise BadMessage("message-too-large", f"a message is larger than {self.most} bytes")
        if part:
            self.parts.append(part)
        if not event.message_finished:
            return None
        whole = b"".join(self.parts)
        self.parts.clear()
        self.size = 0
        return whole


class Relay:
    """Reads the frames of both sides of an upgraded connection."""

    def __init__(self, channel: Channel, limits: MessageLimits) -> None:
        """Judge messages with `channel`; one above the limits ends the connection."""
        self._channel = channel
        self._service = _Side(ConnectionType.SERVER, limits.of_service)
        self._access_point = _Side(ConnectionType.CLIENT, limits.of_access_point)

    def from_service(self, data: bytes) -> Sent:
        """Take bytes of the service.

        Raises:
            BadMessage: they break the protocol; both connections end.
        """
        sent = Sent()
        self._take(self._service, data, self._channel.from_service, sent, (sent.to_service, sent.to_access_point))
        return sent

    def from_access_point(self, data: bytes) -> Sent:
        """Take bytes of the access point.

        Raises:
            BadMessage: they break the protocol; both connections end.
        """
        sent = Sent()
        self._take(
            self._access_point, data, self._channel.from_access_point, sent, (sent.to_access_point, sent.to_service)
        )
        return sent

    def _take(self, side: _Side, data: bytes, judge: Judge, sent: Sent, ways: tuple[bytearray, bytearray]) -> None:
        other = self._access_point if side is self._service else self._service
        back, onward = ways
        try:
            side.frames.receive_data(data)
            for event in side.frames.events():
                match event:
                    case TextMessage() | BytesMessage():
                        whole = side.assembled(event)
                        if whole is not None:
                            relayed = judge(whole, text=isinstance(event, TextMessage))
                            onward += _message(other, relayed.onward, binary=relayed.binary)
                            back += _message(side, relayed.back, binary=relayed.binary)
                    case Ping():
                        back += side.frames.send(event.response())
                        onward += other.frames.send(Ping())
                    case Pong():
                        pass
                    case CloseConnection():
                        if side.frames.state is ConnectionState.OPEN:  # wsproto's word for bytes it cannot read
                            raise BadMessage("malformed-frame", f"not a valid frame: {event.reason}"[:200])
                        back += side.frames.send(event.response())
                        onward += other.frames.send(CloseConnection(code=CloseReason.NORMAL_CLOSURE))
                        sent.closed = True
                        return
        except (RemoteProtocolError, LocalProtocolError) as error:
            raise BadMessage("malformed-frame", f"not a valid frame: {error}"[:200]) from error


def _message(side: _Side, content: bytes, *, binary: bool) -> bytes:
    if not content:
        return b""
    return side.frames.send(BytesMessage(data=content) if binary else TextMessage(data=content.decode()))
