"""Which subject belongs to which scoring."""

from __future__ import annotations

from enum import StrEnum

from policy.document import PolicyDocument
from proxy.evaluation.shipped import FederatedSubject, Federation
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.subject import Subject


class Scoring(StrEnum):
    """Whose formulas judge."""

    ALLEYES = "alleyes"
    """The shipped ones."""
    PAPER = "paper"
    """The paper to the letter."""
    REFERENCE = "reference"
    """The rule set that the paper's authors ran."""


def subject_for(
    scoring: Scoring, *, policy: PolicyDocument, sites: SiteMap, federation: Federation, state: bytes | None
) -> Subject:
    """Return a subject that has seen nothing yet, or starts from `state`.

    Args:
        scoring: Whose formulas judge.
        policy: Gives the thresholds; not those of the reference, which has its own.
        sites: Which agents are one site; the shipped scoring alone tells sites apart.
        federation: Who learns from whom, in the shipped scoring.
        state: What an analyzer stored, for a warm start of the shipped scoring.

    Raises:
        ValueError: the state cannot be read, or is given to a scoring that cannot take it.
    """
    if scoring is Scoring.ALLEYES:
        return FederatedSubject(policy, sites, federation, state)
    if state is not None:
        raise ValueError(f"models are of the scoring alleyes, the scoring {scoring} starts without")
    if scoring is Scoring.PAPER:
        from proxy.evaluation.paper import PaperSubject  # noqa: PLC0415 -- only one of the three is ever needed

        return PaperSubject(policy)
    from proxy.evaluation.reference.subject import ReferenceSubject  # noqa: PLC0415

    return ReferenceSubject()
