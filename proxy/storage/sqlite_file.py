"""SQLite files in the state directory: made for its owner alone, and looked at without being changed."""

from __future__ import annotations

import os
from pathlib import Path

from proxy.storage.ownership import give_to_owner_of

BESIDE = ("-wal", "-shm")
"""Endings of the files that SQLite keeps beside one in WAL mode."""


def make(path: Path) -> None:
    """Make the file before SQLite does: those that it makes beside it get the same permissions and the same owner.

    Raises:
        OSError: it cannot be made, or is a link.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        give_to_owner_of(path.parent, descriptor)
    finally:
        os.close(descriptor)


def address_for_reading(path: Path) -> str:
    """Return the URI by which a file can be read, also while others write to it, and nothing is made or changed."""
    # A log that was left or is in use is read through the index beside it; without one, SQLite would make the index.
    shared = all(path.with_name(path.name + suffix).exists() for suffix in BESIDE)
    return f"{path.absolute().as_uri()}?mode=ro&{'readonly_shm=1' if shared else 'immutable=1'}"
