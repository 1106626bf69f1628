"""Reads a journal: record by record, the newest ones, one by its id. Says nothing about the chain: that is `verify`."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from proxy.audit.layout import JOURNAL_FILE

MAXIMUM_LINE = 16 * 1024 * 1024
"""Bytes of a line that are read in one piece; no record is nearly as long."""
_BLOCK = 64 * 1024
_POLL = 0.2


class Record(NamedTuple):
    """One record of a journal."""

    line: bytes
    """As it stands in the file, without the newline."""
    data: dict[str, Any]


class AmbiguousIdError(LookupError):
    """An id's beginning fits several records; `candidates` names some of them."""

    def __init__(self, prefix: str, candidates: list[str]) -> None:
        """Keep the candidates."""
        super().__init__(f"{prefix} is the beginning of several ids: {', '.join(candidates)}")
        self.candidates = candidates


_records = msgspec.json.Decoder(dict[str, Any])


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a journal with their newlines; the last one may lack it, a monstrous one comes in pieces."""
    while piece := file.readline(MAXIMUM_LINE):
        yield piece


def parse(line: bytes) -> Record | None:
    """Return the record of a line, or `None` for torn or damaged text."""
    text = line.removesuffix(b"\n")
    try:
        return Record(text, _records.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def newest(directory: Path, count: int) -> list[Record]:
    """Return the newest `count` records, oldest of them first.

    Raises:
        OSError: if the journal cannot be read.
    """
    with (directory / JOURNAL_FILE).open("rb") as file:
        file.seek(_offset_of_newest(file, count))
        return list(deque(_parsed(lines(file)), maxlen=count)) if count else []


def follow(directory: Path, count: int) -> Iterator[Record]:
    """Yield the newest `count` records, then each new one as it is written; does not end.

    Raises:
        OSError: if the journal cannot be read.
    """
    with (directory / JOURNAL_FILE).open("rb") as file:
        file.seek(_offset_of_newest(file, count))
        recent: deque[Record] = deque(maxlen=count)
        rest = b""
        caught_up = False
        while True:
            for piece in lines(file):
                rest += piece
                if not rest.endswith(b"\n"):
                    continue
                record, rest = parse(rest), b""
                if record is not None and caught_up:
                    yield record
                elif record is not None:
                    recent.append(record)
            if not caught_up:
                yield from recent
                caught_up = True
            time.sleep(_POLL)


def find(directory: Path, prefix: str) -> Record | None:
    """Return the record whose id is, or uniquely begins with, `prefix`; `None` if there is none.

    Raises:
        AmbiguousIdError: if several ids begin so and none is equal.
        OSError: if the journal cannot be read.
    """
    found: list[Record] = []
    needle = b'"id":' + msgspec.json.encode(prefix)[:-1]
    with (directory / JOURNAL_FILE).open("rb") as file:
        for record in _parsed(line for line in lines(file) if needle in line):
            identifier = record.data.get("id")
            if identifier == prefix:
                return record
            if isinstance(identifier, str) and identifier.startswith(prefix) and len(found) < 5:  # noqa: PLR2004
                found.append(record)
    if len(found) > 1:
        raise AmbiguousIdError(prefix, [record.data["id"] for record in found])
    return found[0] if found else None


def _parsed(source: Iterator[bytes]) -> Iterator[Record]:
    for line in source:
        record = parse(line)
        if record is not None:
            yield record


def _offset_of_newest(file: BinaryIO, count: int) -> int:
    """Return where the last `count` lines begin, some more if there is torn text among them."""
    start = file.seek(0, os.SEEK_END)
    newlines = 0
    while start > 0:
        start = max(0, start - _BLOCK)
        file.seek(start)
        newlines += file.read(_BLOCK).count(b"\n")
        if newlines > count:
            break
    if start == 0:
        return 0
    file.seek(start)
    file.readline()
    return file.tell()
