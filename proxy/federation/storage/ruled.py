"""Rulings on candidates as they are stored, and what is left of them without some of those who vouched.

The candidate is the key. What is written is decided here, the same for every store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vote, Vouched
from proxy.federation.storage.base import MAX_ROWS, Ruling


class Key(NamedTuple):
    """By what a candidate is found."""

    digest: bytes
    body: bytes
    """The candidate."""

    @classmethod
    def of(cls, candidate: Candidate) -> Key:
        """Return that of a candidate."""
        body = msgspec.msgpack.encode(candidate)
        return cls(hashlib.blake2b(body, digest_size=16).digest(), body)

    @property
    def candidate(self) -> Candidate:
        """What it is the key of."""
        return msgspec.msgpack.decode(self.body, type=Candidate)


class Told(NamedTuple):
    """An acceptance of the level above, to be written."""

    digest: bytes
    body: bytes
    time: int


class Carried(NamedTuple):
    """An acceptance with its votes, as it is stored."""

    digest: bytes
    vouched: Vouched
    told: bool
    """Whether the level above says so too."""


class Change(NamedTuple):
    """What becomes of a ruling once votes have gone."""

    digest: bytes
    homes: int
    """0: votes do not carry it any more."""
    withdrawn: bool

    @property
    def drops_votes(self) -> bool:
        """Whether the votes that are left go too: the next time they are given anew, or not."""
        return not self.homes


def check(*candidates: Sequence[object]) -> None:
    """Refuse more than one transaction is to write.

    Raises:
        ValueError: there are more than `MAX_ROWS`.
    """
    if (count := sum(map(len, candidates))) > MAX_ROWS:
        raise ValueError(f"{count} candidates in one call: at most {MAX_ROWS}")


def told_rows(acceptances: Iterable[Acceptance]) -> list[Told]:
    """Return what is to be written, in the order of the keys; of several for the same candidate, the first one."""
    found: dict[bytes, Told] = {}
    for acceptance in acceptances:
        digest, body = Key.of(acceptance.candidate)
        found.setdefault(digest, Told(digest, body, acceptance.time))
    return sorted(found.values())


def digests(candidates: Iterable[Candidate]) -> list[bytes]:
    """Return the keys of candidates, each once, in their order."""
    return sorted({Key.of(candidate).digest for candidate in candidates})


def voters(vouched: Iterable[Vouched]) -> list[str]:
    """Return who vouches, each once, in order."""
    return sorted({vote.origin for each in vouched for vote in each.votes})


def holding(vouched: Sequence[Vouched], present: set[str]) -> dict[bytes, tuple[Key, Vouched]]:
    """Return what holds with the votes of those who are present, by key and in the order of the keys.

    Who decided knew all that would change the outcome but who was taken out since: without such a one it holds.
    """
    found: dict[bytes, tuple[Key, Vouched]] = {}
    for each in vouched:
        gone = {vote.origin for vote in each.votes} - present
        left = each.without(gone) if gone else each
        if not gone or left.stands:
            key = Key.of(each.acceptance.candidate)
            found.setdefault(key.digest, (key, left))
    return dict(sorted(found.items()))


def carried(
    rows: Iterable[tuple[bytes, bytes, int, int, int, int]], votes: Iterable[tuple[bytes, Vote]]
) -> list[Carried]:
    """Read acceptances that hold.

    Args:
        rows: Digest, body, time, told, homes and alone of each.
        votes: Of all of them.
    """
    of: dict[bytes, list[Vote]] = {}
    for digest, vote in votes:
        of.setdefault(digest, []).append(vote)
    return [
        Carried(
            digest,
            Vouched(
                Acceptance(candidate=Key(digest, body).candidate, time=time),
                tuple(of.get(digest, ())),
                homes,
                bool(alone),
            ),
            bool(told),
        )
        for digest, body, time, told, homes, alone in rows
    ]


def without(found: Iterable[Carried], origin: str) -> list[Change]:
    """Return what becomes of acceptances when an origin is taken out, in the order of the keys."""
    changes = []
    for digest, vouched, told in found:
        left = vouched.without({origin})
        stands = left.stands
        changes.append(Change(digest, left.homes if stands else 0, withdrawn=not stands and not told))
    return sorted(changes)


def ruling(body: bytes, time: int, withdrawn: int) -> Ruling:
    """Read one of the feed."""
    return Ruling(Key(b"", body).candidate, time, bool(withdrawn))
