"""Every feature that a score may name, in words: why it decided, and what was expected of it and seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from models.access import Access
from models.score import Score
from policy.printable import printable

type _Told = tuple[str | None, str | None]


class Words(NamedTuple):
    """How one feature is told of."""

    reason: Callable[[Access, Score], str]
    """Why it decides, as a sentence without its full stop."""
    told: Callable[[Access, Mapping[str, float]], _Told]
    """What services of the type do, and what was seen; None where the record does not say."""


def _why_relationship(_access: Access, score: Score) -> str:
    observed = score.terms.get("model_weight")
    seen = score.terms.get("relationship_weight")
    if observed is None or seen is None:
        return "Services of this type are hardly ever seen doing that"
    if not seen:
        return f"Services of this type were never seen doing that in {observed:.0f} minutes of observation"
    return f"Services of this type were seen doing that in only {seen:.0f} of {observed:.0f} minutes of observation"


def _told_relationship(access: Access, terms: Mapping[str, float]) -> _Told:
    what = f"{access.operation} of {kind(access.data_type)} of {kind(access.destination_type)}"
    observed, seen = terms.get("model_weight"), terms.get("relationship_weight")
    if observed is None or seen is None:
        return None, what
    return f"in {seen:.0f} of {observed:.0f} minutes of observation", what


def _why_location(access: Access, score: Score) -> str:
    here, there = (
        printable(each or "an unknown place") for each in (access.source_location, access.destination_location)
    )
    same = access.source_location == access.destination_location
    text = f"Both are in {here}" if same else f"It is in {here}, its partner in {there}"
    instances = score.terms.get("location_instances")
    seen = score.terms.get("location_seen")
    if instances is None or seen is None:
        return text
    others = f"only {seen:.0f}" if seen else "none"
    rooms = "the same room" if same else "another room"
    return f"{text}; of the {instances:.0f} services of this type that do that, {others} has a partner in {rooms}"


def _told_location(access: Access, terms: Mapping[str, float]) -> _Told:
    here, there = (printable(each or "unknown") for each in (access.source_location, access.destination_location))
    instances, seen = terms.get("location_instances"), terms.get("location_seen")
    if instances is None or seen is None:
        return None, f"{here} and {there}"
    return f"so placed: {seen:.0f} of {instances:.0f} instances", f"{here} and {there}"


def _why_rate(_access: Access, score: Score) -> str:
    terms = score.terms
    speed, span = (
        ("fast", "10 seconds") if terms.get("rate_fast", 0.0) >= terms.get("rate_slow", 0.0) else ("slow", "a minute")
    )
    count = terms.get(f"count_{speed}")
    normal = terms.get(f"normal_{speed}")
    if count is None or normal is None:
        return "It does that far more often than services of this type do"
    return f"It did that about {count:.0f} times within {span}; services of this type do it about {normal:.2g} times"


def _told_rate(_: Access, terms: Mapping[str, float]) -> _Told:
    fast = terms.get("rate_fast", 0.0) >= terms.get("rate_slow", 0.0)
    speed, span = ("fast", "10 s") if fast else ("slow", "a minute")
    count, normal = terms.get(f"count_{speed}"), terms.get(f"normal_{speed}")
    expected = None if normal is None else f"about {normal:.2g} times within {span}"
    return expected, None if count is None else f"about {count:.2g} times within {span}"


def _why_value(_access: Access, score: Score) -> str:
    written, low, high = (score.terms.get(f"value_{name}") for name in ("written", "low", "high"))
    if written is None or low is None or high is None:
        return "The number is out of the range of what services of this type write there"
    return f"It writes {written:g}; services of this type write {low:g} to {high:g} there"


def _told_value(_: Access, terms: Mapping[str, float]) -> _Told:
    written, low, high = (terms.get(f"value_{name}") for name in ("written", "low", "high"))
    expected = None if low is None or high is None else f"{low:g} to {high:g}"
    return expected, None if written is None else f"{written:g}"


def _why_text(_access: Access, _score: Score) -> str:
    return "Services of this type write few different values there, and never one like that"


def _told_text(_: Access, __: Mapping[str, float]) -> _Told:
    return "one of few different texts", None


def _why_partner(access: Access, score: Score) -> str:
    settled = score.terms.get("partner_settled", 0.0)
    kind = a_kind(access.destination_type).removeprefix("a ")
    those = "the one" if settled == 1 else f"the {settled:.0f}"
    return f"It keeps to {those} {kind} that it works with; services of this type hardly ever turn to another one"


def _told_partner(access: Access, terms: Mapping[str, float]) -> _Told:
    settled = terms.get("partner_settled")
    expected = None if settled is None else f"one of the {settled:.0f} that this service works with"
    return expected, printable(access.destination)


def _why_sequence(_access: Access, _score: Score) -> str:
    return "Services of this type do something else right before that, and it did not"


def _told_sequence(_: Access, __: Mapping[str, float]) -> _Told:
    return "after what services of this type do right before", None


def _why_registration(_access: Access, _score: Score) -> str:
    return "It never registered here, as the other services do before they act"


def _told_registration(access: Access, _: Mapping[str, float]) -> _Told:
    return "registered before it acts", printable(access.source)


def _why_same_location(access: Access, _score: Score) -> str:
    together = access.source_location == access.destination_location
    here, there = ("the same room", "other rooms") if together else ("another room", "the same room")
    return f"Its partner is in {here}; services of this type have theirs in {there}, as far as was observed"


def _told_same_location(access: Access, _: Mapping[str, float]) -> _Told:
    return None, "the same room" if access.source_location == access.destination_location else "another room"


def _why_partners(_access: Access, score: Score) -> str:
    seen = score.terms.get("partners_seen", 0.0)
    return f"It addressed {seen:.0f} services of that type within a minute, more than services of its own type do"


def _told_partners(_: Access, terms: Mapping[str, float]) -> _Told:
    seen = terms.get("partners_seen")
    return "as many partners within a minute as its type has", None if seen is None else f"{seen:.0f}"


def _why_interval(_access: Access, score: Score) -> str:
    gap = score.terms.get("gap", 0.0) / 1000
    return f"It did that {gap:.3g} seconds after the last time, which is none of the intervals of services of this type"


def _told_interval(_: Access, terms: Mapping[str, float]) -> _Told:
    gap = terms.get("gap")
    return "one of the usual intervals", None if gap is None else f"{gap / 1000:.3g} s after the last time"


def _why_operation(_access: Access, _score: Score) -> str:
    return "Services of this type hardly ever do that with services of that type, though they do other things with them"


def _told_operation(access: Access, _: Mapping[str, float]) -> _Told:
    return "what services of this type do with such a partner", access.operation.value


def _why_data_type(access: Access, _score: Score) -> str:
    return f"Services of this type hardly ever exchange {a_kind(access.data_type)} with services of that type"


def _told_data_type(access: Access, _: Mapping[str, float]) -> _Told:
    return "what services of this type exchange with such a partner", kind(access.data_type)


def _why_group(_access: Access, _score: Score) -> str:
    return "The intervals at which it does that are, taken together, not those of services of this type"


def _told_group(_: Access, __: Mapping[str, float]) -> _Told:
    return "the intervals of services of this type", None


def _why_period(_access: Access, _score: Score) -> str:
    return "It came between the times at which this service regularly does that"


def _told_period(_: Access, __: Mapping[str, float]) -> _Told:
    return "at the times at which this service regularly does that", None


def kind(name: str | None) -> str:
    """Return the name of a service type or of a type of nodes."""
    return "an unknown type" if name is None else printable(name)


def a_kind(name: str | None) -> str:
    """Return what one of that type is called."""
    return kind(name) if name is None else f"a {kind(name)}"


FEATURES: Mapping[str, Words] = {
    "relationship": Words(_why_relationship, _told_relationship),
    "location": Words(_why_location, _told_location),
    "rate": Words(_why_rate, _told_rate),
    "value": Words(_why_value, _told_value),
    "text": Words(_why_text, _told_text),
    "partner": Words(_why_partner, _told_partner),
    "sequence": Words(_why_sequence, _told_sequence),
    "period": Words(_why_period, _told_period),
    "registration": Words(_why_registration, _told_registration),
    # Of the paper's scoring, which has names of its own where it means something else.
    "same_location": Words(_why_same_location, _told_same_location),
    "partners": Words(_why_partners, _told_partners),
    "interval": Words(_why_interval, _told_interval),
    "operation": Words(_why_operation, _told_operation),
    "data_type": Words(_why_data_type, _told_data_type),
    "group": Words(_why_group, _told_group),
}
