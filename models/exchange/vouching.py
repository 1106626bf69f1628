"""Who shows which candidates, at a service, and what is accepted for it: the rules of `models.candidates` over counts.

A site's service adds up what its nodes tell, for the global one; it decides by itself where nobody above it is asked,
and about types that live nowhere else. Where each origin is a site, one of them alone gets nothing accepted: what it
tells of its instances nobody can check.

Counts are as of an origin's newest sighting, so nothing need be told again because time passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable

import msgspec

from models.candidates import OWN_WINDOW, WINDOW, Candidate, vouches
from models.exchange.showings import Acceptance, Showing, Showings
from models.exchange.votes import Vote, Vouched, kept

MAX_OPEN = 256
"""Candidates of one origin that count: those that most of its instances show. One that scans has a thousand."""
MAX_TYPES = 256
"""Service types of one origin."""
MAX_ORIGINS = 1 << 20
"""Beyond, a new origin is refused."""
MAX_DECIDED = 4096
"""Acceptances that are remembered, so that none is given twice. The oldest gives way."""
MAX_DECIDED_OF_TYPE = 64
"""Acceptances of one service type in a day. An update brings some; who makes up more must not push those of others out
of the places where acceptances are kept."""


class Ballot:
    """What the origins of one service show."""

    def __init__(self) -> None:
        """Start with no origin."""
        self._told: dict[str, Showings] = {}
        self._homes: dict[str, dict[str, int]] = {}
        """Instances by service type, then by origin."""
        self._shown: dict[Candidate, dict[str, Showing]] = {}
        self._news: set[Candidate] = set()
        """Candidates of which something new was shown since the last decision."""
        self._decided: dict[Candidate, int] = {}
        """Event time (ms) of the acceptance; the oldest first."""

    @property
    def origins(self) -> int:
        """Number of origins."""
        return len(self._told)

    @property
    def names(self) -> Collection[str]:
        """Who they are."""
        return self._told.keys()

    def put(self, origin: str, showings: Showings) -> None:
        """Replace what an origin shows by what it tells now; checked (`plausibility.check_showings`).

        Raises:
            ValueError: there are too many origins; nothing was changed.
        """
        told = within_caps(showings)
        before = self._told.get(origin)
        if before is None and len(self._told) >= MAX_ORIGINS:
            raise ValueError(f"there are {MAX_ORIGINS} origins already; remove some that are gone")
        known = {} if before is None else {each.candidate: each for each in before.open}
        waiting = self._news & known.keys()
        if before is not None:
            self._forget(origin)
        self._told[origin] = told
        for service_type, count in told.instances.items():
            self._homes.setdefault(service_type, {})[origin] = count
        for each in told.open:
            self._shown.setdefault(each.candidate, {})[origin] = each
            if each.candidate in waiting or known.get(each.candidate) != each:
                self._news.add(each.candidate)

    def remove(self, origin: str) -> None:
        """Forget what an origin shows; what others show of its types is decided again, as if it had never been there.

        Raises:
            KeyError: there is no such origin.
        """
        types = self._told[origin].instances.keys()
        self._forget(origin)
        self._news |= {candidate for candidate in self._shown if candidate.service_type in types}

    def reopen(self, candidate: Candidate) -> None:
        """Decide about a candidate again, with who shows it: it was not accepted after all, or is no longer."""
        self._decided.pop(candidate, None)
        if candidate in self._shown:
            self._news.add(candidate)

    def reopen_all(self) -> None:
        """Decide about everything again that is shown: nothing is known to have been accepted."""
        self._decided.clear()
        self._news |= self._shown.keys()

    def _forget(self, origin: str) -> None:
        told = self._told.pop(origin)
        for service_type in told.instances:
            _take_out(self._homes, service_type, origin)
        for candidate in {each.candidate for each in told.open}:
            _take_out(self._shown, candidate, origin)
            if candidate not in self._shown:
                self._news.discard(candidate)

    def summary(self, now: int) -> Showings:
        """Return what all origins show together: what a site tells of its nodes.

        Args:
            now: Event time, ms. What nobody showed for a day is left out.
        """
        instances = {service_type: sum(counts.values()) for service_type, counts in self._homes.items()}
        together = (_together(list(shown.values())) for shown in self._shown.values())
        return within_caps(
            Showings(instances=instances, open=[each for each in together if abs(now - each.last) <= OWN_WINDOW])
        )

    def decide(self, now: int, *, alone: bool, left: Callable[[str], bool] = lambda _: False) -> list[Vouched]:
        """Return what is accepted for what was shown since this was last asked, each candidate once, and by whom.

        Args:
            now: Event time, ms.
            alone: Whether the origins are the nodes of one site, and nobody else can be asked: then they speak with one
                voice, and what holds for an isolated site decides. Otherwise each origin is a site, and takes another.
            left: Tells of a service type whether others decide about its candidates: what was shown of them waits.
        """
        waiting = {candidate for candidate in self._news if left(candidate.service_type)}
        asked = sorted(candidate for candidate in self._news - waiting if candidate not in self._decided)
        vouched = [
            (candidate, found) for candidate in asked if (found := self._vouched(candidate, now, alone=alone)).stands
        ]
        lately = Counter(
            candidate.service_type for candidate, time in self._decided.items() if abs(now - time) <= OWN_WINDOW
        )
        accepted = []
        for candidate, found in vouched:
            if lately[candidate.service_type] >= MAX_DECIDED_OF_TYPE:
                waiting.add(candidate)
                continue
            lately[candidate.service_type] += 1
            if len(self._decided) >= MAX_DECIDED:
                del self._decided[next(iter(self._decided))]
            self._decided[candidate] = now
            accepted.append(msgspec.structs.replace(found, votes=kept(found.votes, alone=alone)))
        self._news = waiting
        return accepted

    def _vouched(self, candidate: Candidate, now: int, *, alone: bool) -> Vouched:
        """Return who vouches for a candidate, whether that is enough or not."""
        homes = self._homes.get(candidate.service_type, {})
        votes = []
        for origin, each in self._shown.get(candidate, {}).items():
            instances = homes.get(origin, 0)
            if alone:
                if each.persistent and abs(now - each.last) <= OWN_WINDOW:
                    votes.append(Vote(origin, each.persistent, instances, each.onset))
            elif abs(now - each.last) <= WINDOW and vouches(candidate, each.recent, homes.get(origin, 1)):
                votes.append(Vote(origin, each.recent, instances, each.onset))
        return Vouched(
            Acceptance(candidate=candidate, time=now),
            tuple(votes),
            sum(homes.values()) if alone else len(homes.keys() | {vote.origin for vote in votes}),
            alone,
        )


def within_caps(showings: Showings) -> Showings:
    """Return what of an origin's showings counts: the candidates that most of its instances show, the newest first."""
    if len(showings.open) <= MAX_OPEN and len(showings.instances) <= MAX_TYPES:
        return showings
    ranked = sorted(showings.open, key=lambda each: (-each.recent, -each.persistent, -each.last, each.candidate))
    most = sorted(showings.instances.items(), key=lambda item: (-item[1], item[0]))
    return Showings(instances=dict(most[:MAX_TYPES]), open=ranked[:MAX_OPEN])


def _together(shown: Iterable[Showing]) -> Showing:
    """Return how the nodes of one site show a candidate."""
    ordered = sorted(shown, key=lambda each: (-each.last, each.onset))
    newest = ordered[0]
    last, onset = newest.last, newest.onset
    for each in ordered:
        if each.last >= onset - OWN_WINDOW:
            onset = min(onset, each.onset)
    return Showing(
        candidate=newest.candidate,
        recent=sum(each.recent for each in ordered if last - each.last <= WINDOW),
        persistent=sum(each.persistent for each in ordered if last - each.last <= OWN_WINDOW),
        onset=onset,
        last=last,
    )


def _take_out[K, V](by_key: dict[K, dict[str, V]], key: K, origin: str) -> None:
    by_origin = by_key[key]
    del by_origin[origin]
    if not by_origin:
        del by_key[key]
