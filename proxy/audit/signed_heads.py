"""The newest signed statement, in a file beside the supervisor's journal; renewed in place, so it needs no room."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from proxy.audit.layout import SIGNED_FILE
from proxy.audit.statement import Signed
from proxy.storage.ownership import give_to_owner_of

LENGTH = 16 * 1024
"""Bytes of the file: the heads of the most workers that there can be fit."""
_ATTEMPTS = 20
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

_decoder = msgspec.json.Decoder(Signed)


def write(directory: Path, signed: Signed) -> None:
    """Renew the file.

    Raises:
        OSError: it cannot be written.
    """
    file = os.open(directory / SIGNED_FILE, _FLAGS, 0o600)
    try:
        give_to_owner_of(directory, file)
        os.pwrite(file, msgspec.json.encode(signed).ljust(LENGTH - 1) + b"\n", 0)
        os.fdatasync(file)
    finally:
        os.close(file)


def read(path: Path) -> Signed | None:
    """Return what a file holds, `None` where there is none or it is damaged.

    Raises:
        OSError: it cannot be read.
    """
    try:
        data = _content(path)
        # A read that meets a write may see half of each: two equal reads are a whole one.
        for _ in range(_ATTEMPTS):
            again = _content(path)
            if again == data:
                break
            data = again
        return _decoder.decode(data)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LENGTH)
