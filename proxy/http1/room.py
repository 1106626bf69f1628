"""How large bodies may be: each of them, and those of streams together, which are held until they are answered."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from proxy.http1.bad_message import BadMessage


class BodyLimits(msgspec.Struct, frozen=True):
    """Largest bodies of one direction, in bytes."""

    usual: int
    stream: int
    """Of opaque bytes alone, which the middleware calls a stream."""


@dataclass
class Room:
    """Room for the bodies of streams that have not been answered yet, of all connections. For one thread."""

    most: int
    """Bytes."""
    taken: int = 0

    def take(self, size: int) -> None:
        """Take room for so many bytes more.

        Raises:
            BadMessage: there is none; nothing was taken.
        """
        if self.taken + size > self.most:
            raise BadMessage("streams-full", f"more than {self.most} bytes of streams would be under way")
        self.taken += size

    def give_back(self, size: int) -> None:
        """Give back room that was taken."""
        self.taken -= size
