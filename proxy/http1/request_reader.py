"""Requests as they come from a service: whole, one after the other, and read in one way only (RFC 9112)."""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
from ipaddress import ip_address

import httptools
import msgspec

from proxy.decoders.base import Request
from proxy.decoders.refusals import HTTP2
from proxy.http1.bad_message import BadMessage
from proxy.http1.chunked import ChunkedDecoder
from proxy.http1.head import (
    LONGEST_REMEMBERED,
    REMEMBERED,
    Fields,
    Framing,
    Head,
    HeadLimits,
    framing,
    parse_head,
    take_head,
)
from proxy.http1.room import BodyLimits, Room

_METHOD = re.compile(rb"[A-Z]{1,16}(?: |\Z)")
_LINE = re.compile(rb"([A-Z]{1,16}) ([!-~]+) HTTP/([0-9])\.([0-9])\r\n")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::([0-9]{1,5}))?")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(/[^#]*)?", re.IGNORECASE)
_STREAM = ["application/octet-stream"]
_TUNNELLING = frozenset({"CONNECT", "TRACE"})
_LONGEST_METHOD = 17


class Progress(Enum):
    """How far the next request has come."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class Authority(msgspec.Struct, frozen=True):
    """Network address and port of an access point, as they stand in a target and in Host."""

    host: str
    port: int


class Received(msgspec.Struct, frozen=True):
    """A whole request."""

    request: Request
    keep_alive: bool


class _RequestHead(msgspec.Struct, frozen=True):
    """The head of a request that passed every check."""

    method: str
    target: str
    """In origin form."""
    fields: Fields
    framing: Framing
    most: int
    """Largest body, in bytes."""
    stream: bool
    keep_alive: bool
    expects: bool
    """The sender waits for a `100 Continue` before it sends the body."""


class RequestReader:
    """Cuts requests off what a connection brings. A connection that brought something bad is at its end."""

    def __init__(self, destination: Authority, limits: HeadLimits, bodies: BodyLimits, room: Room) -> None:
        """Read requests to one access point.

        Args:
            destination: Where the connection was redirected from.
            limits: Of the head.
            bodies: Largest bodies.
            room: For the bodies of streams, of all connections together.
        """
        self._destination = destination
        self._limits = limits
        self._bodies = bodies
        self._room = room
        self._taken = 0
        self._buffer = bytearray()
        self._raw = b""
        """The newest head that was complete, of a request that came as far."""
        self._begun: _RequestHead | None = None
        self._chunks: ChunkedDecoder | None = None
        self._chunked_body = bytearray()
        self._continue = False

    def feed(self, data: bytes) -> None:
        """Take bytes in."""
        self._buffer += data

    @property
    def waiting(self) -> int:
        """Bytes that were not looked at yet."""
        return len(self._buffer)

    @property
    def line(self) -> str:
        """Method and target of the newest request, as far as they are known."""
        line = _LINE.match(self._raw)
        if line is None:
            return self._raw.partition(b"\r\n")[0].decode("latin-1")[:512]
        return f"{line[1].decode('ascii')} {line[2].decode('ascii')[:512]}"

    @property
    def begun(self) -> Request | None:
        """The request of which the head was read and the body is not complete, without that."""
        head = self._begun
        return None if head is None else Request(method=head.method, target=head.target, headers=head.fields, body=b"")

    @property
    def progress(self) -> Progress:
        """How far the next request has come."""
        if self._begun is not None:
            return Progress.BODY
        return Progress.HEAD if self._buffer else Progress.NOTHING

    def rest(self) -> bytes:
        """Give away what came after the last request, for another protocol."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def give_room_back(self) -> None:
        """Give back what a stream took: it has been answered, or nobody waits for that any more."""
        if self._taken:
            self._room.give_back(self._taken)
            self._taken = 0

    def take_expectation(self) -> bool:
        """Whether the sender waits for a `100 Continue`; asked once, as it gets one only."""
        waits, self._continue = self._continue, False
        return waits

    def next(self) -> Received | None:
        """Return the next request; None while it is not complete.

        Raises:
            BadMessage: it is malformed, ambiguous or too large.
        """
        head = self._begun or self._begin()
        if head is None:
            return None
        body = self._take_body(head)
        if body is None:
            return None
        self._begun = None
        self._continue = False
        request = Request(method=head.method, target=head.target, headers=head.fields, body=body)
        return Received(request, keep_alive=head.keep_alive)

    def _begin(self) -> _RequestHead | None:
        if not self._buffer:
            return None
        self._raw = b""
        if not _METHOD.match(self._buffer, 0, _LONGEST_METHOD):
            raise BadMessage("malformed-request", "it does not begin with the name of a method")
        raw = take_head(self._buffer, self._limits)
        if raw is None:
            return None
        self._raw = raw
        read = _read_head if len(raw) <= LONGEST_REMEMBERED else _read_head.__wrapped__
        head = read(raw, self._destination, self._limits, self._bodies)
        self._begun = head
        if (head.framing.length or 0) > head.most:
            raise BadMessage("body-too-large", f"the body is larger than {head.most} bytes")
        self._continue = head.expects
        if head.framing.chunked:
            self._chunks = ChunkedDecoder()
            self._chunked_body = bytearray()
        return head

    def _take_body(self, head: _RequestHead) -> bytes | None:
        """Take a body off the buffer; None while it is not complete."""
        if head.framing.chunked:
            return self._take_chunks(head)
        length = head.framing.length
        if not length:
            return b""
        if head.stream:
            self._take_room(min(len(self._buffer), length))
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _take_room(self, size: int) -> None:
        """Take as much room as has come of a stream."""
        self._room.take(size - self._taken)
        self._taken = size

    def _take_chunks(self, head: _RequestHead) -> bytes | None:
        assert self._chunks is not None  # noqa: S101 -- `_begin` made it
        for piece in self._chunks.take(self._buffer):
            self._chunked_body += piece
            if len(self._chunked_body) > head.most:
                raise BadMessage("body-too-large", f"the body is larger than {head.most} bytes")
        if head.stream:
            self._take_room(len(self._chunked_body))
        if not self._chunks.finished:
            return None
        body = bytes(self._chunked_body)
        self._chunked_body.clear()  # a connection that idles is not to keep a stream
        return body


@lru_cache(REMEMBERED)
def _read_head(raw: bytes, destination: Authority, limits: HeadLimits, bodies: BodyLimits) -> _RequestHead:
    """Read a complete head. What services ask for they ask for again, byte for byte: the newest are remembered.

    Raises:
        BadMessage: it is malformed or ambiguous.
    """
    line = _LINE.match(raw)
    if line is None:
        raise BadMessage("malformed-request", "its first line is not a method, a target and a version")
    method, target = line[1].decode("ascii"), line[2].decode("ascii")
    if (line[3], line[4]) != (b"1", b"1"):
        raise _other_version(f"HTTP/{line[3].decode()}.{line[4].decode()}")
    if method in _TUNNELLING:
        raise BadMessage("method-not-allowed", f"the method {method} is not spoken here")
    head = parse_head(raw, httptools.HttpRequestParser, limits)
    target = _origin_form(target, head, destination)
    how = framing(head)
    stream = method == "PUT" and [value for name, value in head.fields if name == "content-type"] == _STREAM
    most = bodies.stream if stream else bodies.usual
    return _RequestHead(
        *(method, target, head.fields, how),
        most=most,
        stream=stream,
        keep_alive=not head.closes,
        expects=_expects(head, how),
    )


def _other_version(version: str) -> BadMessage:
    if version == "HTTP/2.0":
        return BadMessage("http2", HTTP2)
    return BadMessage("http-version", f"{version} is not spoken here")


def _expects(head: Head, how: Framing) -> bool:
    expected = head.values("expect")
    if not expected:
        return False
    if len(expected) > 1 or expected[0].lower() != "100-continue":
        raise BadMessage("expectation", f"the expectation {expected[0][:48]!r} cannot be met")
    return how.chunked or bool(how.length)


def _origin_form(target: str, head: Head, destination: Authority) -> str:
    """Return the target in origin form, and see that Host agrees with it (RFC 9112, section 3.2).

    Where a call goes is known from its connection. Host is not passed on, so a service may call the access point
    by any name; only a whole URL must say the same as Host, and name the address that was called.
    """
    hosts = head.values("host")
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        raise BadMessage("bad-host", "there is not exactly one valid Host field")
    if target.startswith("/"):
        if "#" in target:
            raise BadMessage("malformed-request", "the target has a fragment")
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadMessage("target-form", "the target is not in origin form (RFC 9112, section 3.2.1)")
    if absolute[1].lower() != hosts[0].lower() or not _names(destination, absolute[1]):
        raise BadMessage("absolute-form", "the target is a whole URL and does not name the access point")
    return absolute[2] or "/"


def _names(destination: Authority, authority: str) -> bool:
    found = _HOST.fullmatch(authority)
    if found is None or int(found[2] or 0) != destination.port:
        return False
    try:
        return ip_address(found[1].strip("[]")) == ip_address(destination.host)
    except ValueError:
        return False
