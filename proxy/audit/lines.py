"""The lines of a journal file, in pieces of bounded size: it may hold anything after a crash or an attack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

MAXIMUM_LINE = 16 * 1024 * 1024
"""Bytes of a line that are read in one piece; no record is nearly as long."""


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a journal with their newlines; the last one may lack it, a monstrous one comes in pieces."""
    while piece := file.readline(MAXIMUM_LINE):
        yield piece
