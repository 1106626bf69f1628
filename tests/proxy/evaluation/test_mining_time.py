"""Time that goes into mining is told, and nothing else is."""

from __future__ import annotations

from pathlib import Path

from models.periodicity import ENOUGH, SAMPLE, Rhythm
from policy.document import PolicyDocument
from proxy.evaluation.mining_time import Stopwatch, TimedRhythm
from proxy.evaluation.run import evaluate
from proxy.evaluation.shipped import FederatedSubject
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.trace import Trace
from tests.proxy.evaluation.traces import HEADER, line, write


def test_stopwatch_runs_while_periods_and_timers_are_looked_for_only() -> None:
    stopwatch = Stopwatch()
    rhythm = TimedRhythm(stopwatch)
    readings = []
    for number in range(SAMPLE + 2):
        rhythm.accept(number * 20_000)
        readings.append(stopwatch.seconds)
    rises = [number for number in range(1, len(readings)) if readings[number] > readings[number - 1]]
    assert rises == [ENOUGH, 2 * ENOUGH, 3 * ENOUGH, SAMPLE]


def test_measured_rhythm_finds_what_any_finds() -> None:
    measured, plain = TimedRhythm(Stopwatch()), Rhythm()
    for number in range(300):
        time = number // 2 * 20_000 + number % 2 * 5_000
        assert measured.judge(time) == plain.judge(time)
        assert measured.accept(time) == plain.accept(time)
    assert measured.state == plain.state


def test_evaluation_of_the_shipped_scoring_tells_what_mining_took(tmp_path: Path) -> None:
    trace = Trace(write(tmp_path / "t.csv", [HEADER, *(line(20 * number) for number in range(2 * ENOUGH))]))
    result = evaluate(trace, FederatedSubject(PolicyDocument(), SiteMap()))
    assert result.mining_seconds is not None
    assert 0 < result.mining_seconds < result.seconds
