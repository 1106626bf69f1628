"""The Thing Descriptions that were fetched last and could be used, on disk: known from the start, whoever is down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from proxy.thing_sighting import Sighting

FILE = "things.json"


class KeptThings(msgspec.Struct, frozen=True):
    """What one URL gave."""

    fetched: float
    """Real time, seconds since the epoch."""
    documents: Mapping[str, bytes]
    listing: bool = False


class KeptPoint(msgspec.Struct, frozen=True):
    """What is known of one access point."""

    urls: Mapping[str, KeptThings] = {}
    sightings: Sequence[Sighting] = ()
    """Who has which name and paths."""


Kept = dict[str, KeptPoint]
"""By agent."""


class ThingsStore:
    """One file in the state directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def save(self, kept: Mapping[str, KeptPoint]) -> None:
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
