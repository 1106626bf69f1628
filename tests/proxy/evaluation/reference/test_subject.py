"""The authors' rule set, access after access."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from models.access import Operation
from proxy.evaluation.reference.subject import ReferenceSubject
from proxy.evaluation.trace import Trace
from tests.models.accesses import MINUTE, START, access
from tests.proxy.evaluation.reference.services import LIGHT, learnt, registration

TRACES = Path(os.environ.get("ALLEYES_TRACES", Path(__file__).parents[5] / "shared" / "data"))
MAIN_TRACE = TRACES / "ds2os-main-first16h.csv.gz"


def test_nobody_is_judged_before_the_second_minute_has_ended() -> None:
    subject = ReferenceSubject()
    learnt(subject, 1, lights=2)
    values = [
        subject.judge(access(START + minute * MINUTE, source="/agent2/light2", destination_type="/battery")).av
        for minute in (0, 1, 2)
    ]
    assert values[:2] == [0, 0]
    assert values[2] > 0


def test_who_has_not_registered_is_never_refused() -> None:
    subject = ReferenceSubject()
    now = learnt(subject, 600, lights=2)
    asked = access(now, source="/agent9/light9", destination_type="/battery", operation=Operation.SET)
    assert subject.judge(asked) == (0.0, False)


def test_a_service_is_known_by_its_id_under_any_agent() -> None:
    subject = ReferenceSubject()
    now = learnt(subject, 600, lights=2)
    assert subject.judge(access(now, source="/agent9/light1", destination_type="/battery")).refused


def test_an_unknown_relationship_is_refused_after_1050_descriptors() -> None:
    first, second = ReferenceSubject(), ReferenceSubject()
    # n minutes of two lights: the descriptors of the last minute are not merged before the next has ended.
    assert not first.judge(access(learnt(first, 525, lights=2), destination_type="/battery")).refused
    assert second.judge(access(learnt(second, 526, lights=2), destination_type="/battery")).refused


def test_what_is_refused_is_learnt() -> None:
    subject = ReferenceSubject()
    now = learnt(subject, 600, lights=2)
    verdicts = [
        subject.judge(
            access(now + minute * MINUTE, destination_type="/battery", node="/agent1/battery1/charge")
        ).refused
        for minute in range(1200)
    ]
    assert verdicts[0]
    assert not verdicts[-1]


def test_idle_minutes_count_only_where_something_happens() -> None:
    silent, busy = ReferenceSubject(), ReferenceSubject()
    for subject in (silent, busy):
        learnt(subject, 10, lights=2)
    for minute in range(10, 60):
        busy.judge(access(START + minute * MINUTE, source="/agent9/unwatched9"))
    asked = access(START + 60 * MINUTE, destination_type="/battery")
    assert silent.judge(asked).av < busy.judge(asked).av


def test_operations_of_a_minute_reach_the_model_with_the_next_merge() -> None:
    subject = ReferenceSubject()
    now = learnt(subject, 600, lights=2)
    write = access(now, operation=Operation.SET)
    before = subject.judge(write).av
    for _ in range(200):
        subject.judge(write)
    assert subject.judge(write).av == before
    assert subject.judge(access(now + MINUTE, operation=Operation.SET)).av < before


def test_a_service_of_unknown_type_is_never_judged() -> None:
    subject = ReferenceSubject()
    subject.judge(registration(source_type=None))
    for minute in range(10):
        assert subject.judge(access(START + minute * MINUTE, source=LIGHT, source_type=None)) == (0.0, False)


def test_a_single_time_stamp_of_the_future_does_not_end_learning() -> None:
    subject = ReferenceSubject()
    now = learnt(subject, 10, lights=2)
    subject.judge(access(now + 10 * 365 * 24 * 60 * MINUTE, source="/agent1/light1"))
    for minute in range(600):
        subject.judge(access(now + minute * MINUTE, source="/agent1/light1"))
    asked = access(now + 600 * MINUTE, source="/agent9/light1", destination_type="/battery")
    assert subject.judge(asked).refused


def test_a_time_stamp_that_steps_back_ends_no_minute() -> None:
    subject = ReferenceSubject()
    now = learnt(subject, 10, lights=2)
    value = subject.judge(access(now, destination_type="/battery")).av
    assert subject.judge(access(START - MINUTE, destination_type="/battery")).av == value


@pytest.mark.skipif(not MAIN_TRACE.exists(), reason=f"{MAIN_TRACE} is not there; set ALLEYES_TRACES")
def test_the_known_figures_of_the_rule_set_are_reproduced() -> None:
    subject, labels, refused = ReferenceSubject(), Counter[bool](), Counter[bool]()
    for row in Trace(MAIN_TRACE):
        anomalous = row.label != "normal"
        labels[anomalous] += 1
        refused[anomalous] += subject.judge(row.access).refused
    assert refused[True] / labels[True] == pytest.approx(0.590, abs=0.01)
    assert refused[False] / labels[False] == pytest.approx(0.0049, abs=0.0005)
    right = refused[True] + labels[False] - refused[False]
    assert right / labels.total() == pytest.approx(0.985, abs=0.001)
