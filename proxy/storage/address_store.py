"""Which senders each network address carries, on disk: known from the start, so that no quarantine hits a neighbour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

FILE = "addresses.json"


class AddressStore:
    """One small file in the state directory; losing it costs nothing but caution."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def save(self, senders: Mapping[str, Sequence[str]]) -> None:
        """Write the senders of each address, atomically.

        Raises:
            OSError: the disk refuses.
        """
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(senders))
        fresh.replace(self._path)

    def load(self) -> dict[str, list[str]]:
        """Return what was stored; nothing where there is none, or where it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, list[str]])
        except (OSError, msgspec.MsgspecError):
            return {}
