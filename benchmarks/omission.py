"""Leaves one mechanism of the shipped scoring out, to see what it is worth. Nothing that ships has a switch for this.

A term is left out of the score, by a subclass of the analyzer. A rule is replaced while a subject judges, so only in a
process that does nothing else at that time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import reduce
from types import MappingProxyType
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec

from models import anomaly, candidates, flood, knowledge, normal_form
from models.access import Access, Operation
from models.analyzer import Analyzer
from models.anomaly import LOCATION, PARTNER, RATE
from models.candidates import Candidate, Sightings
from models.flood import FAST, SLOW, LeakyCounters
from models.score import Named, Score

TERMS: tuple[str, ...] = tuple(
    value for name, value in vars(anomaly).items() if isinstance(value, str) and value == name.lower()
)
"""Terms of the score, as `models.anomaly` names them: a new one is here by itself."""
RATES = ("rate_fast", "rate_slow")
"""The two time scales whose larger excess is the term of the rate."""
STRANGE_PARTNERS = f"{LOCATION}+{PARTNER}"
"""The two terms that tell with whom an instance does not work, left out together."""


class Omission(NamedTuple):
    """How a mechanism is left out."""

    instead: str
    """What happens without it."""
    analyzer: type[Analyzer] = Analyzer
    replaced: tuple[tuple[Any, str, Any], ...] = ()
    """Where, name, and what stands there instead while a subject judges."""


def reduced(score: Score, term: str) -> Score:
    """Return a score had it one term, or one time scale of the rate, less."""
    terms = score.terms
    if not terms.get(term):
        return score
    terms = terms | {term: 0.0}
    if term in RATES:
        terms[RATE] = max(terms[each] for each in RATES)
    return msgspec.structs.replace(
        score, evidence=Named(terms), av=score.som * max(terms.get(each, 0.0) for each in TERMS)
    )


def scoring_without(*terms: str) -> type[Analyzer]:
    """Return an analyzer that takes terms for 0, in what it refuses as in what becomes a candidate."""

    class Reduced(Analyzer):
        def score(self, access: Access) -> Score:
            return reduce(reduced, terms, super().score(access))

    return Reduced


class Registered(Analyzer):
    """Counts the minutes of an instance from its registration on, and those of one that never registered not at all."""

    def learn(self, access: Access) -> None:
        """Let an access teach, without making its instance known."""
        instance = self._instances.get(access.source)
        known = access.operation is Operation.REGISTER or (instance is not None and instance.known)
        super().learn(access)
        if access.source in self._instances:
            self._instances[access.source].known = known


def count_as_stamped(self: LeakyCounters, time: int) -> None:
    """Stand in for `LeakyCounters.hit` with every stamp taken as it is: a late one turns time, and the decay, back."""
    elapsed = self.gap = time - self.time
    # A step back of more than a minute is left bounded: without it, the figures of one row would be all that is seen.
    self.fast = self.fast * math.exp(min(-elapsed, flood.RESTARTED) / FAST) + 1.0
    self.slow = self.slow * math.exp(min(-elapsed, flood.RESTARTED) / SLOW) + 1.0
    self.time = time


def never(*_arguments: object) -> bool:
    """Stand in for a rule that accepts candidates."""
    return False


def whenever_begun(candidate: Candidate, sightings: Sightings, homes: Mapping[str, int], now: int) -> bool:
    """Stand in for `corroborated`, as if a candidate had come up everywhere at once."""
    together = msgspec.structs.replace(sightings, onsets=dict.fromkeys(sightings.onsets, now))
    return candidates.corroborated(candidate, together, homes, now)


def by_one_instance(candidate: Candidate, sightings: Sightings, homes: Mapping[str, int], now: int) -> bool:
    """Stand in for `corroborated`, as if each site had one instance of the type, which thus speaks for it."""
    return candidates.corroborated(candidate, sightings, dict.fromkeys(homes, 1), now)


def _replacing(instead: str, *replaced: tuple[Any, str, Any]) -> Omission:
    return Omission(instead, replaced=replaced)


_TERMS = {term: Omission("the term is 0", scoring_without(term)) for term in (*TERMS, *RATES)}
# Of two that find the same, neither is missed alone.
_TERMS[STRANGE_PARTNERS] = Omission("both terms are 0", scoring_without(LOCATION, PARTNER))
_RULES = {
    "habit": _replacing("instances as busy as their type at most", (flood, "HABIT", math.inf)),
    "pause": _replacing("a flood is over when its counters have sunk", (flood, "PAUSE", math.inf)),
    "late stamps": _replacing("time goes back with them", (LeakyCounters, "hit", count_as_stamped)),
    "learnt instances": Omission("who never registered never counts", Registered),
    "sites": _replacing("no two sites vouch for anything", (knowledge, "corroborated", never)),
    "onsets": _replacing("whenever sites began", (knowledge, "corroborated", whenever_begun)),
    "third": _replacing("one instance speaks for its site", (knowledge, "corroborated", by_one_instance)),
    "nearly all": _replacing("only sites that began together count", (candidates, "NEARLY_ALL", 1.0)),
    "agreement": _replacing("a lone site accepts nothing by itself", (knowledge, "agreed", never)),
    "quorate": _replacing("what one site does is normal everywhere", (normal_form, "QUORATE", math.inf)),
    "established": _replacing("one site's way never weighs", (normal_form, "ESTABLISHED", math.inf)),
}

OMISSIONS: Mapping[str, Omission] = MappingProxyType(_TERMS | _RULES)
"""By the name of the mechanism that is left out."""


@contextmanager
def left_out(mechanism: str | None) -> Iterator[type[Analyzer]]:
    """Leave a mechanism out as long as the context lasts, or none; the analyzer to judge with is its value.

    Raises:
        KeyError: there is no such mechanism.
    """
    omission = Omission("") if mechanism is None else OMISSIONS[mechanism]
    with ExitStack() as stack:
        for where, name, what in omission.replaced:
            stack.enter_context(patch.object(where, name, what))
        yield omission.analyzer
