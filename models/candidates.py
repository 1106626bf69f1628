"""What was refused and may yet turn out to be legitimate: candidates, and the rules by which they are accepted.

A software update looks like an attack: something new, from services that never did it. What tells the two apart is who
else shows it. Rates and periods are never candidates: a flood does not become normal by being repeated.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from statistics import median
from typing import NamedTuple

import msgspec

from models.descriptor import MINUTE
from models.relationship import Key

WINDOW = 30 * MINUTE
"""Event time, ms, within which sightings corroborate each other: without a limit, attacks add up over the days."""
QUORUM = 2
"""Sites that must have shown a candidate. Instances do not count: ten sensors of one site scan together."""
NEARLY_ALL = 0.75
"""Share of the sites where a type lives, above which they may have begun one after the other."""
ANSWER_WITHIN = 24 * 60 * MINUTE
"""Event time, ms, that others have to answer where a site alone would have accepted: a federation that is heard but
accepts nothing must not keep an update out for good."""
OWN_WINDOW = 24 * 60 * MINUTE
"""Event time, ms, for which what is rare is remembered."""
MAX_CANDIDATES = 4096
"""Candidates that are remembered; the one that was silent longest gives way."""
MAX_WITNESSES = 64
"""Instances per candidate and site whose sightings are told apart."""
STEADY_TIMES = 6
"""Sightings that make an instance a steady witness on an isolated site: five gaps, that can be compared."""
STEADY_FOR = 5 * MINUTE
"""Event time, ms, over which a steady witness must have shown a candidate: bursts and scans are over sooner."""
REGULAR = 3.0
"""No gap between a steady witness' sightings may be longer than this many times their median."""


class Candidate(NamedTuple):
    """One way in which a service type was seen to be unusual. Holds types only, never an address."""

    service_type: str
    aspect: str
    """Name of the term that was too high: `relationship`, `location`, ..."""
    key: Key
    detail: str = ""
    """What of it, where the joint relationship alone does not say: the room."""


class Witness(msgspec.Struct, array_like=True):
    """What one instance showed of a candidate."""

    first: int
    times: list[int]
    """Event times (ms) of the last sightings, at most `STEADY_TIMES`."""
    occasions: int = 1
    """How often it began anew, after none for longer than the window. A scan is over after one."""

    @property
    def last(self) -> int:
        """Event time of the newest sighting, ms."""
        return self.times[-1]

    @property
    def steady(self) -> bool:
        """Whether this instance does it again and again, regularly, as what is part of its program."""
        if len(self.times) < STEADY_TIMES or self.last - self.first < STEADY_FOR:
            return False
        gaps = [after - before for before, after in zip(self.times[:-1], self.times[1:], strict=True)]
        return max(gaps) <= REGULAR * median(gaps)

    def see(self, time: int) -> None:
        """Note a sighting; what lies further back than the window is forgotten."""
        if time < self.last:
            return
        if time - self.last > WINDOW:
            self.first, self.times = time, []
            self.occasions += 1
        self.times.append(time)
        del self.times[:-STEADY_TIMES]


class Sightings(msgspec.Struct):
    """Who showed a candidate, by site and instance."""

    witnesses: dict[str, dict[str, Witness]] = msgspec.field(default_factory=dict)
    """By site, then by instance; the one that was silent longest first."""
    onsets: dict[str, int] = msgspec.field(default_factory=dict)
    """By site, event time (ms) from which on it was shown there, with no day of silence since."""

    def see(self, site: str, instance: str, time: int) -> None:
        """Note that an instance of a site showed the candidate."""
        there = self.witnesses.setdefault(site, {})
        if not any(abs(time - witness.last) <= OWN_WINDOW for witness in there.values()):
            self.onsets[site] = time
        witness = there.pop(instance, None)
        if witness is None:
            if len(there) >= MAX_WITNESSES:
                del there[next(iter(there))]
            witness = Witness(time, [time])
        else:
            witness.see(time)
        there[instance] = witness

    @property
    def last(self) -> int:
        """Event time of the newest sighting, ms."""
        return max(witness.last for there in self.witnesses.values() for witness in there.values())

    def instances(self, site: str, now: int) -> int:
        """Return how many instances of a site showed it within a day."""
        return sum(abs(now - witness.last) <= OWN_WINDOW for witness in self.witnesses.get(site, {}).values())

    def recent(self, site: str, now: int) -> int:
        """Return how many instances of a site showed it within the window."""
        return sum(abs(now - witness.last) <= WINDOW for witness in self.witnesses.get(site, {}).values())

    def persistent(self, site: str, now: int) -> int:
        """Return how many instances of a site show it steadily, all within the window, or came back to it in a day."""
        return sum(
            (witness.steady and abs(now - witness.last) <= WINDOW)
            or (witness.occasions > 1 and abs(now - witness.last) <= OWN_WINDOW)
            for witness in self.witnesses.get(site, {}).values()
        )


def corroborated(candidate: Candidate, sightings: Sightings, homes: Mapping[str, int], now: int) -> bool:
    """Tell whether enough sites vouch for a candidate: it came up in two of them together, or nearly all show it.

    A site vouches once a third of its instances of the type showed it within the window, since an update changes all of
    them; one is enough where it concerns nobody but themselves. What one site has shown for long when the others begin
    is no update that came to all, but may be an attack that goes on there: two more do not make that normal.

    Args:
        candidate: What was refused.
        sightings: Of the candidate.
        homes: Sites where the type lives, and how many instances of it are known there.
        now: Event time, ms.
    """
    return enough_sites(
        candidate, {site: sightings.recent(site, now) for site in sightings.witnesses}, sightings.onsets, homes
    )


def enough_sites(
    candidate: Candidate, recent: Mapping[str, int], onsets: Mapping[str, int], homes: Mapping[str, int]
) -> bool:
    """Tell the same from counts.

    Args:
        candidate: What was refused.
        recent: Instances that showed it within the window, by site.
        onsets: Event time (ms) from which on it was shown there, by site.
        homes: Sites where the type lives, and how many instances of it are known there.
    """
    vouching = [site for site, count in recent.items() if vouches(candidate, count, homes.get(site, 1))]
    return enough_vouching([onsets[site] for site in vouching], len(homes.keys() | vouching))


def vouches(candidate: Candidate, recent: int, instances: int) -> bool:
    """Tell whether a site vouches for a candidate: from its instances that showed it lately, and all that it has."""
    return recent >= (1 if candidate.key.own else _share(instances, 3))


def enough_vouching(onsets: Collection[int], homes: int) -> bool:
    """Tell whether those that vouch are enough.

    Args:
        onsets: Event time (ms) from which on it was shown there, of each site that vouches.
        homes: Sites where the type lives.
    """
    if len(onsets) < QUORUM:
        return False
    begun = sorted(onsets)
    return begun[QUORUM - 1] - begun[0] <= WINDOW or len(begun) > NEARLY_ALL * homes


def agreed(candidate: Candidate, sightings: Sightings, site: str, instances: int, now: int) -> bool:
    """Tell whether a site accepts a candidate by itself, with no human and no other site to ask.

    At least two, and at least half, of the site's instances of the type do it steadily, or have come back to it; or do
    it at all, where it concerns nobody but themselves. A type with one instance on the site never gets there: only
    another site or a human can vouch for it.

    Args:
        candidate: What was refused.
        sightings: Of the candidate.
        site: The only site that has instances of the type.
        instances: How many.
        now: Event time, ms.
    """
    witnesses = sightings.instances(site, now) if candidate.key.own else sightings.persistent(site, now)
    return enough_instances(witnesses, instances)


def enough_instances(witnesses: int, instances: int) -> bool:
    """Tell the same from the number of witnesses."""
    return witnesses >= max(QUORUM, _share(instances, 2))


def _share(instances: int, part: int) -> int:
    """Return how many a half, a third, ... of the instances is: at least one, no more than are told apart."""
    return max(1, min(-(-instances // part), MAX_WITNESSES))


class Ledger:
    """Candidates and who showed them, of one group of analyzers."""

    def __init__(self, sightings: Mapping[Candidate, Sightings] | None = None) -> None:
        self._sightings: OrderedDict[Candidate, Sightings] = OrderedDict(sightings or {})
        self._shown: set[Candidate] = set()

    def see(self, candidate: Candidate, site: str, instance: str, time: int) -> None:
        """Note a sighting; `time` is event time in ms."""
        sightings = self._sightings.get(candidate)
        if sightings is None:
            if len(self._sightings) >= MAX_CANDIDATES:
                silent, _ = self._sightings.popitem(last=False)
                self._shown.discard(silent)
            sightings = self._sightings[candidate] = Sightings()
        else:
            self._sightings.move_to_end(candidate)
        sightings.see(site, instance, time)
        self._shown.add(candidate)

    def shown(self) -> list[tuple[Candidate, Sightings]]:
        """Return the candidates that were shown since this was last asked: nothing can be new about the others."""
        found = [(candidate, self._sightings[candidate]) for candidate in self._shown]
        self._shown.clear()
        return found

    def close(self, candidates: Iterable[Candidate]) -> None:
        """Forget candidates that were decided on."""
        for candidate in candidates:
            self._sightings.pop(candidate, None)
            self._shown.discard(candidate)

    def forget(self, now: int) -> None:
        """Forget what nobody showed for a day of event time; `now` in ms."""
        while self._sightings:
            candidate, sightings = next(iter(self._sightings.items()))
            if abs(now - sightings.last) <= OWN_WINDOW:
                return
            del self._sightings[candidate]
            self._shown.discard(candidate)

    def items(self) -> Iterable[tuple[Candidate, Sightings]]:
        """Return the open candidates, the one that was silent longest first."""
        return self._sightings.items()

    def __len__(self) -> int:
        return len(self._sightings)
