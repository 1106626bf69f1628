"""Messages on a stream of bytes: a length of four bytes, then that many. Pure."""

from __future__ import annotations

import struct

LENGTH = struct.Struct("!I")
MOST_BYTES = 1 << 24
"""Longest message: two hundred thousand senders in one installation."""


class FrameError(Exception):
    """A message is longer than any may be; what follows on the stream can not be told apart any more."""


def framed(message: bytes) -> bytes:
    """Return a message as it goes on the stream.

    Raises:
        FrameError: when it is too long.
    """
    return LENGTH.pack(_checked(len(message))) + message


class FrameReader:
    """Cuts a stream into messages. Who empties it between feeds has it hold one message and one feed at most."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what came next on the stream."""
        self._buffer += data

    def take(self) -> bytes | None:
        """Return the next message, None where it is not there whole yet.

        Raises:
            FrameError: when it is going to be too long.
        """
        if len(self._buffer) < LENGTH.size:
            return None
        end = LENGTH.size + _checked(LENGTH.unpack_from(self._buffer)[0])
        if len(self._buffer) < end:
            return None
        message = bytes(self._buffer[LENGTH.size : end])
        del self._buffer[:end]
        return message


def _checked(length: int) -> int:
    if length > MOST_BYTES:
        raise FrameError(f"a message of {length} bytes; at most {MOST_BYTES}")
    return length
