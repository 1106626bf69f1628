"""Answers of an access point: streamed on, their framing checked, so that none can run into the next (RFC 9112)."""

from __future__ import annotations

import re
from functools import lru_cache

import httptools
import msgspec

from proxy.http1.bad_message import BadMessage
from proxy.http1.chunked import ChunkedDecoder
from proxy.http1.head import (
    LONGEST_REMEMBERED,
    REMEMBERED,
    Fields,
    Framing,
    HeadLimits,
    framing,
    parse_head,
    take_head,
)

_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([\t -~\x80-\xff]*))?\r\n")
_LIMITS = HeadLimits(line_bytes=1024, head_bytes=32 * 1024, fields=128)
SWITCHING_PROTOCOLS = 101
_BODILESS = frozenset({204, 304})
_FIRST_FINAL = 200


class ResponseHead(msgspec.Struct, frozen=True):
    """The head of an answer."""

    status: int
    reason: str
    fields: Fields
    """Names as they were written: some clients compare them letter by letter."""
    keep_alive: bool
    length: int | None
    """Of the body; None where only its end tells."""


class ResponseReader:
    """Reads one answer off what an access point sends."""

    __slots__ = ("_buffer", "_chunks", "_endless", "_left", "_method", "_most", "_received", "finished", "head")

    def __init__(self, method: str, body_bytes: int, *, endless: bool = False) -> None:
        """Read the answer to a request of `method`; a body of more than `body_bytes` is refused.

        `endless`: only a body whose length is told is; another may go on for ever.
        """
        self._method = method
        self._most = body_bytes
        self._endless = endless
        self._buffer = bytearray()
        self._left: int | None = None
        self._chunks: ChunkedDecoder | None = None
        self._received = 0
        self.head: ResponseHead | None = None
        """Once it has come; interim answers (1xx) are passed over."""
        self.finished = False

    @property
    def switched(self) -> bool:
        """Whether the access point changed to another protocol."""
        return self.head is not None and self.head.status == SWITCHING_PROTOCOLS

    def rest(self) -> bytes:
        """Return what came after the end of the answer."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> bytes:
        """Take bytes in; return what is new of the body.

        Raises:
            BadMessage: the answer is malformed, ambiguous or too large, or there is more than the answer.
        """
        self._buffer += data
        while self.head is None:
            try:
                raw = take_head(self._buffer, _LIMITS)
                if raw is None:
                    return b""
                self._begin(raw)
            except BadMessage as problem:
                raise BadMessage("bad-answer", problem.detail) from problem
        content = b"" if self.finished else self._take_body()
        if self.finished and self._buffer and not self.switched:
            raise BadMessage("bad-answer", "there is more than the answer to the call")
        return content

    def end(self) -> None:
        """Note that the access point closed the connection.

        Raises:
            BadMessage: the answer is not complete.
        """
        if self.finished:
            return
        if self.head is None or self._chunks is not None or self._left is not None:
            raise BadMessage("bad-answer", "the connection was closed before the answer was complete")
        self.finished = True

    def _begin(self, raw: bytes) -> None:
        read = _read_head if len(raw) <= LONGEST_REMEMBERED else _read_head.__wrapped__
        head, how = read(raw, self._method == "HEAD")
        if head.status < _FIRST_FINAL and head.status != SWITCHING_PROTOCOLS:
            return
        if how.length is not None and how.length > self._most:
            raise BadMessage("bad-answer", f"the answer is larger than {self._most} bytes")
        self._left = how.length
        self._chunks = ChunkedDecoder() if how.chunked else None
        self.head = head
        self.finished = how.length == 0

    def _take_body(self) -> bytes:
        if self._chunks is not None:
            content = b"".join(self._chunks.take(self._buffer))
            self.finished = self._chunks.finished
        elif self._left is not None:
            content = bytes(self._buffer[: self._left])
            del self._buffer[: len(content)]
            self._left -= len(content)
            self.finished = self._left == 0
        else:
            content = bytes(self._buffer)
            self._buffer.clear()
        self._received += len(content)
        if self._received > self._most and not self._endless:
            raise BadMessage("bad-answer", f"the answer is larger than {self._most} bytes")
        return content


@lru_cache(REMEMBERED)
def _read_head(raw: bytes, to_head: bool) -> tuple[ResponseHead, Framing]:  # noqa: FBT001 -- two kinds of answers
    """Read the head of an answer, to a HEAD or to another request; return it and how much follows it.

    Answers of the same second hardly differ, so the newest are remembered.

    Raises:
        BadMessage: it is malformed or ambiguous.
    """
    line = _LINE.match(raw)
    if line is None:
        raise BadMessage("bad-answer", "the answer does not begin with a version and a status")
    status = int(line[2])
    head = parse_head(raw, httptools.HttpResponseParser, _LIMITS)
    reason = (line[3] or b"").decode("latin-1")
    keep_alive = line[1] == b"1" and not head.closes
    if status < _FIRST_FINAL and status != SWITCHING_PROTOCOLS:
        return ResponseHead(status, reason, head.written, keep_alive, 0), Framing(0)
    how = framing(head)
    follows = Framing(0) if to_head or status in _BODILESS or status == SWITCHING_PROTOCOLS else how
    told = how if to_head else follows
    return ResponseHead(status, reason, head.written, keep_alive, told.length), follows
