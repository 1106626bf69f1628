"""The shipped scoring with one feature of Table I left out at a time (the paper's Fig. 3), and with several.

A feature is left out by blanking it in every access, before anything sees it. What cannot be blank, because accesses
could not be scored at all without it, is made the same for all. Time cannot be either, as minutes would not pass:
there the terms that read the times between accesses are left out of the score instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.anomaly import LOCATION, PARTNER, REGISTRATION, SEQUENCE, TEXT, VALUE
from models.score import Named, Score
from proxy.evaluation.subject import Judgement, Subject

ONE_TYPE = "/service"
"""What every service is where source types are left out. Models are per source type: without any there is no score."""
_TIMELESS = (LOCATION, VALUE, TEXT, PARTNER, SEQUENCE, REGISTRATION)
"""Terms of SoA in the order in which they decide, without rate and period."""


class Variant(NamedTuple):
    """A way of seeing less."""

    name: str
    """What is left out."""
    transform: Callable[[Access], Access]
    analyzer: type[Analyzer] = Analyzer
    """What runs on each node."""


class TimelessAnalyzer(Analyzer):
    """An analyzer that is blind for how soon accesses follow each other."""

    def score(self, access: Access) -> Score:
        """Score an access without the terms of rate and period."""
        score = super().score(access)
        terms = {name: value for name, value in score.terms.items() if name not in {"rate", "period"}}
        soa = max((terms.get(name, 0.0) for name in _TIMELESS), default=0.0)
        deciding = score.deciding if score.sor >= soa else next(name for name in _TIMELESS if terms.get(name) == soa)
        return msgspec.structs.replace(
            score, av=score.som * max(score.sor, soa), soa=soa, deciding=deciding, evidence=Named(terms)
        )


class VariantSubject:
    """Judges what is left of accesses."""

    def __init__(self, subject: Subject, variant: Variant) -> None:
        """Blank accesses before `subject` sees them."""
        self._judge = subject.judge
        self._transform = variant.transform

    def judge(self, access: Access) -> Judgement:
        """Judge what is left of one access."""
        return self._judge(self._transform(access))


def _without_location(access: Access) -> Access:
    return msgspec.structs.replace(access, source_location=None, destination_location=None)


def _without_source_type(access: Access) -> Access:
    return msgspec.structs.replace(access, source_type=None if access.source_type is None else ONE_TYPE)


def _without_destination_type(access: Access) -> Access:
    return msgspec.structs.replace(access, destination_type=None)


def _without_operation(access: Access) -> Access:
    return msgspec.structs.replace(access, operation=Operation.GET)


def _without_data_type(access: Access) -> Access:
    return msgspec.structs.replace(access, data_type=None)


def _without_value(access: Access) -> Access:
    return msgspec.structs.replace(access, value=None)


def _without_types(access: Access) -> Access:
    """Leave what a middleware without types leaves: every service is a type of its own, known by its address."""
    source_type = None if access.source_type is None else access.source
    destination_type = None if access.destination_type is None else access.destination
    return msgspec.structs.replace(access, source_type=source_type, destination_type=destination_type)


def _without_context(access: Access) -> Access:
    return _without_location(_without_data_type(_without_types(access)))


def _as_it_is(access: Access) -> Access:
    return access


VARIANTS = (
    Variant("location", _without_location),
    Variant("source type", _without_source_type),
    Variant("destination type", _without_destination_type),
    Variant("operation", _without_operation),
    Variant("data type", _without_data_type),
    Variant("value", _without_value),
    Variant("time", _as_it_is, TimelessAnalyzer),
    Variant("types of services", _without_types),
    Variant("types, data types and locations", _without_context),
)
BY_NAME = {each.name: each for each in VARIANTS}
