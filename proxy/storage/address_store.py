"""Who was behind which network address, on disk: known from the start, so that no quarantine hits a neighbour."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

FILE = "addresses.json"


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """When somebody was seen at a network address last, and as whom."""

    when: float
    """Real time, seconds since the epoch."""
    addresses: tuple[str, ...]
    """Service addresses, as the access points know it; or `ip:<network address>`."""


class AddressStore:
    """One small file in the state directory; losing it costs nothing but caution."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def save(self, seen: Mapping[str, Mapping[str, Seen]]) -> None:
        """Write who was seen at each address and when, atomically.

        Raises:
            OSError: the disk refuses.
        """
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(seen))
        fresh.replace(self._path)

    def load(self) -> dict[str, dict[str, Seen]]:
        """Return what was stored; nothing where there is none, or where it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, dict[str, Seen]])
        except (OSError, msgspec.MsgspecError):
            return {}
