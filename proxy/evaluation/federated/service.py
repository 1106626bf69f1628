"""A federation service without sockets and disk: what it keeps of its origins, and the bytes that it answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from models.candidates import Candidate
from models.contributions import CAP
from models.descriptor import MINUTE
from models.exchange.envelope import decode_contribution, encode_others
from models.exchange.pool import Pool
from models.exchange.shared import Others
from models.exchange.showings import Acceptance, Showings
from models.exchange.votes import Vouched
from models.exchange.vouching import Ballot


class Told(NamedTuple):
    """What an origin is told of the others."""

    version: str
    data: bytes


class Service:
    """The global level. Times are event time in ms."""

    def __init__(self, *, cap: int = CAP) -> None:
        """Start without origins; one origin's word counts up to `cap` instance-minutes."""
        self._cap = cap
        self._pools: dict[str, Pool] = {}
        self._ballot = Ballot()
        self._shown: set[str] = set()
        self._removed: set[str] = set()
        self._vouched: dict[Candidate, Vouched] = {}
        """What holds, and who vouched for it."""
        self._taken_back: list[Candidate] = []

    @property
    def types(self) -> tuple[str, ...]:
        """Service types of which there are contributions."""
        return tuple(self._pools)

    def pool(self, service_type: str) -> Pool:
        """Return what all contributed to a type."""
        found = self._pools.get(service_type)
        if found is None:
            found = self._pools[service_type] = Pool(service_type, cap=self._cap)
        return found

    def admits(self, origin: str) -> bool:
        """Whether an origin is heard and answered: not once it was taken out."""
        return origin not in self._removed

    def put(self, origin: str, service_type: str, data: bytes, time: int) -> bool:
        """Take in what an origin publishes; return whether it was news.

        Raises:
            BadContribution: these bytes cannot be merged.
        """
        contribution = decode_contribution(service_type, data, now_minute=time // MINUTE)
        return self.pool(service_type).put(origin, contribution)

    def tell(self, origin: str, service_type: str, known: str | None) -> Told | None:
        """Return what an origin is to know of the others; None where it does already.

        Nothing of them, where nobody else contributed: or nobody any more.
        """
        pool = self.pool(service_type)
        version = pool.version(origin)
        if version == known:
            return None
        shared = pool.without(origin)
        return Told(version, encode_others(Others(elsewhere=shared if shared.origins else None)))

    def show(self, origin: str, showings: Showings) -> None:
        """Take in the candidates of an origin, in place of those that it told before."""
        self._shown.add(origin)
        self._ballot.put(origin, showings)

    def decide(self, time: int) -> Iterable[Acceptance]:
        """Return what enough sites vouch for, once."""
        found = self._ballot.decide(time, alone=False)
        self._vouched |= {each.acceptance.candidate: each for each in found}
        return [each.acceptance for each in found]

    def taken_back(self) -> list[Candidate]:
        """Return, once, what no longer has enough sites that vouch for it, since some were taken out."""
        found, self._taken_back = self._taken_back, []
        return found

    def withdraw(self, origin: str) -> None:
        """Take out all that an origin contributed, to the last digit."""
        for pool in self._pools.values():
            if pool.stamp(origin) is not None:
                pool.remove(origin)
        if origin in self._shown:
            self._shown.remove(origin)
            self._ballot.remove(origin)
        self._vouched = {candidate: each.without({origin}) for candidate, each in self._vouched.items()}
        for candidate in [each for each, left in self._vouched.items() if not left.stands]:
            del self._vouched[candidate]
            self._ballot.reopen(candidate)
            self._taken_back.append(candidate)

    def remove(self, origin: str) -> None:
        """Do so, and hear the origin no more: `DELETE /v1/origins/{origin}`, which also revokes its certificates."""
        self.withdraw(origin)
        self._removed.add(origin)
