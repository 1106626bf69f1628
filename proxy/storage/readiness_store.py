"""How far the models of the service types are, on disk: a restart is no reason to stop refusing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from policy.readiness import Maturity

FILE = "readiness.json"


class ReadinessStore:
    """One small file in the state directory; without it types are watched anew."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def save(self, types: Mapping[str, Maturity]) -> None:
        """Write what is known of each type, atomically.

        Raises:
            OSError: the disk refuses.
        """
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(types))
        fresh.replace(self._path)

    def load(self) -> dict[str, Maturity]:
        """Return what was stored; nothing where there is none, or where it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Maturity])
        except (OSError, msgspec.MsgspecError):
            return {}
