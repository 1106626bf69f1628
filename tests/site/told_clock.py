"""Event time that a test tells to the gateway's processes, so that it does not hang on how fast the machine is."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

_TIME = struct.Struct("=q")


class ToldClock:
    """Event time in a file that processes share; an `EventClock` of the gateway."""

    def __init__(self, file: Path) -> None:
        """Open the clock in a file that `begin` has made."""
        descriptor = os.open(file, os.O_RDWR)
        try:
            self._shared = mmap.mmap(descriptor, _TIME.size)
        finally:
            os.close(descriptor)

    @classmethod
    def begin(cls, file: Path, now: int) -> ToldClock:
        """Make the file of a clock that shows `now`, in milliseconds since the epoch."""
        file.write_bytes(_TIME.pack(now))
        return cls(file)

    def tell(self, now: int) -> None:
        """Set it, in milliseconds since the epoch; never to an earlier time."""
        _TIME.pack_into(self._shared, 0, now)

    def now(self) -> int:
        """Return the current event time in milliseconds."""
        (now,) = _TIME.unpack_from(self._shared)
        return int(now)
