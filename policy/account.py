"""A verdict in full, for the person who asks why: what was expected, what was seen, and each feature's share in AV.

AV = SoM * max(SoR, SoA), and SoA is the largest of its terms: so the share of a feature is the AV that it would have
made by itself, and the largest of them is the AV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from models.access import Access
from models.score import Score
from policy.explanation import printable, sentence
from policy.verdict import Verdict


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One feature of an access."""

    name: str
    share: float
    """AV that it would have made by itself."""
    decides: bool
    expected: str | None
    """What services of the type do; None where the record does not say."""
    seen: str | None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The model that was asked."""

    service_type: str | None
    version: str
    weight: float | None
    """Minutes of observation."""
    support: float
    """SoM, 0 to 1: how far it is trusted."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to say of a verdict."""

    sentence: str
    features: tuple[Feature, ...]
    """Of the deciding access, the largest share first; none where nothing was scored."""
    av: float | None
    threshold: float | None
    """AV that was reached, or would have had to be."""
    model: Model | None
    """None where no model was asked."""


def account(verdict: Verdict) -> Account:
    """Return the account of a verdict."""
    score = verdict.score
    if score is None:
        return Account(sentence=sentence(verdict), features=(), av=None, threshold=None, model=None)
    access = verdict.call.accesses[verdict.worst]
    terms = score.terms
    return Account(
        sentence=sentence(verdict),
        features=_features(access, score, terms),
        av=score.av,
        threshold=verdict.threshold,
        model=Model(
            service_type=access.source_type,
            version=score.model_version,
            weight=terms.get("model_weight"),
            support=score.som,
        ),
    )


def _features(access: Access, score: Score, terms: Mapping[str, float]) -> tuple[Feature, ...]:
    found = [
        Feature(
            name=name,
            share=score.som * terms[name],
            decides=name == score.deciding,
            **dict(zip(("expected", "seen"), told(access, terms), strict=True)),
        )
        for name, told in _FEATURES.items()
        if name in terms
    ]
    # A scoring of another version may name what is not known here.
    if score.deciding not in _FEATURES and score.deciding in terms:
        share = score.som * terms[score.deciding]
        found.append(Feature(name=printable(score.deciding), share=share, decides=True, expected=None, seen=None))
    return tuple(sorted(found, key=lambda each: (-each.share, not each.decides)))


type _Told = tuple[str | None, str | None]


def _relationship(access: Access, terms: Mapping[str, float]) -> _Told:
    what = f"{access.operation} of {_kind(access.data_type)} of {_kind(access.destination_type)}"
    observed, seen = terms.get("model_weight"), terms.get("relationship_weight")
    if observed is None or seen is None:
        return None, what
    return f"in {seen:.0f} of {observed:.0f} minutes of observation", what


def _location(access: Access, terms: Mapping[str, float]) -> _Told:
    here, there = (printable(each or "unknown") for each in (access.source_location, access.destination_location))
    instances, seen = terms.get("location_instances"), terms.get("location_seen")
    if instances is None or seen is None:
        return None, f"{here} and {there}"
    return f"so placed: {seen:.0f} of {instances:.0f} instances", f"{here} and {there}"


def _rate(_: Access, terms: Mapping[str, float]) -> _Told:
    fast = terms.get("rate_fast", 0.0) >= terms.get("rate_slow", 0.0)
    speed, span = ("fast", "10 s") if fast else ("slow", "a minute")
    count, normal = terms.get(f"count_{speed}"), terms.get(f"normal_{speed}")
    expected = None if normal is None else f"about {normal:.2g} times within {span}"
    return expected, None if count is None else f"about {count:.2g} times within {span}"


def _value(_: Access, terms: Mapping[str, float]) -> _Told:
    written, low, high = (terms.get(f"value_{name}") for name in ("written", "low", "high"))
    expected = None if low is None or high is None else f"{low:g} to {high:g}"
    return expected, None if written is None else f"{written:g}"


def _text(_: Access, __: Mapping[str, float]) -> _Told:
    return "one of few different texts", None


def _partner(access: Access, terms: Mapping[str, float]) -> _Told:
    settled = terms.get("partner_settled")
    expected = None if settled is None else f"one of the {settled:.0f} that this service works with"
    return expected, printable(access.destination)


def _period(_: Access, __: Mapping[str, float]) -> _Told:
    return "at the times at which this service regularly does that", None


def _sequence(_: Access, __: Mapping[str, float]) -> _Told:
    return "after what services of this type do right before", None


def _registration(access: Access, _: Mapping[str, float]) -> _Told:
    return "registered before it acts", printable(access.source)


def _interval(_: Access, terms: Mapping[str, float]) -> _Told:
    gap = terms.get("gap")
    return "one of the usual intervals", None if gap is None else f"{gap / 1000:.3g} s after the last time"


def _partners(_: Access, terms: Mapping[str, float]) -> _Told:
    seen = terms.get("partners_seen")
    return "as many partners within a minute as its type has", None if seen is None else f"{seen:.0f}"


def _operation(access: Access, _: Mapping[str, float]) -> _Told:
    return "what services of this type do with such a partner", access.operation.value


def _data_type(access: Access, _: Mapping[str, float]) -> _Told:
    return "what services of this type exchange with such a partner", _kind(access.data_type)


def _same_location(access: Access, _: Mapping[str, float]) -> _Told:
    return None, "the same room" if access.source_location == access.destination_location else "another room"


def _group(_: Access, __: Mapping[str, float]) -> _Told:
    return "the intervals of services of this type", None


def _kind(name: str | None) -> str:
    return "an unknown type" if name is None else printable(name)


_FEATURES: Mapping[str, Callable[[Access, Mapping[str, float]], _Told]] = {
    "relationship": _relationship,
    "rate": _rate,
    "location": _location,
    "value": _value,
    "text": _text,
    "partner": _partner,
    "sequence": _sequence,
    "period": _period,
    "registration": _registration,
    # Of the paper's scoring.
    "same_location": _same_location,
    "partners": _partners,
    "interval": _interval,
    "operation": _operation,
    "data_type": _data_type,
    "group": _group,
}
