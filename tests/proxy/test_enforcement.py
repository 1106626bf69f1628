"""One judge: no verdict without its record, and a quarantine is carried out."""

from __future__ import annotations

import pytest

from policy.document import PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Verdict
from proxy.enforcement import Enforcement
from tests.policy.calls import NOW, SPYING, PrescribedAnalyzer, call, score
from tests.proxy.parts import EVENT_TIME, StandingClock


class Records:
    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        self.full = False

    def record(self, verdict: Verdict) -> None:
        if self.full:
            raise OSError("the disk is full")
        self.verdicts.append(verdict)


class Bench:
    def __init__(self, *values: float) -> None:
        self.analyzer = PrescribedAnalyzer([score(value) for value in values])
        self.register = QuarantineRegister()
        self.log = Records()
        self.quarantined: list[Verdict] = []
        engine = Engine(
            analyzer=self.analyzer,
            policy=PolicyDocument.model_validate({"mode": "enforce"}),
            revision="r1",
            quarantines=self.register,
        )
        self.enforcement = Enforcement(
            engine=engine,
            log=self.log,
            clock=StandingClock(),
            real_now=lambda: NOW,
            on_quarantine=self.quarantined.append,
        )


def test_every_verdict_is_recorded() -> None:
    bench = Bench(0.0, 10.0)
    verdicts = [bench.enforcement.judge(call(SPYING)) for _ in range(2)]
    assert [verdict.action for verdict in verdicts] == [Action.FORWARD, Action.BLOCK]
    assert bench.log.verdicts == verdicts
    assert bench.quarantined == []


def test_what_cannot_be_recorded_has_no_verdict() -> None:
    bench = Bench(0.0)
    bench.log.full = True
    with pytest.raises(OSError, match="the disk is full"):
        bench.enforcement.judge(call(SPYING))


def test_a_quarantine_is_carried_out_once() -> None:
    bench = Bench(60.0)
    first = bench.enforcement.judge(call(SPYING))
    second = bench.enforcement.judge(call(SPYING))
    assert (first.action, second.action) == (Action.QUARANTINE, Action.BLOCK)
    assert bench.quarantined == [first]
    (entry,) = bench.register.entries
    assert (entry.since, entry.until) == (NOW, NOW + 3600)


def test_a_quarantine_that_cannot_be_recorded_is_carried_out_all_the_same() -> None:
    bench = Bench(60.0)
    bench.log.full = True
    with pytest.raises(OSError, match="the disk is full"):
        bench.enforcement.judge(call(SPYING))
    assert [verdict.action for verdict in bench.quarantined] == [Action.QUARANTINE]


def test_an_accepted_call_teaches_and_a_rejected_one_does_not() -> None:
    bench = Bench(0.0, 0.0)
    bench.enforcement.conclude(bench.enforcement.judge(call(SPYING)), accepted=False)
    assert bench.analyzer.learnt == []
    bench.enforcement.conclude(bench.enforcement.judge(call(SPYING)), accepted=True)
    assert bench.analyzer.learnt == [SPYING]


def test_time_is_event_time() -> None:
    assert Bench().enforcement.now() == EVENT_TIME
