"""The mappings that were in force last, on disk: for a gateway that is started again when a file of them is broken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from pydantic import ValidationError

from proxy.decoders.rest.loading import unpacked

FILE = "last-good-mappings.json"


class _Kept(msgspec.Struct, frozen=True):
    source: str
    """What gateway.yaml says of where it comes from."""
    mapping: bytes
    """As workers get it."""


class MappingsStore:
    """One file in the state directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def save(self, mappings: Mapping[str, bytes], sources: Mapping[str, str]) -> None:
        """Keep the mappings that are in force, atomically.

        Args:
            mappings: By agent, as workers get them.
            sources: By agent what gateway.yaml says of where they come from; those without are not kept.

        Raises:
            OSError: the disk refuses.
        """
        kept = {agent: _Kept(sources[agent], each) for agent, each in mappings.items() if agent in sources}
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(msgspec.json.encode(kept))
        fresh.replace(self._path)

    def load(self, agent: str, source: str) -> bytes | None:
        """Return the mapping that an access point had last.

        Args:
            agent: Name of the access point.
            source: What gateway.yaml says of where its mapping comes from.

        Returns:
            None where there is none, where it came from elsewhere, and where this version cannot use it.
        """
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Kept]).get(agent)
            if kept is None or kept.source != source:
                return None
            unpacked(kept.mapping)
        except (OSError, msgspec.MsgspecError, ValidationError):
            return None
        return kept.mapping
