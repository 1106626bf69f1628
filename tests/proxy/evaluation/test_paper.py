from __future__ import annotations

import msgspec
import pytest

from models.access import Access, Operation
from policy.document import PolicyDocument
from proxy.evaluation.paper import THRESHOLD, PaperSubject
from tests.models.accesses import MINUTE, START, access

READS = [access(START + 20_000 * beat) for beat in range(360)]
NEW = access(START + 120 * MINUTE, operation=Operation.SET)


def seen(subject: PaperSubject, accesses: list[Access]) -> PaperSubject:
    for each in accesses:
        subject.judge(each)
    return subject


def test_what_is_new_is_refused_and_what_is_usual_is_not() -> None:
    subject = seen(PaperSubject(), READS)
    assert subject.judge(access(START + 120 * MINUTE)) == (1.0, False)
    assert subject.judge(NEW) == (100.0, True)


def test_what_was_refused_teaches_all_the_same() -> None:
    attack = [msgspec.structs.replace(NEW, time=NEW.time + minute * MINUTE) for minute in range(30)]
    subject = seen(PaperSubject(), READS)
    verdicts = [subject.judge(each).refused for each in attack]
    assert verdicts[0]
    assert not verdicts[-1]


def test_max_model_weight_is_how_long_a_model_must_have_been_observed() -> None:
    # 120 descriptors: SoM 120 / 3000; a category never seen scores maxModelWeight: 120 / 3000 * 3000.
    subject = seen(PaperSubject(max_model_weight=3000), READS)
    assert subject.judge(NEW).av == pytest.approx(120)


@pytest.mark.parametrize(
    ("policy", "threshold", "refused"),
    [
        ({}, None, False),
        ({"thresholds": {"alert": 1, "block": 2}}, None, True),
        ({"service_types": {"/light": {"thresholds": {"alert": 1, "block": 2}}}}, None, True),
        ({"thresholds": {"alert": 1, "block": 2}}, 90, False),
        ({}, 2, True),
    ],
)
def test_the_threshold_is_its_own_unless_the_policy_names_one(
    policy: dict[str, object], threshold: float | None, refused: bool
) -> None:
    subject = seen(PaperSubject(PolicyDocument.model_validate(policy), threshold=threshold), READS[:12])
    given = subject.judge(msgspec.structs.replace(NEW, time=READS[11].time + 20_000))
    assert 2 < given.av < THRESHOLD
    assert given.refused is refused
