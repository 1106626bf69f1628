"""Acceptances as they are stored: what was accepted is the key, so that the first time it was accepted stays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from proxy.federation.storage.base import MAX_ROWS


class Stored(NamedTuple):
    """What is written of an acceptance."""

    digest: bytes
    body: bytes
    """The candidate."""
    time: int


def to_store(acceptances: Sequence[Acceptance]) -> list[Stored]:
    """Return what is to be written, in the order of the keys; of several for the same candidate, the first one.

    Raises:
        ValueError: more than `MAX_ROWS`.
    """
    if len(acceptances) > MAX_ROWS:
        raise ValueError(f"{len(acceptances)} acceptances in one call: at most {MAX_ROWS}")
    found: dict[bytes, Stored] = {}
    for acceptance in acceptances:
        body = msgspec.msgpack.encode(acceptance.candidate)
        digest = hashlib.blake2b(body, digest_size=16).digest()
        found.setdefault(digest, Stored(digest, body, acceptance.time))
    return sorted(found.values())


def from_store(body: bytes, time: int) -> Acceptance:
    """Return what `to_store` was given."""
    return Acceptance(candidate=msgspec.msgpack.decode(body, type=Candidate), time=time)
