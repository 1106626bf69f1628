"""When a journal file is full, and which of the rotated ones are kept no longer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MIB = 1024 * 1024
_FILES = 8
"""Into how many files at least the room for a chain is divided: what is removed is removed a file at a time."""


class Stored(NamedTuple):
    """A rotated file."""

    size: int
    """Bytes."""
    newest: float
    """Real time of its last change, seconds since the epoch."""


@dataclass(frozen=True)
class Retention:
    """How one chain is divided into files, and how much of it is kept."""

    file_bytes: int = 64 * MIB
    """A file of that size is rotated."""
    file_seconds: float = 86_400.0
    """So is one whose first record is that old."""
    keep_bytes: int = 2048 * MIB
    """All files of the chain together stay below that, but for one write."""
    keep_seconds: float = 90 * 86_400.0
    """A rotated file whose newest record is older is removed."""

    def share(self, chains: int) -> Retention:
        """Return what each of several chains may keep, so that all together keep no more than this."""
        keep = self.keep_bytes // chains
        return Retention(min(self.file_bytes, keep // _FILES), self.file_seconds, keep, self.keep_seconds)

    def full(self, size: int, begun: float | None, now: float) -> bool:
        """Tell whether a file is to be rotated.

        Args:
            size: Of the file, in bytes.
            begun: Real time of its first record; None for an empty file.
            now: Real time.
        """
        return begun is not None and (size >= self.file_bytes or now - begun >= self.file_seconds)

    def surplus(self, files: Sequence[Stored], now: float) -> int:
        """Return how many of the rotated files, oldest first, are to be removed."""
        # The file that is being written has its share of the room from the beginning.
        room = self.keep_bytes - self.file_bytes
        total = sum(file.size for file in files)
        for count, file in enumerate(files):
            if total <= room and now - file.newest < self.keep_seconds:
                return count
            total -= file.size
        return len(files)


DEFAULT = Retention()
