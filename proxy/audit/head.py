"""The head: number and hash of the newest record, in a small file beside the journal.

A chain alone cannot show that its newest records were cut off; a head that names a later record does. It is rewritten
in place after every write to the journal. Whoever can write the journal can write the head as well: against that, the
head has to be kept elsewhere too, or signed with a key that the writer of the journal does not have.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from proxy.audit.layout import HEAD_FILE

_LENGTH = 256
_ATTEMPTS = 20


class Head(msgspec.Struct, frozen=True):
    """The newest record of a journal; number 0 stands for an empty journal."""

    sequence: int
    hash: str


_heads = msgspec.json.Decoder(Head)


def write_head(file: int, head: Head) -> None:
    """Write the head in place: one block, never longer or shorter, so that it needs no room on a full disk.

    Raises:
        OSError: if it cannot be written.
    """
    os.pwrite(file, msgspec.json.encode(head).ljust(_LENGTH - 1) + b"\n", 0)


def read_head(directory: Path) -> Head | None:
    """Return the head of a directory's journal, or `None` where there is none or it is damaged.

    Raises:
        OSError: if it cannot be read.
    """
    path = directory / HEAD_FILE
    try:
        data = path.read_bytes()
        # A read that meets a write may see half of each: two equal reads are a whole one.
        for _ in range(_ATTEMPTS):
            again = path.read_bytes()
            if again == data:
                break
            data = again
        return _heads.decode(data)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None
