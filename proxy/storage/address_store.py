"""Who was behind which network address, on disk: known from the start, so that no quarantine hits a neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

FILE = "addresses.json"


class AddressStore:
    """One small file in the state directory; losing it costs nothing but caution."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def save(self, seen: Mapping[str, Mapping[str, float]]) -> None:
        """Write who was seen at each address and when, atomically.

        Raises:
            OSError: the disk refuses.
        """
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(seen))
        fresh.replace(self._path)

    def load(self) -> dict[str, dict[str, float]]:
        """Return what was stored; nothing where there is none, or where it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, dict[str, float]])
        except (OSError, msgspec.MsgspecError):
            return {}
