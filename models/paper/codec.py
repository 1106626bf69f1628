"""Versioned bytes of a paper's analyzer: a header of its own with a checksum, then MessagePack."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from models.clustering_feature import ClusteringFeature
from models.paper.communication_model import CommunicationModel
from models.paper.instance import InstanceState

MAGIC = b"alleyes paper models\n"
"""Not that of the other scoring: neither reads the other's models, and each says so."""
VERSION = 1
_DIGEST = 16
_HEADER = len(MAGIC) + 1 + _DIGEST
_WIDEST = 1 << 63
"""Integers from here on do not fit MessagePack and are written as bytes; sums of squared times get there."""


class PaperState(msgspec.Struct, frozen=True, kw_only=True):
    """All that a paper's analyzer remembers."""

    origin: str
    newest: int
    minute: int | None
    models: list[CommunicationModel]
    instances: list[InstanceState]
    """The one that was silent longest first."""


def encode(state: PaperState) -> bytes:
    """Return the bytes of a state: magic, version (1 byte), checksum (BLAKE2b, 16 bytes), MessagePack."""
    payload = msgspec.msgpack.encode(state, enc_hook=_plain)
    return b"".join((MAGIC, bytes((VERSION,)), _checksum(VERSION, payload), payload))


def decode(data: bytes) -> PaperState:
    """Read the bytes of a state.

    Raises:
        ValueError: the bytes are of something else, of another version, cut off or damaged; the text says which.
    """
    if not data.startswith(MAGIC):
        raise ValueError("these are no models of `scoring: paper`: the first bytes are wrong")
    if len(data) < _HEADER:
        raise ValueError(f"the models are cut off: {len(data)} bytes, less than a header")
    version = data[len(MAGIC)]
    if version != VERSION:
        raise ValueError(f"the models are of format {version}, this program reads format {VERSION}")
    payload = data[_HEADER:]
    if _checksum(version, payload) != data[len(MAGIC) + 1 : _HEADER]:
        raise ValueError("the models are damaged: their checksum does not match")
    try:
        return msgspec.msgpack.decode(payload, type=PaperState, dec_hook=_read)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the models cannot be read: {error}") from error


def _checksum(version: int, payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_DIGEST, key=bytes((version,))).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, ClusteringFeature):
        return [each if each < _WIDEST else each.to_bytes((each.bit_length() + 7) // 8, "big") for each in value.sums]
    raise NotImplementedError(f"{type(value).__name__} is not stored")


def _read(kind: type, value: Any) -> Any:
    if kind is ClusteringFeature:
        sums = msgspec.convert(value, tuple[int | bytes, int | bytes, int | bytes, int | bytes, int | bytes])
        feature = ClusteringFeature(*(each if isinstance(each, int) else int.from_bytes(each, "big") for each in sums))
        if not feature.plausible:
            raise ValueError("no points have these sums")
        return feature
    raise NotImplementedError(f"{kind.__name__} is not stored")
