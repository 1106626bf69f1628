"""Every scoring that can be named can judge."""

from __future__ import annotations

import pytest

from models.analyzer import Analyzer
from policy.document import PolicyDocument
from proxy.evaluation.scoring import Scoring, subject_for
from proxy.evaluation.shipped import Federation
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.subject import Subject
from tests.models.accesses import START, access


def subject(scoring: Scoring, state: bytes | None = None) -> Subject:
    return subject_for(scoring, policy=PolicyDocument(), sites=SiteMap(), federation=Federation.LIVE, state=state)


@pytest.mark.parametrize("scoring", Scoring)
def test_who_has_learnt_nothing_refuses_nothing(scoring: Scoring) -> None:
    judgement = subject(scoring).judge(access(START))
    assert not judgement.refused
    assert judgement.av >= 0


@pytest.mark.parametrize("scoring", [Scoring.PAPER, Scoring.REFERENCE])
def test_models_are_of_the_shipped_scoring(scoring: Scoring) -> None:
    state = Analyzer().dump()
    assert not subject(Scoring.ALLEYES, state).judge(access(START)).refused
    with pytest.raises(ValueError, match="models are of the scoring alleyes"):
        subject(scoring, state)
