"""The head of a message: cut off at its end, within its limits, and parsed into fields (RFC 9112, sections 2 to 5)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import httptools
import msgspec

from proxy.http1.bad_message import BadMessage

_END = b"\r\n\r\n"
# A lone CR at the very end may still become a CRLF.
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n|\Z)|(?<!\r)\n")
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\r\n"))
_LENGTH = re.compile(r"[0-9]{1,12}")
HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "content-length", "expect"),
    }
)
"""Fields that concern one connection (RFC 9110, section 7.6.1), or the framing, which is made anew."""

TELLING = frozenset({"connection", "content-length", "expect", "host", "transfer-encoding"})
"""Fields that this layer acts upon."""

REMEMBERED = 512
"""Most heads of one kind whose reading is remembered; the one that came longest ago is forgotten first."""
LONGEST_REMEMBERED = 2048
"""Bytes of the longest head that is remembered: all of them together stay small, whatever somebody sends."""

Fields = tuple[tuple[str, str], ...]
"""Field lines in order; names in lower case, values as Latin-1 text."""


class HeadLimits(msgspec.Struct, frozen=True):
    """What a head may cost."""

    line_bytes: int
    """The first line, its end included."""
    head_bytes: int
    """All of it, the empty line included."""
    fields: int


def take_head(buffer: bytearray, limits: HeadLimits) -> bytes | None:
    """Cut the head off a buffer; None while it is not complete.

    What is wrong is told as soon as it is there, and the same is told however the bytes were split.

    Raises:
        BadMessage: forbidden bytes, or a limit is exceeded.
    """
    line = buffer.find(b"\r\n", 0, limits.line_bytes)
    if line < 0:
        _check_bytes(bytes(buffer[: limits.line_bytes]))
        if len(buffer) >= limits.line_bytes:
            raise BadMessage("url-too-long", f"the first line is longer than {limits.line_bytes} bytes")
        return None
    end = buffer.find(_END, line, limits.head_bytes)
    if end < 0:
        _check_bytes(bytes(buffer[: limits.head_bytes]))
        if len(buffer) >= limits.head_bytes:
            raise BadMessage("headers-too-large", f"the head is larger than {limits.head_bytes} bytes")
        return None
    head = bytes(buffer[: end + len(_END)])
    if len(head) <= LONGEST_REMEMBERED:
        _check_remembered(head)
    else:
        _check_bytes(head)
    del buffer[: len(head)]
    return head


def _check_bytes(head: bytes) -> None:
    ends = head.count(b"\r\n")
    if ends == head.count(b"\n") == head.count(b"\r") and len(head.translate(None, _CONTROLS)) == len(head):
        return  # nearly all; the expression below takes ten times as long
    found = _FORBIDDEN.search(head)
    if found is not None:
        raise BadMessage("malformed-request", f"the byte {found[0][:1].hex()} may not stand there, at {found.start()}")


# Of what came before, byte for byte, it is known that nothing is wrong with it; what is wrong is never remembered.
_check_remembered = lru_cache(2 * REMEMBERED)(_check_bytes)


class Head(msgspec.Struct, frozen=True):
    """A parsed head."""

    fields: Fields
    telling: dict[str, list[str]]
    """Values of the fields that this layer acts upon, by name."""
    written: Fields = ()
    """The fields with their names as they were written."""

    def values(self, name: str) -> list[str]:
        """Return the values of all lines of such a field, in order."""
        return self.telling.get(name, [])

    @property
    def closes(self) -> bool:
        """Whether the sender ends the connection after this message (RFC 9112, section 9.6)."""
        return any(
            option.strip().lower() == "close" for line in self.values("connection") for option in line.split(",")
        )


class _Listening:
    """llhttp checks; nothing that it could call back is wanted."""


Parser = httptools.HttpRequestParser | httptools.HttpResponseParser


def parse_head(raw: bytes, make: Callable[[object], Parser], limits: HeadLimits) -> Head:
    """Parse a complete head: llhttp checks it, line by line as strict as can be, and the lines it accepted are cut.

    Raises:
        BadMessage: it is malformed, or has too many fields.
    """
    try:
        make(_Listening()).feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass  # what follows is another protocol; whether it may is decided elsewhere
    except httptools.HttpParserError as error:
        about_framing = any(name in str(error) for name in ("Content-Length", "Transfer-Encoding"))
        code = "ambiguous-framing" if about_framing else "malformed-request"
        raise BadMessage(code, f"not a valid message: {error}"[:200]) from error
    lines = raw.decode("latin-1").split("\r\n")[1:-2]
    if len(lines) > limits.fields:
        raise BadMessage("headers-too-large", f"there are more than {limits.fields} header fields")
    fields: list[tuple[str, str]] = []
    as_written: list[tuple[str, str]] = []
    telling: dict[str, list[str]] = {}
    for line in lines:
        written, _, value = line.partition(":")
        name, value = written.lower(), value.strip(" \t")
        fields.append((name, value))
        as_written.append((written, value))
        if name in TELLING:
            telling.setdefault(name, []).append(value)
    return Head(tuple(fields), telling, tuple(as_written))


class Framing(msgspec.Struct, frozen=True):
    """How long a body is (RFC 9112, section 6)."""

    length: int | None
    """None: it is not told."""
    chunked: bool = False


def framing(head: Head) -> Framing:
    """Read the framing of a message.

    Raises:
        BadMessage: it can be read in two ways, or in none.
    """
    lengths, codings = head.values("content-length"), head.values("transfer-encoding")
    if codings:
        if lengths:
            raise BadMessage("ambiguous-framing", "the message has a length and is chunked as well")
        if len(codings) > 1 or codings[0].lower() != "chunked":
            raise BadMessage("ambiguous-framing", f"the transfer coding {codings[0][:48]!r} is not supported")
        return Framing(None, chunked=True)
    if not lengths:
        return Framing(None)
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise BadMessage("ambiguous-framing", f"the content length {', '.join(lengths)[:48]!r} is not one number")
    return Framing(int(lengths[0]))
