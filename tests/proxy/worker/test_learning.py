"""Minutes close as event time passes, and the supervisor hears of them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from models.analyzer import Analyzer
from models.candidates import Candidate
from models.communication_model import CommunicationModel
from models.exchange.shared import Others, Shared
from models.node import REPORT, Node
from models.paper.analyzer import PaperAnalyzer
from models.relationship import key_of
from models.replica import Adopted, Decided, Replica, encode
from proxy.processes.messages import Minute, Seen
from proxy.worker.learning import Learning
from tests.policy.calls import SPYING
from tests.proxy.parts import StandingClock

MINUTE = 60_000
NEW = Candidate("/washingService", "relationship", key_of(SPYING))


class Bench:
    def __init__(self, analyzer: Analyzer | PaperAnalyzer) -> None:
        self.clock = StandingClock(SPYING.time)
        self.sent: list[Minute | Seen] = []
        self.learning = Learning(analyzer=analyzer, clock=self.clock, send=self.sent.append)
        analyzer.score(SPYING)
        analyzer.learn(SPYING)

    def pass_minutes(self, count: int) -> None:
        self.clock.time += count * MINUTE
        self.learning.advance()

    def minutes(self) -> list[Minute]:
        return [each for each in self.sent if isinstance(each, Minute)]


def worker() -> Analyzer:
    return Analyzer.load(Node().dump(), replica=True)


def test_a_minute_that_closes_is_told() -> None:
    bench = Bench(worker())
    bench.learning.advance()
    assert bench.sent == []
    bench.pass_minutes(1)
    (minute,) = bench.minutes()
    report = REPORT.decode(minute.content)
    assert [address for address, _ in report.descriptors] == [SPYING.source]
    assert [each.address for each in report.instances] == [SPYING.source]


def test_a_minute_in_which_nobody_is_known_is_told_as_well_for_others_wait_for_it() -> None:
    sent: list[Minute | Seen] = []
    clock = StandingClock(SPYING.time)
    learning = Learning(analyzer=worker(), clock=clock, send=sent.append)
    learning.advance()
    clock.time += MINUTE
    learning.advance()
    (minute,) = sent
    assert isinstance(minute, Minute)
    assert REPORT.decode(minute.content).descriptors == []


@pytest.mark.parametrize("make", [worker, PaperAnalyzer])
def test_the_end_hands_over_the_minute_under_way(make: Callable[[], Analyzer | PaperAnalyzer]) -> None:
    bench = Bench(make())
    bench.clock.time += 1000
    bench.learning.finish()
    (minute,) = bench.minutes()
    if make is PaperAnalyzer:
        assert PaperAnalyzer.load(minute.content).newest == bench.clock.time
        return
    report = REPORT.decode(minute.content)
    assert report.descriptors == []
    assert report.instances[0].open


def test_candidates_do_not_wait_for_the_minute() -> None:
    bench = Bench(worker())
    analyzer = bench.learning.analyzer
    assert isinstance(analyzer, Analyzer)
    analyzer.knowledge.see(NEW, "here", SPYING.source, SPYING.time)
    bench.learning.advance()
    (seen,) = bench.sent
    assert isinstance(seen, Seen)
    assert [(each.candidate, each.instance) for each in seen.sightings] == [(NEW, SPYING.source)]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(seen), type=Seen) == seen


def test_what_the_node_decided_is_followed() -> None:
    bench = Bench(worker())
    bench.learning.follow(encode(Decided([NEW], SPYING.time)))
    analyzer = bench.learning.analyzer
    assert isinstance(analyzer, Analyzer)
    assert isinstance(analyzer.knowledge, Replica)
    assert analyzer.knowledge.answers[NEW].allowed


def test_the_paper_s_models_are_told_whole() -> None:
    bench = Bench(PaperAnalyzer())
    bench.pass_minutes(1)
    (minute,) = bench.minutes()
    assert set(PaperAnalyzer.load(minute.content).models()) == {"/washingService"}


@pytest.mark.parametrize("analyzer", [worker(), PaperAnalyzer()])
def test_what_others_told_is_no_own_minute(analyzer: Analyzer | PaperAnalyzer) -> None:
    bench = Bench(analyzer)
    name = SPYING.source_type or ""
    model = CommunicationModel(service_type=name, weight=500)
    others = Others(elsewhere=Shared(version="0", origins=3, supporters={}, model=model))
    bench.learning.follow(encode(Adopted(name, others)))
    assert bench.learning.told(name) == (500 if isinstance(analyzer, Analyzer) else 0)
