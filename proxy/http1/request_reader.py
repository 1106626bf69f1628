"""Requests as they come from a service: whole, one after the other, and read in one way only (RFC 9112)."""

from __future__ import annotations

import re
from enum import Enum, auto
from ipaddress import ip_address

import httptools
import msgspec

from proxy.decoders.base import Request
from proxy.http1.bad_message import BadMessage
from proxy.http1.chunked import ChunkedDecoder
from proxy.http1.head import Framing, Head, HeadLimits, framing, parse_head, take_head

_METHOD = re.compile(rb"[A-Z]{1,16}(?: |\Z)")
_LINE = re.compile(rb"([A-Z]{1,16}) ([!-~]+) HTTP/([0-9])\.([0-9])\r\n")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::([0-9]{1,5}))?")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(/[^#]*)?", re.IGNORECASE)
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


class RequestReader:
    """Cuts requests off what a connection brings. A connection that brought something bad is at its end."""

    def __init__(self, destination: Authority, limits: HeadLimits, body_bytes: int) -> None:
        """Read requests to one access point.

        Args:
            destination: Where the connection was redirected from.
            limits: Of the head.
            body_bytes: Largest body.
        """
        self._destination = destination
        self._limits = limits
        self._body_bytes = body_bytes
        self._buffer = bytearray()
        self._begun: tuple[str, str, Head, Framing] | None = None
        self._chunks: ChunkedDecoder | None = None
        self._body = bytearray()
        self._continue = False
        self.line = ""
        """Method and target of the newest request, as far as they are known."""

    def feed(self, data: bytes) -> None:
        """Take bytes in."""
        self._buffer += data

    @property
    def waiting(self) -> int:
        """Bytes that were not looked at yet."""
        return len(self._buffer)

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

    def take_expectation(self) -> bool:
        """Whether the sender waits for a `100 Continue`; asked once, as it gets one only."""
        waits, self._continue = self._continue, False
        return waits

    def next(self) -> Received | None:
        """Return the next request; None while it is not complete.

        Raises:
            BadMessage: it is malformed, ambiguous or too large.
        """
        if self._begun is None and not self._begin():
            return None
        assert self._begun is not None  # noqa: S101 -- `_begin` said so
        method, target, head, how = self._begun
        if not self._take_body(how):
            return None
        request = Request(method=method, target=target, headers=head.fields, body=bytes(self._body))
        self._begun = self._chunks = None
        self._body = bytearray()
        self._continue = False
        return Received(request, keep_alive=not head.closes)

    def _begin(self) -> bool:
        if not self._buffer:
            return False
        self.line = ""
        if not _METHOD.match(bytes(self._buffer[:_LONGEST_METHOD])):
            raise BadMessage("malformed-request", "it does not begin with the name of a method")
        raw = take_head(self._buffer, self._limits)
        if raw is None:
            return False
        line = _LINE.match(raw)
        if line is None:
            self.line = raw[: raw.index(b"\r\n")].decode("latin-1")[:512]
            raise BadMessage("malformed-request", "its first line is not a method, a target and a version")
        method, target = line[1].decode("ascii"), line[2].decode("ascii")
        self.line = f"{method} {target[:512]}"
        if (line[3], line[4]) != (b"1", b"1"):
            version = f"HTTP/{line[3].decode()}.{line[4].decode()}"
            raise BadMessage("http-version", f"{version} is not spoken here")
        if method in _TUNNELLING:
            raise BadMessage("method-not-allowed", f"the method {method} is not spoken here")
        head = parse_head(raw, httptools.HttpRequestParser, self._limits)
        target = self._origin_form(target, head)
        how = framing(head)
        if how.length is not None and how.length > self._body_bytes:
            raise BadMessage("body-too-large", f"the body is larger than {self._body_bytes} bytes")
        self._expect(head, how)
        self._begun = method, target, head, how
        self._chunks = ChunkedDecoder() if how.chunked else None
        return True

    def _expect(self, head: Head, how: Framing) -> None:
        expected = head.values("expect")
        if expected:
            if len(expected) > 1 or expected[0].lower() != "100-continue":
                raise BadMessage("expectation", f"the expectation {expected[0][:48]!r} cannot be met")
            self._continue = how.chunked or bool(how.length)

    def _origin_form(self, target: str, head: Head) -> str:
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
        if absolute[1].lower() != hosts[0].lower() or not self._names_destination(absolute[1]):
            raise BadMessage("absolute-form", "the target is a whole URL and does not name the access point")
        return absolute[2] or "/"

    def _names_destination(self, authority: str) -> bool:
        found = _HOST.fullmatch(authority)
        if found is None or int(found[2] or 0) != self._destination.port:
            return False
        try:
            return ip_address(found[1].strip("[]")) == ip_address(self._destination.host)
        except ValueError:
            return False

    def _take_body(self, how: Framing) -> bool:
        if self._chunks is not None:
            for piece in self._chunks.take(self._buffer):
                self._body += piece
                if len(self._body) > self._body_bytes:
                    raise BadMessage("body-too-large", f"the body is larger than {self._body_bytes} bytes")
            return self._chunks.finished
        length = how.length or 0
        if len(self._buffer) < length:
            return False
        self._body += self._buffer[:length]
        del self._buffer[:length]
        return True
