"""The anomaly value of one access with every term behind it (paper, section III)."""

from __future__ import annotations

import msgspec

from models.paper.normal_form import NormalForm
from models.paper.support import anomaly_value
from models.score import Named, Score

RELATIONSHIP = "relationship"
PARTNERS = "partners"
SAME_LOCATION = "same_location"
INTERVAL = "interval"
OPERATION = "operation"
DATA_TYPE = "data_type"
GROUP = "group"

UNSCORED = Score(av=0.0, som=0.0, sor=0.0, soa=0.0, deciding=RELATIONSHIP, evidence=Named({}), model_version="none")
"""Where there is no model: the paper assumes that new behaviour is normal for services that have none."""


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What is observed of one access, as Table II counts it. None: the middleware does not offer it, or not yet."""

    partner: str
    """Type of the partner; the empty string is an unknown type."""
    partners: int
    """Instances of that type that the service addressed in this minute, this access included."""
    room: str | None
    """`same` or `other`."""
    operation: str
    data_type: str | None
    gap: int | None
    """Time since the access before of the same flow, ms."""


def assess(form: NormalForm, features: Features, group: float) -> Score:
    """Combine what was observed of an access with what is normal.

    Args:
        form: The model of the source's type.
        features: What was observed. A feature that is missing, or that the model knows nothing of, has no term: 0.
        group: Group anomaly of the access's flow (`Norm.group`).

    Returns:
        The score. Its terms: `model_weight`, `relationship_weight` (descriptors, not capped), `relationship` (SoR), and
        the SoA of each feature: `partners`, `same_location`, `interval`, `operation`, `data_type`, `group`; further
        `partners_seen` (instances), and `gap` (ms) where there is one.
    """
    norm = form.norm(features.partner)
    operation, gap = features.operation, features.gap
    terms = {
        PARTNERS: norm.partners(features.partners),
        SAME_LOCATION: 0.0 if features.room is None else norm.location(features.room),
        INTERVAL: 0.0 if gap is None else norm.interval(operation, gap),
        OPERATION: norm.operation(operation),
        DATA_TYPE: 0.0 if features.data_type is None else norm.data_type(features.data_type),
        GROUP: group,
    }
    sor = norm.sor
    largest = max(terms, key=terms.__getitem__)
    soa = terms[largest]
    terms[RELATIONSHIP] = sor
    terms["model_weight"] = float(form.weight)
    terms["relationship_weight"] = float(norm.weight)
    terms["partners_seen"] = float(features.partners)
    if gap is not None:
        terms["gap"] = float(gap)
    return Score(
        av=anomaly_value(form.som, sor, soa),
        som=form.som,
        sor=sor,
        soa=soa,
        deciding=RELATIONSHIP if sor >= soa else largest,
        evidence=Named(terms),
        model_version=form.version,
    )
