"""Reads a journal: record by record, the newest ones, one by its id. Says nothing about the chain: that is `verify`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from proxy.audit.files import follower, opened
from proxy.audit.layout import JOURNAL_FILE, rotated
from proxy.audit.lines import lines

_BLOCK = 64 * 1024


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
    tail = Tail(directory, count)
    try:
        return tail.take()
    finally:
        tail.close()


class Tail:
    """The end of a journal that is being written: first its newest records, then those that came since."""

    def __init__(self, directory: Path, count: int) -> None:
        """Open it and begin with the newest `count` records.

        Raises:
            OSError: if the journal cannot be read.
        """
        self._directory = directory
        self._file: BinaryIO = (directory / JOURNAL_FILE).open("rb")
        self._file.seek(_offset_of_newest(self._file, count))
        self._rest = b""
        newest = self._drain()
        for path in reversed(rotated(directory)):
            if len(newest) >= count:
                break
            newest = _end_of(path, self._file, count - len(newest)) + newest
        self._first = newest[max(0, len(newest) - count) :]

    def take(self) -> list[Record]:
        """Return what is new, oldest first.

        Raises:
            OSError: if the journal cannot be read.
        """
        found, self._first = self._first, []
        found += self._drain()
        while (following := follower(self._directory, self._file)) is not None:
            found += self._drain()  # what was written between the look before and the rotation
            self._file.close()
            self._file, self._rest = following, b""
            found += self._drain()
        return found

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _drain(self) -> list[Record]:
        found: list[Record] = []
        for piece in lines(self._file):
            self._rest += piece
            if not self._rest.endswith(b"\n"):
                continue
            record, self._rest = parse(self._rest), b""
            if record is not None:
                found.append(record)
        return found


def _end_of(path: Path, current: BinaryIO, count: int) -> list[Record]:
    """Return the newest `count` records of a rotated file, or some more; none if it has just been rotated or removed.

    What was rotated since `current` was opened is read from there.
    """
    try:
        with path.open("rb") as file:
            if os.path.sameopenfile(file.fileno(), current.fileno()):
                return []
            file.seek(_offset_of_newest(file, count))
            return list(_parsed(lines(file)))
    except FileNotFoundError:
        return []


def find(directory: Path, prefix: str) -> Record | None:
    """Return the record whose id is, or uniquely begins with, `prefix`; `None` if there is none.

    Raises:
        AmbiguousIdError: if several ids begin so and none is equal.
        OSError: if the journal cannot be read.
    """
    found: list[Record] = []
    needle = b'"id":' + msgspec.json.encode(prefix)[:-1]
    for file in opened(directory):
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
