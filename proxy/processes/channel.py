"""A socket between two processes of the gateway that carries typed messages; nobody waits to send one."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import msgspec

_LENGTH = struct.Struct("!I")
LARGEST = 256 * 1024 * 1024
"""Bytes of one message: all that is remembered of the instances of a large site fits."""
MOST_WAITING = 2 * LARGEST
"""Bytes that may wait for a process that does not take them."""

_encoder = msgspec.msgpack.Encoder()


class ChannelClosed(Exception):
    """The other process has ended, or what it sent can not be read."""


class ChannelFull(Exception):
    """The other process does not take what it is sent: it hangs."""


class Channel[Outgoing: msgspec.Struct, Incoming: msgspec.Struct]:
    """One end. For the event loop's thread."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, incoming: Any) -> None:
        """Send over `writer`, and read messages of the type, or union of types, `incoming`."""
        self._reader = reader
        self._writer = writer
        self._decoder: msgspec.msgpack.Decoder[Incoming] = msgspec.msgpack.Decoder(incoming)

    @classmethod
    async def over(cls, end: socket.socket, incoming: Any) -> Channel[Outgoing, Incoming]:
        """Use one end of a socket pair, and own it from now on."""
        reader, writer = await asyncio.open_unix_connection(sock=end)
        return cls(reader, writer, incoming)

    def send(self, message: Outgoing) -> None:
        """Hand over a message. Where the other process has ended, it is lost: `receive` tells.

        Raises:
            ChannelFull: too much waits already.
        """
        content = _encoder.encode(message)
        if self._writer.transport.get_write_buffer_size() + len(content) > MOST_WAITING:
            raise ChannelFull(f"more than {MOST_WAITING} bytes wait for another process of the gateway")
        self._writer.write(_LENGTH.pack(len(content)) + content)

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
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ChannelClosed("the other process has ended") from error
        except msgspec.MsgspecError as error:
            raise ChannelClosed(f"a message that can not be read: {error}") from error

    async def sent(self) -> None:
        """Wait until the system has taken everything, or the other process has ended."""
        self._writer.transport.set_write_buffer_limits(0)
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    def close(self) -> None:
        """Close it; what the other process has not read yet stays readable there."""
        self._writer.close()
