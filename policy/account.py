"""A verdict in full, for the person who asks why: what was expected, what was seen, and each feature's share in AV.

AV = SoM * max(SoR, SoA), and SoA is the largest of its terms: so the share of a feature is the AV that it would have
made by itself, and the largest of them is the AV.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from models.access import Access
from models.score import Score
from policy.explanation import sentence
from policy.features import FEATURES
from policy.printable import printable
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
            **dict(zip(("expected", "seen"), words.told(access, terms), strict=True)),
        )
        for name, words in FEATURES.items()
        if name in terms
    ]
    # A scoring of another version may name what is not known here.
    if score.deciding not in FEATURES and score.deciding in terms:
        share = score.som * terms[score.deciding]
        found.append(Feature(name=printable(score.deciding), share=share, decides=True, expected=None, seen=None))
    return tuple(sorted(found, key=lambda each: (-each.share, not each.decides)))
