from __future__ import annotations

import msgspec
import pytest

from models.access import Operation
from policy.document import PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Mode, Refusal, Verdict
from proxy.audit.sampling import INTERVAL, MOST_KINDS, Sampling
from tests.policy.calls import NOW, SPYING, PrescribedAnalyzer, call
from tests.proxy.audit.events import verdict

NORMAL = verdict(action=Action.FORWARD, av=0.2)


def of_kind(name: str, operation: Operation = Operation.GET) -> Verdict:
    access = msgspec.structs.replace(SPYING, source_type=name, operation=operation)
    return msgspec.structs.replace(NORMAL, call=call(access))


def test_every_nth_of_a_kind_is_recorded_and_the_others_are_counted() -> None:
    sampling = Sampling(4)
    passed = [sampling.passes_over(NORMAL, NOW) for _ in range(9)]
    assert passed == [False, True, True, True, False, True, True, True, False]
    assert not sampling.passes_over(of_kind("/other"), NOW)
    notice = sampling.notice(NOW + 30)
    assert notice is not None
    assert notice.sentence == "6 normal calls were forwarded in 30 s without a record of their own."
    assert notice.details == {
        "calls": 6,
        "since": NOW,
        "every": 4,
        "groups": {"/washingService get /sensorService": 6},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"action": Action.BLOCK, "would_be": Action.BLOCK, "reason": "anomalous"},
        {"would_be": Action.BLOCK, "mode": Mode.MONITOR, "reason": "anomalous"},
        {"alert": True},
        {"reason": "allowed-by-rule", "rule": "technician"},
    ],
)
def test_what_is_not_normal_is_always_recorded(changes: dict[str, object]) -> None:
    sampling = Sampling(1000)
    unusual = msgspec.structs.replace(NORMAL, **changes)
    assert not any(sampling.passes_over(unusual, NOW) for _ in range(20))
    assert sampling.notice(NOW) is None


def test_what_a_rule_let_pass_unread_is_recorded_each_time() -> None:
    unread = Refusal(code="unsupported-body", detail="A body that is not supported.", every_mode=False)
    engine = Engine(
        analyzer=PrescribedAnalyzer([]),
        policy=PolicyDocument.model_validate({"mode": "enforce", "rules": [{"name": "technician", "action": "allow"}]}),
        revision="r1",
        quarantines=QuarantineRegister(),
    )
    sampling = Sampling(1000)

    allowed = engine.judge(call(refusal=unread), now=NOW)

    assert allowed.forwarded
    assert not any(sampling.passes_over(allowed, NOW) for _ in range(20))


def test_all_are_recorded_where_no_sampling_is_wanted() -> None:
    sampling = Sampling(1)
    assert not any(sampling.passes_over(NORMAL, NOW) for _ in range(20))


def test_a_record_of_the_counts_is_due_a_minute_after_the_first_and_begins_anew() -> None:
    sampling = Sampling(2)
    assert not sampling.due(NOW)
    for _ in range(4):
        sampling.passes_over(NORMAL, NOW)
    assert [sampling.due(NOW + after) for after in (0, INTERVAL - 1, INTERVAL)] == [False, False, True]
    assert sampling.due(NOW - 5), "clocks that were set back do not keep it waiting"
    sampling.recorded()
    assert sampling.notice(NOW) is None
    assert not sampling.passes_over(NORMAL, NOW), "the first of a kind in each minute has a record"


def test_only_so_many_kinds_are_told_apart() -> None:
    sampling = Sampling(2)
    for number in range(MOST_KINDS + 5):
        assert not sampling.passes_over(of_kind(f"/type{number}"), NOW)
    assert sampling.passes_over(of_kind("/type0"), NOW)
    assert not sampling.passes_over(of_kind(f"/type{MOST_KINDS}"), NOW), "recorded rather than lost"
