"""The anomaly value of one access and every term behind it (paper, section III)."""

from __future__ import annotations

import msgspec


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """AV = SoM * max(SoR, SoA), with all that is needed to explain and to replay it.

    `terms` holds every intermediate figure by its name, as numbers; the sentence is made on demand by
    `policy.explanation`.
    """

    av: float
    som: float
    """Support of the model, 0 to 1."""
    sor: float
    """Support of the relationship: high where the relationship is unusual for this type."""
    soa: float
    """Support of the access: the largest of its terms."""
    deciding: str
    """Name of the term that made AV what it is: `relationship`, `location`, `rate` or `period`."""
    terms: dict[str, float]
    model_version: str
    """Identifies the state of the source type's model that was used; `none` where there is none."""
