"""Configuration documents as bytes between processes."""

from __future__ import annotations

from pydantic import BaseModel


def written(document: BaseModel) -> bytes:
    """Return a checked document as JSON; to be read with `model_validate_json`.

    Only what was set is written: for a threshold, `null` means never, and not set means that of all types.
    """
    return document.model_dump_json(exclude_unset=True).encode()
