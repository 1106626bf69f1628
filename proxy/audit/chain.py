"""The chain of hashes: how a record becomes a line, and how a line is checked. Pure.

A line is one JSON object. `sequence` counts from 1 without gaps, `previous` is the hash of the line before (64 zeros
for the first), `hash` comes last and is the SHA-256 (FIPS 180-4), in hex, of the line without its last member: of the
exact bytes up to `,"hash":` plus a closing brace. Hashing the bytes as they stand leaves no room for two readings of a
record.

Bytes that a crash or a full disk left behind are never removed. The next record that is written says how many they
are and what their SHA-256 is (`torn`), so that a reader can tell them from a change that somebody made.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

GENESIS = "0" * 64
"""The `previous` of the first record."""
_SEAL = b',"hash":"'
_SEAL_LENGTH = len(_SEAL) + 64 + len(b'"}')


class Torn(msgspec.Struct, frozen=True):
    """Bytes between two records that are no record, without the newline that ends them."""

    bytes: int
    sha256: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What the chain needs of a record."""

    sequence: int
    previous: str
    kind: str
    hash: str
    id: str | None = None
    time: str | None = None
    sentence: str | None = None
    torn: Torn | None = None
    details: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def label(self) -> str:
        """What a person calls the record: its verdict id, or its kind and number."""
        return self.id or f"{self.kind} {self.sequence}"


class _Label(msgspec.Struct):
    id: str | None = None


_links = msgspec.json.Decoder(Link)
_labels = msgspec.json.Decoder(_Label)


class TornBytes:
    """Counts and hashes torn bytes as they come, in constant memory."""

    def __init__(self) -> None:
        """Start with none."""
        self._hash = hashlib.sha256()
        self._count = 0

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self._count > 0

    def add(self, data: bytes) -> None:
        """Append bytes."""
        self._hash.update(data)
        self._count += len(data)

    def sum(self) -> Torn:
        """Return count and hash so far."""
        return Torn(self._count, self._hash.hexdigest())


def encode(record: dict[str, Any] | msgspec.Struct) -> bytes:
    """Return a record as the bytes that `seal` takes.

    Raises:
        TypeError: if it holds something that JSON has no form for.
    """
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        # Text from the network may hold lone surrogates. That must not keep a record out of the log.
        return msgspec.json.encode(_printable(msgspec.to_builtins(record)))


def seal(body: bytes, *, sequence: int, previous: str) -> tuple[bytes, str]:
    """Return an encoded record (an object with one member at least) as a line, newline included, and its hash."""
    head = b'{"sequence":%d,%b,"previous":"%b"' % (sequence, body[1:-1], previous.encode("ascii"))
    digest = hashlib.sha256(head + b"}").hexdigest()
    return b"".join((head, _SEAL, digest.encode("ascii"), b'"}\n')), digest


def unseal(line: bytes) -> Link | None:
    """Return the link of a line, or `None` if its hash is wrong or it is not a record at all."""
    line = line.removesuffix(b"\n")
    if line[-_SEAL_LENGTH : -_SEAL_LENGTH + len(_SEAL)] != _SEAL:
        return None
    try:
        link = _links.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    digest = hashlib.sha256(line[:-_SEAL_LENGTH] + b"}").hexdigest()
    # The text is compared too: a decoder takes the last of two members of one name.
    return link if link.hash == digest and line.endswith(f'"{digest}"}}'.encode("ascii")) else None


def label(line: bytes) -> str | None:
    """Return the id that a damaged line still shows, if any."""
    try:
        return _labels.decode(line).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _printable(value: object) -> object:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case dict():
            return {_printable(key): _printable(each) for key, each in value.items()}
        case list() | tuple():
            return [_printable(each) for each in value]
        case _:
            return value
