"""The Thing Descriptions that were fetched last and could be used, on disk: known from the start, whoever is down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

FILE = "things.json"


class KeptThings(msgspec.Struct, frozen=True):
    """What one URL gave."""

    fetched: float
    """Real time, seconds since the epoch."""
    documents: Mapping[str, bytes]
    listing: bool = False


Kept = dict[str, dict[str, KeptThings]]
"""By agent and URL."""


class ThingsStore:
    """One file in the state directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def save(self, kept: Mapping[str, Mapping[str, KeptThings]]) -> None:
        """Write everything, atomically.

        Raises:
            OSError: the disk refuses.
        """
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(kept))
        fresh.replace(self._path)

    def load(self) -> Kept:
        """Return what was stored; nothing where there is none, or where it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError):
            return {}
