"""The lines of a journal file, in pieces of bounded size: it may hold anything after a crash or an attack."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

MAXIMUM_LINE = 16 * 1024 * 1024
"""Bytes of a line that are read in one piece; no record is nearly as long."""
_BLOCK = 64 * 1024


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a journal with their newlines; the last one may lack it, a monstrous one comes in pieces."""
    while piece := file.readline(MAXIMUM_LINE):
        yield piece


def lines_newest_first(file: BinaryIO) -> Iterator[bytes]:
    """Yield the whole lines of a journal without their newlines, the last one first; what is too long is left out."""
    position = file.seek(0, os.SEEK_END)
    rest: bytes | None = None  # the beginning of the line that was met last; None while what follows it is unfinished
    while position > 0:
        start = max(0, position - _BLOCK)
        file.seek(start)
        pieces = file.read(position - start).split(b"\n")
        position = start
        last = pieces.pop()
        if pieces:
            if rest is not None:
                yield last + rest
            yield from reversed(pieces[1:])
            rest = pieces[0]
        elif rest is not None:
            rest = last + rest if len(rest) < MAXIMUM_LINE else b""
    if rest is not None:
        yield rest
