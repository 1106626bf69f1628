"""Who vouched for what was accepted, so that it can be decided again without one of them.

Votes are as of the decision: what was accepted is refused no more, and so nobody shows it any longer. Where a voter is
taken out, those of the others decide; what they do not carry is decided anew when it is shown again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import msgspec

from models.candidates import enough_instances, enough_vouching
from models.exchange.showings import Acceptance

MAX_VOTES = 64
"""Votes of one acceptance that are kept. So many carry whatever an isolated site decides (`candidates.MAX_WITNESSES`);
of sites that began one after the other, without a quorum within the window, more may be needed: then it is decided
anew with the first voter that is taken out."""


class Vote(NamedTuple):
    """How one origin vouched. Of those that did not there is none."""

    origin: str
    witnesses: int
    """Instances that showed it."""
    instances: int
    """Instances of the type that were known there."""
    onset: int
    """Event time, ms, from which on it was shown there."""


class Vouched(msgspec.Struct, frozen=True):
    """An acceptance, and who carries it."""

    acceptance: Acceptance
    votes: tuple[Vote, ...]
    homes: int
    """Sites where the type lives; instances of it, where `alone`."""
    alone: bool
    """Whether the origins are the nodes of one site that nobody else is asked for."""

    @property
    def stands(self) -> bool:
        """Whether the votes are enough."""
        if self.alone:
            return enough_instances(sum(vote.witnesses for vote in self.votes), self.homes)
        return enough_vouching([vote.onset for vote in self.votes], self.homes)

    def without(self, origins: Collection[str]) -> Vouched:
        """Return it as if some origins had never been there."""
        gone = [vote for vote in self.votes if vote.origin in origins]
        less = sum(vote.instances for vote in gone) if self.alone else len(gone)
        left = tuple(vote for vote in self.votes if vote.origin not in origins)
        return msgspec.structs.replace(self, votes=left, homes=max(0, self.homes - less))


def kept(votes: Collection[Vote], *, alone: bool) -> tuple[Vote, ...]:
    """Return the votes that are kept of many: of nodes those of most witnesses, of sites those that came first."""

    def rank(vote: Vote) -> tuple[int, str]:
        return (-vote.witnesses if alone else vote.onset), vote.origin

    return tuple(sorted(votes, key=rank)[:MAX_VOTES])
