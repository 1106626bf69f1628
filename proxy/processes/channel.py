"""Typed messages between two processes of the gateway; nobody waits to send one.

A pipe in either direction, not one socket for both: whoever writes to a process that has just ended must still be able
to read what that process said last, a quarantine for example.
"""

from __future__ import annotations

import asyncio
import os
import struct
from typing import Any, NamedTuple

import msgspec

_LENGTH = struct.Struct("!I")
LARGEST = 256 * 1024 * 1024
"""Bytes of one message: all that is remembered of the instances of a large site fits."""
MOST_WAITING = 2 * LARGEST
"""Bytes that may wait for a process that does not take them."""
_SENT_POLL = 0.002
_READ_AT_ONCE = 256 * 1024

_encoder = msgspec.msgpack.Encoder()


class ChannelClosed(Exception):
    """The other process has ended, or what it sent can not be read."""


class ChannelFull(Exception):
    """The other process does not take what it is sent, or one message is too large."""


class Ends(NamedTuple):
    """Descriptors of one process's side."""

    reading: int
    writing: int


def pair() -> tuple[Ends, Ends]:
    """Return the ends of both sides. What a started process is to have must be passed on to it."""
    (ours_reading, its_writing), (its_reading, ours_writing) = os.pipe(), os.pipe()
    return Ends(ours_reading, ours_writing), Ends(its_reading, its_writing)


class Channel[Outgoing: msgspec.Struct, Incoming: msgspec.Struct]:
    """One side. For the event loop's thread."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        incoming: Any,
        reading: asyncio.BaseTransport,
        writing: asyncio.WriteTransport,
    ) -> None:
        """Use `over` instead."""
        self._reader = reader
        self._reading = reading
        self._writing = writing
        self._decoder: msgspec.msgpack.Decoder[Incoming] = msgspec.msgpack.Decoder(incoming)

    @classmethod
    async def over(cls, ends: Ends, incoming: Any) -> Channel[Outgoing, Incoming]:
        """Use these ends, and own them from now on; what is read is of the type, or union of types, `incoming`."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_READ_AT_ONCE)
        reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ends.reading, "rb", buffering=0)
        )
        writing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(ends.writing, "wb", buffering=0))
        return cls(reader, incoming, reading, writing)

    def send(self, message: Outgoing) -> None:
        """Hand over a message. Where the other process has ended, it is lost: `receive` tells.

        Raises:
            ChannelFull: too much waits already, or the message is too large.
        """
        content = _encoder.encode(message)
        if len(content) > LARGEST:
            raise ChannelFull(f"a message of {len(content)} bytes, more than {LARGEST}")
        if self._writing.get_write_buffer_size() + len(content) > MOST_WAITING:
            raise ChannelFull(f"more than {MOST_WAITING} bytes wait for another process of the gateway")
        if not self._writing.is_closing():
            self._writing.write(_LENGTH.pack(len(content)) + content)

    async def receive(self) -> Incoming:
        """Return the next message.

        Raises:
            ChannelClosed: there will be none.
        """
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if length > LARGEST:
                raise ChannelClosed(f"a message of {length} bytes")
            return self._decoder.decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise ChannelClosed("the other process has ended") from error
        except msgspec.MsgspecError as error:
            raise ChannelClosed(f"a message that can not be read: {error}") from error

    async def sent(self) -> None:
        """Wait until the system has taken everything, or the other process has ended."""
        while self._writing.get_write_buffer_size() and not self._writing.is_closing():  # noqa: ASYNC110 -- no event
            await asyncio.sleep(_SENT_POLL)

    def close(self) -> None:
        """Close it; what the other process has not read yet stays readable there."""
        self._writing.close()
        self._reading.close()
