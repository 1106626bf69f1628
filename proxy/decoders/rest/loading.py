"""Mapping files, and the form in which the supervisor gives them to workers."""

from __future__ import annotations

from pathlib import Path

from policy.loading import load_document
from proxy.decoders.rest.mapping import MappingDocument


def load_mapping(path: Path) -> MappingDocument:
    """Load a mapping file.

    Raises:
        DocumentError: with every problem of the file, each with line and remedy.
    """
    return load_document(path, MappingDocument)


def packed(mapping: MappingDocument) -> bytes:
    """Return a mapping for a worker."""
    return mapping.model_dump_json(exclude_unset=True).encode()


def unpacked(data: bytes) -> MappingDocument:
    """Return a mapping that `packed` made."""
    return MappingDocument.model_validate_json(data)
