"""How long the judgement of one call takes, without network and decoding; with and without the audit log.

A simulated family home is learnt, then enforced; the same accesses that the gateway would see are timed one by one,
each part by itself. The medians of several rounds are printed with their spread, since rounds share the machine with
whatever else runs on it.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from models.access import Access
from models.analyzer import Analyzer
from models.simulation.floorplan import family_home
from models.simulation.tempo import BRISK
from models.simulation.trace import Trace
from policy.document import ModeSetting, PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Call, Sender, Strength, Verdict
from proxy.audit.journal import Journal
from proxy.audit.trail import AuditTrail
from proxy.clocks import MonotonicEventClock, real_now
from proxy.enforcement import Enforcement

START = 1_767_225_600_000
"""Event time of the first access in milliseconds: midnight, 2026-01-01 UTC."""
MINUTE = 60_000
LEARNT = 90
"""Minutes of event time that are learnt before anything is measured."""
ROUNDS = 7
RULES = 50
"""Explicit rules for the part with rules."""
CALLS = 2_000
"""Calls in each round."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What one round took, in nanoseconds per call."""

    score: float
    """Median of `Analyzer.score`."""
    judge: float
    """Median of `Engine.judge`, which scores."""
    judge_p99: float
    conclude: float
    """Median of `Engine.conclude`, which teaches."""
    minute: float
    """Longest `Analyzer.advance`; not per call, but in the way of one."""
    forwarded: float
    """Share of the calls that were forwarded; a benchmark of refusals would flatter."""


class Latency(msgspec.Struct, frozen=True):
    """How long something took, in microseconds."""

    p50: float
    p99: float


class Site:
    """A simulated site, its analyzer, and the engine that judges it."""

    def __init__(self, *, seed: int) -> None:
        """Set up the site; nothing has been learnt yet."""
        self._trace = Trace(family_home(), seed=seed, start=START, tempo=BRISK)
        self.analyzer = Analyzer()
        self.engine = Engine(
            analyzer=self.analyzer,
            policy=PolicyDocument(mode=ModeSetting.LEARN),
            revision="learn",
            quarantines=QuarantineRegister(),
        )
        self._calls = self._happen()

    def _happen(self) -> Iterator[tuple[Call, int]]:
        """Yield calls without end, each with the nanoseconds that closing minutes before it took (mostly 0)."""
        for minute in itertools.count():
            now = START + minute * MINUTE
            begun = time.perf_counter_ns()
            self.analyzer.advance(now)
            spent = time.perf_counter_ns() - begun
            for observed in self._trace.until(now + MINUTE):
                yield _call(observed.access), spent
                spent = 0

    def learn(self, minutes: int) -> None:
        """Let the site teach, then enforce the shipped thresholds."""
        end = START + minutes * MINUTE
        for call, _ in self._calls:
            self.engine.conclude(self.engine.judge(call, now=call.time / 1000), accepted=True)
            if call.time >= end - MINUTE:
                break
        self.engine.replace_policy(PolicyDocument(mode=ModeSetting.ENFORCE), "enforce")

    def add_rules(self, count: int) -> None:
        """Add explicit rules of the usual kinds, none of which matches."""
        rules = [_rule(number) for number in range(count)]
        policy = PolicyDocument.model_validate({"mode": "enforce", "rules": rules})
        self.engine.replace_policy(policy, "rules")

    def measure(self, count: int) -> Figures:
        """Time the next calls."""
        scores, judgements, conclusions, minutes, forwarded = [], [], [], [0], 0
        clock = time.perf_counter_ns
        for call, spent in itertools.islice(self._calls, count):
            minutes.append(spent)
            begun = clock()
            verdict = self.engine.judge(call, now=call.time / 1000)
            judged = clock()
            self.engine.conclude(verdict, accepted=True)
            concluded = clock()
            judgements.append(judged - begun)
            conclusions.append(concluded - judged)
            forwarded += verdict.action is Action.FORWARD
        for call, _ in itertools.islice(self._calls, count):  # scoring counts the access, so other calls than above
            begun = clock()
            self.analyzer.score(call.accesses[0])
            scores.append(clock() - begun)
            self.analyzer.learn(call.accesses[0])
        return Figures(
            score=statistics.median(scores),
            judge=statistics.median(judgements),
            judge_p99=statistics.quantiles(judgements, n=100)[98],
            conclude=statistics.median(conclusions),
            minute=max(minutes),
            forwarded=forwarded / count,
        )

    def judge_and_record(self, count: int, directory: Path) -> Latency:
        """Time the judgement of the next calls, up to the hand-over to an audit log in `directory`.

        Between two calls the log's writer gets its turn, as it does in the gateway whenever that uses a socket; where
        it gets one in mid-judgement, that counts.
        """
        journal = Journal(directory)
        enforcement = Enforcement(
            engine=self.engine,
            log=AuditTrail(journal, real_now),
            clock=MonotonicEventClock(start=START),
            real_now=real_now,
            on_quarantine=_ignored,
        )
        clock = time.perf_counter_ns
        judgements: list[int] = []
        try:
            for call, _ in itertools.islice(self._calls, count):
                begun = clock()
                verdict = enforcement.judge(call)
                judgements.append(clock() - begun)
                enforcement.conclude(verdict, accepted=True)
                time.sleep(0)
        finally:
            journal.close()
        cuts = statistics.quantiles(judgements, n=100)
        return Latency(p50=cuts[49] / 1000, p99=cuts[98] / 1000)


def judge_us(*, calls: int = ROUNDS * CALLS) -> Latency:
    """Return how long it takes to judge one access, decoding excluded, the hand-over to the audit log included."""
    site = Site(seed=1)
    site.learn(LEARNT)
    with tempfile.TemporaryDirectory(prefix="alleyes-benchmark-") as name:
        return site.judge_and_record(calls, Path(name) / "audit")


def _ignored(verdict: Verdict) -> None:
    """Leave the kernel as it is."""


def _rule(number: int) -> dict[str, object]:
    kinds: list[dict[str, object]] = [
        {"operation": ["set"], "hours": ["22:00-06:00"], "node": [f"/agent9/device{number}/*"]},
        {"source_type": [f"/type{number}"], "operation": ["get", "set"]},
        {"destination_type": [f"/type{number}"], "location": ["other"]},
        {"source_address": [f"/agent9/device{number}*"]},
        {"source_type": [f"/kind{number}*"], "network": ["192.0.2.128/25"]},
    ]
    return {"name": f"rule-{number}", "action": "deny", **kinds[number % len(kinds)]}


def _call(access: Access) -> Call:
    sender = Sender(
        address=access.source,
        service_type=access.source_type,
        strength=Strength.CERTIFICATE,
        ip="192.0.2.1",
        client_id=access.source.rsplit("/", 1)[-1],
    )
    return Call(sender=sender, accesses=(access,), time=access.time)


def main() -> None:
    """Print the figures."""
    site = Site(seed=1)
    site.learn(LEARNT)
    rounds = [site.measure(CALLS) for _ in range(ROUNDS)]
    print(f"judge: {ROUNDS} rounds of {CALLS} calls with one access, after {LEARNT} minutes of learning; microseconds")
    for name, what in (
        ("score", "score, median"),
        ("judge", "judge (with score), median"),
        ("judge_p99", "judge (with score), 99th percentile"),
        ("conclude", "conclude (with learning), median"),
        ("minute", "closing of a minute, longest"),
    ):
        values = [getattr(figures, name) / 1000 for figures in rounds]
        print(f"  {what:<36} {statistics.median(values):8.1f}   ({min(values):.1f} to {max(values):.1f})")
    shares = [figures.forwarded for figures in rounds]
    print(f"  {'calls that were forwarded':<36} {100 * min(shares):7.2f} % in the worst round")
    site.add_rules(RULES)
    ruled = statistics.median(site.measure(CALLS).judge / 1000 for _ in range(ROUNDS))
    print(f"  {f'judge with {RULES} rules, median':<36} {ruled:8.1f}")
    recorded = judge_us()
    print(f"  {'judge and hand over to the audit log':<36} {recorded.p50:8.1f}   (99th percentile {recorded.p99:.1f})")


if __name__ == "__main__":
    main()
