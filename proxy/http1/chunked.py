"""The chunked transfer coding (RFC 9112, section 7.1) without what may hide in it: no extensions, no trailers.

llhttp reads chunks as well, but tells neither of their extensions nor where the message ends in what it was fed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.http1.bad_message import BadMessage

_SIZE_LINE = re.compile(rb"[0-9A-Fa-f]{1,8}\r\n")
_LONGEST_SIZE_LINE = 10
LAST_CHUNK = b"0\r\n\r\n"


class ChunkedDecoder:
    """Takes the chunks of one body off a buffer."""

    __slots__ = ("_left", "finished")

    def __init__(self) -> None:
        self._left: int | None = None
        """Of the chunk under way, its line end included; None: a size line is next."""
        self.finished = False

    def take(self, buffer: bytearray) -> Iterator[bytes]:
        """Yield what is there of the content, and take it off the buffer.

        Raises:
            BadMessage: the coding is broken, or has extensions or trailers.
        """
        while buffer and not self.finished:
            if self._left is None:
                if not self._begin(buffer):
                    return
                continue
            content = self._left - 2
            if content > 0:
                piece = bytes(buffer[:content])
                del buffer[: len(piece)]
                self._left -= len(piece)
                yield piece
                continue
            if not self._end_line(buffer):
                return
            self._left = None

    def _begin(self, buffer: bytearray) -> bool:
        """Take a size line; return whether it was complete."""
        line = _SIZE_LINE.match(buffer)
        if line is None:
            start = bytes(buffer[:_LONGEST_SIZE_LINE])
            digits = start.rstrip(b"\r\n") if start.endswith((b"\r", b"\n")) else start
            hexadecimal = all(each in b"0123456789abcdefABCDEF" for each in digits)
            if len(start) >= _LONGEST_SIZE_LINE or not digits or not hexadecimal or b"\n" in start:
                raise BadMessage("bad-chunk", "a chunk does not begin with its size alone")
            return False
        size = int(line[0], 16)
        if size == 0:
            return self._finish(buffer, len(line[0]))
        del buffer[: len(line[0])]
        self._left = size + 2
        return True

    def _finish(self, buffer: bytearray, line: int) -> bool:
        after = bytes(buffer[line : line + 2])
        if not b"\r\n".startswith(after):
            raise BadMessage("trailers", "the message carries trailers")
        if len(after) < len(b"\r\n"):
            return False
        del buffer[: line + 2]
        self.finished = True
        return True

    @staticmethod
    def _end_line(buffer: bytearray) -> bool:
        end = bytes(buffer[:2])
        if not b"\r\n".startswith(end):
            raise BadMessage("bad-chunk", "a chunk is longer than its size")
        if len(end) < len(b"\r\n"):
            return False
        del buffer[:2]
        return True


def chunk(content: bytes) -> bytes:
    """Return content as one chunk."""
    return b"%x\r\n%b\r\n" % (len(content), content)
