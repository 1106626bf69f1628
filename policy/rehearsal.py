"""Plays a scenario through the judge: the same engine and the same models as in the gateway, without its clock."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

from models.access import Access
from models.analyzer import Analyzer
from models.descriptor import MINUTE
from policy.document import PolicyDocument
from policy.engine import UNKNOWN_NODE, Engine
from policy.explanation import sentence
from policy.local_time import LocalTime
from policy.quarantine import QuarantineRegister
from policy.readiness import Readiness, observed
from policy.scenario import Deed, Expectation, Scenario, Service
from policy.verdict import Call, Refusal, Sender, Strength, Verdict

_UNKNOWN_NODE = Refusal(code=UNKNOWN_NODE, detail="Nothing is known of the node.", every_mode=False)


class Difference(NamedTuple):
    """A verdict that is not the one that was expected."""

    step: int
    """Counted from 1."""
    deed: str
    fields: tuple[tuple[str, str, str], ...]
    """Name, expected, got."""
    sentence: str
    """What the audit log would say."""


def rehearse(scenario: Scenario, policy: PolicyDocument | None = None, revision: str = "scenario") -> list[Difference]:
    """Play a scenario; return where the verdicts differ from what it expects.

    Args:
        scenario: The scenario.
        policy: Judge by this policy instead of the scenario's own.
        revision: Names the policy in verdicts.
    """
    return _Stage(scenario, policy or scenario.policy).play(revision)


class _Stage:
    """A site of the scenario's services, from the first lesson to the last step."""

    def __init__(self, scenario: Scenario, policy: PolicyDocument) -> None:
        self._scenario = scenario
        self._policy = policy
        self._analyzer = Analyzer()
        self._readiness = Readiness()
        self._register = QuarantineRegister()
        self._engine = Engine(
            analyzer=self._analyzer, policy=PolicyDocument(), revision="training", quarantines=self._register
        )
        # A day's end is its beginning for `ends`, where no time is given.
        self._start = int(LocalTime(policy.time_zone).ends(scenario.start) * 1000)
        longest = max((lesson.lasting for lesson in scenario.training), default=0)
        self._now = self._start - longest * 1000
        for service in scenario.services.values():
            if service.type is not None:
                self._analyzer.register(service.address, service.type, self._now)

    def play(self, revision: str) -> list[Difference]:
        for time, deed in self._lessons():
            self._pass_until(time)
            self._engine.conclude(self._judge(deed), accepted=True)
        self._pass_until(self._start)
        self._engine.replace_policy(self._policy, revision)
        found: list[Difference] = []
        for number, step in enumerate(self._scenario.steps, start=1):
            self._pass_until(self._now + (step.wait or 0) * 1000)
            for repetition in range(step.times):
                self._pass_until(self._now + (int(step.interval * 1000) if repetition else 0))
                verdict = self._judge(step)
                self._engine.conclude(verdict, accepted=True)
            if different := _different(step.expect, verdict):
                found.append(Difference(number, _told(step), different, sentence(verdict)))
        return found

    def _lessons(self) -> Iterator[tuple[int, Deed]]:
        """Yield all accesses of the lessons in the order of their times."""
        upcoming = [
            (self._start - lesson.lasting * 1000 + index, index) for index, lesson in enumerate(self._scenario.training)
        ]
        heapq.heapify(upcoming)
        while upcoming:
            time, index = heapq.heappop(upcoming)
            lesson = self._scenario.training[index]
            if time >= self._start:
                continue
            yield time, lesson
            heapq.heappush(upcoming, (time + lesson.every * 1000, index))

    def _pass_until(self, time: int) -> None:
        """Let event time pass, minute by minute, as the gateway does."""
        while (closing := (self._now // MINUTE + 1) * MINUTE) <= time:
            self._now = closing
            self._analyzer.advance(closing)
            self._readiness.observe(observed(self._analyzer.knowledge), self._policy.readiness, closing)
            self._engine.replace_ready(self._readiness.ready)
            self._register.expire(closing / 1000)
        self._now = time

    def _judge(self, deed: Deed) -> Verdict:
        services = self._scenario.services
        caller = services[deed.who]
        called = services[deed.whom] if deed.whom is not None else caller
        sender = _sender(caller)
        access = Access(
            time=self._now,
            source=sender.address,
            source_type=sender.service_type,
            source_location=caller.location,
            destination=sender.address if called is caller else called.address,
            destination_type=called.type,
            destination_location=called.location,
            node=called.address if deed.node is None else f"{called.address}/{deed.node}",
            operation=deed.does,
            data_type=deed.data_type,
            value=deed.value,
        )
        call = Call(
            sender=sender,
            accesses=(access,),
            time=self._now,
            refusal=_UNKNOWN_NODE if called.type is None and called is not caller else None,
            request=_told(deed),
        )
        return self._engine.judge(call, now=self._now / 1000)


def _sender(service: Service) -> Sender:
    unknown = service.identity is Strength.UNKNOWN
    return Sender(
        address=f"ip:{service.ip}" if unknown else service.address,
        service_type=None if unknown else service.type,
        strength=service.identity,
        ip=service.ip,
        client_id=service.address.rpartition("/")[2] if service.identity is Strength.CERTIFICATE else None,
    )


def _different(expected: Expectation, verdict: Verdict) -> tuple[tuple[str, str, str], ...]:
    wanted = ((name, getattr(expected, name)) for name in Expectation.model_fields if name in expected.model_fields_set)
    return tuple((name, str(value), str(got)) for name, value in wanted if (got := getattr(verdict, name)) != value)


def _told(deed: Deed) -> str:
    node = f"/{deed.node}" if deed.node is not None else ""
    return f"{deed.who} {deed.does} {deed.whom or deed.who}{node}"
