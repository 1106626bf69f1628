"""Bytes on disk: a magic text, a version and a checksum around MessagePack. Each kind of state has its own magic."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from models.categorical import Counts
from models.clustering_feature import ClusteringFeature

_DIGEST = 16
_SUMS = 5
_WIDEST = 1 << 63
"""Integers from here on do not fit MessagePack and are written as bytes; sums of squared times get there."""


class Frame[State]:
    """How one kind of state is stored: magic, version (1 byte), checksum (BLAKE2b, 16 bytes), MessagePack."""

    def __init__(self, kind: type[State], *, magic: bytes, version: int, foreign: str) -> None:
        """Describe a format.

        Args:
            kind: What is stored; a msgspec structure.
            magic: First bytes, which no other kind of file has.
            version: Of the format, 0 to 255. Others are refused.
            foreign: What is said of bytes that begin with something else.
        """
        self._kind = kind
        self._magic = magic
        self._version = version
        self._foreign = foreign

    def encode(self, state: State) -> bytes:
        """Return the bytes of a state."""
        payload = msgspec.msgpack.encode(state, enc_hook=_plain)
        return b"".join((self._magic, bytes((self._version,)), _checksum(self._version, payload), payload))

    def decode(self, data: bytes) -> State:
        """Read the bytes of a state.

        Raises:
            ValueError: the bytes are of something else, of another version, cut off or damaged; the text says which.
        """
        if not data.startswith(self._magic):
            raise ValueError(self._foreign)
        start = len(self._magic) + 1
        if len(data) < start + _DIGEST:
            raise ValueError(f"the models are cut off: {len(data)} bytes, less than a header")
        version = data[start - 1]
        if version != self._version:
            raise ValueError(f"the models are of format {version}, this program reads format {self._version}")
        payload = data[start + _DIGEST :]
        if _checksum(version, payload) != data[start : start + _DIGEST]:
            raise ValueError("the models are damaged: their checksum does not match")
        try:
            return msgspec.msgpack.decode(payload, type=self._kind, dec_hook=_read)
        except msgspec.MsgspecError as error:
            raise ValueError(f"the models cannot be read: {error}") from error


def _checksum(version: int, payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_DIGEST, key=bytes((version,))).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, ClusteringFeature):
        return [each if each < _WIDEST else each.to_bytes((each.bit_length() + 7) // 8, "big") for each in value.sums]
    raise NotImplementedError(f"{type(value).__name__} is not stored")


def _read(kind: type, value: Any) -> Any:
    if kind is Counts:
        return Counts(msgspec.convert(value, dict[str, int]))
    if kind is ClusteringFeature:
        feature = _feature(value)
        if not feature.plausible:
            raise ValueError("no points have these sums")
        return feature
    raise NotImplementedError(f"{kind.__name__} is not stored")


def _feature(value: Any) -> ClusteringFeature:
    # Models are made of these, and workers read them between calls: `msgspec.convert` would take four times as long.
    if type(value) is not list or len(value) != _SUMS:
        raise ValueError("a summary of points has five sums")
    sums = [int.from_bytes(each, "big") if type(each) is bytes else each for each in value]
    for each in sums:
        if type(each) is not int:
            raise ValueError("a sum is a number")
    return ClusteringFeature(*sums)
