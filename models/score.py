"""The anomaly value of one access and every term behind it (paper, section III)."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Evidence(Protocol):
    """What a scoring keeps of an access, as numbers, to name its terms when somebody asks for them."""

    def named(self) -> dict[str, float]:
        """Return every intermediate figure by its name."""
        ...


class Named(msgspec.Struct, frozen=True, gc=False):
    """Evidence that was named from the beginning."""

    terms: dict[str, float]

    def named(self) -> dict[str, float]:
        """Return the terms."""
        return self.terms


class Score(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """AV = SoM * max(SoR, SoA), with all that is needed to explain and to replay it.

    Every access has one and hardly any is ever looked at: its terms are named, and the sentence about them is made
    (`policy.explanation`), on demand.
    """

    av: float
    som: float
    """Support of the model, 0 to 1."""
    sor: float
    """Support of the relationship: high where the relationship is unusual for this type."""
    soa: float
    """Support of the access: the largest of its terms."""
    deciding: str
    """Name of the term that made AV what it is, e.g. `relationship`, `location`, `rate` or `period`."""
    evidence: Evidence
    model_version: str
    """Identifies the state of the source type's model that was used; `none` where there is none."""

    @property
    def terms(self) -> dict[str, float]:
        """Every intermediate figure by its name. Made anew each time: ask once."""
        return self.evidence.named()
