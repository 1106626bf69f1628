"""A node with several workers learns, and scores, as one analyzer that sees everything."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

import msgspec
import pytest

from models.access import Access
from models.analyzer import Analyzer
from models.candidates import STEADY_FOR, Candidate
from models.codec import decode as decode_state
from models.descriptor import Descriptor
from models.knowledge import Knowledge
from models.node import PATIENCE, REPORT, Node, Report, together
from models.relationship import Key, Relationship, key_of
from models.replica import Replica, decode, encode
from models.score import Score
from models.simulation.scenario import Scenario, simulate
from tests.models.accesses import MINUTE, START, access, teach

DAY = [row.access for row in simulate(Scenario.of({"hours": 1.0, "seed": 5}))]
READ = Key("/movement", own=False, operation="get", data_type="/derived/boolean")


class Workers:
    """A node and its workers, each with an analyzer of its own, that hear of each other as processes do."""

    def __init__(self, count: int, stored: bytes | None = None) -> None:
        self.node = Node(stored)
        self.analyzers = [Analyzer.load(self.node.dump(), replica=True) for _ in range(count)]
        for number in range(count):
            self.node.join(number)

    def of(self, each: Access) -> Analyzer:
        return self.analyzers[crc32(each.source.encode()) % len(self.analyzers)]

    def knowledge(self, number: int) -> Replica:
        found = self.analyzers[number].knowledge
        assert isinstance(found, Replica)
        return found

    def advance(self, time: int) -> None:
        for number, analyzer in enumerate(self.analyzers):
            report = analyzer.report(time)
            if report is not None:
                self.tell(number, report)
                self.see(number)

    def tell(self, number: int, report: Report, now: float = 0.0) -> None:
        for step in self.node.report(number, REPORT.decode(REPORT.encode(report)), now):
            for each in range(len(self.analyzers)):
                self.analyzers[each].follow(decode(encode(step)))

    def see(self, number: int) -> None:
        step = self.node.see(self.knowledge(number).take_sightings())
        if step is not None:
            for each in range(len(self.analyzers)):
                self.analyzers[each].follow(decode(encode(step)))


def lived(accesses: Iterable[Access], workers: Workers) -> list[Score]:
    scores = []
    for each in accesses:
        workers.advance(each.time)
        analyzer = workers.of(each)
        scores.append(analyzer.score(each))
        analyzer.learn(each)
    return scores


def lived_alone(accesses: Iterable[Access], analyzer: Analyzer) -> list[Score]:
    scores = []
    for each in accesses:
        analyzer.advance(each.time)
        scores.append(analyzer.score(each))
        analyzer.learn(each)
    return scores


def register_all(*analyzers: Analyzer) -> None:
    """Let every analyzer hear of all services, as from the access points."""
    for address, service_type in {(each.source, each.source_type or "") for each in DAY}:
        for analyzer in analyzers:
            analyzer.register(address, service_type, DAY[0].time)


def shape(knowledge: Knowledge) -> object:
    state = knowledge.state()
    return state.contributions, sorted(state.population), sorted(state.answers)


@pytest.mark.parametrize("count", [1, 4])
def test_it_learns_and_scores_as_one_analyzer_that_sees_everything(count: int) -> None:
    alone, workers = Analyzer.load(Analyzer().dump()), Workers(count)
    register_all(alone, *workers.analyzers)
    assert lived(DAY, workers) == lived_alone(DAY, alone)
    assert shape(workers.node.knowledge) == shape(alone.knowledge)
    for number in range(count):
        assert shape(workers.knowledge(number)) == shape(alone.knowledge)


def test_what_it_stores_goes_on_with_any_number_of_workers() -> None:
    half = len(DAY) // 2
    before = Workers(4)
    register_all(*before.analyzers)
    lived(DAY[:half], before)
    before.advance(DAY[half].time + MINUTE)
    stored = before.node.dump()
    alone = Analyzer.load(stored)
    three = Workers(3, stored)
    later = [each for each in DAY[half:] if each.time > DAY[half].time + 2 * MINUTE]
    # Sequences begin anew after a start, for whoever begins it; rates and rhythms go on.
    scores = lived(later, three), lived_alone(later, alone)
    assert scores[0] == scores[1]
    assert max(score.av for score in scores[0]) < 7


def reports(workers: Workers, *sources: str) -> list[Report]:
    """Each worker's first minute, in which one instance did something in each; all have heard of all."""
    for analyzer, source in zip(workers.analyzers, sources, strict=True):
        for address in sources:
            analyzer.register(address, "/light", START)
        teach(analyzer, access(START, source=source))
    found = [analyzer.report(START + MINUTE) for analyzer in workers.analyzers]
    return [report for report in found if report is not None]


def test_a_late_worker_is_waited_for_but_not_for_ever() -> None:
    workers = Workers(2)
    early, late = reports(workers, "/agent1/light1", "/agent1/light2")
    workers.node.report(1, msgspec.structs.replace(late, minute=late.minute and late.minute - 1, descriptors=[]), 99.0)
    workers.node.report(0, early, 100.0)
    assert workers.node.due(100.0 + PATIENCE / 2) == []
    (learnt,) = workers.node.due(100.0 + PATIENCE)
    assert len(learnt.descriptors) == 2, "what light2 did is not known yet, but it was there"
    (learnt,) = workers.node.report(1, late, 200.0)
    assert [bool(each.relationships) for each in learnt.descriptors] == [True]


def test_what_a_late_worker_s_instances_did_is_waited_for_with_them() -> None:
    workers = Workers(2)
    first = reports(workers, "/agent1/light1", "/agent1/light2")
    for number, report in enumerate(first):
        workers.tell(number, report)
    assert workers.node.knowledge.models["/light"].weight == 2
    for number, analyzer in enumerate(workers.analyzers):
        teach(analyzer, access(START + MINUTE, source=f"/agent1/light{number + 1}"))
    second = [analyzer.report(START + 2 * MINUTE) for analyzer in workers.analyzers]
    assert second[0] is not None
    assert second[1] is not None
    workers.node.report(0, second[0], 100.0)
    (learnt,) = workers.node.due(100.0 + PATIENCE)
    assert len(learnt.descriptors) == 1, "light2 belongs to the worker that is late"
    workers.node.report(1, second[1], 200.0)
    assert workers.node.knowledge.models["/light"].weight == 4


def test_what_a_worker_reported_before_it_ended_counts() -> None:
    workers = Workers(2)
    first, second = reports(workers, "/agent1/light1", "/agent1/light2")
    workers.node.report(0, first, 0.0)
    workers.node.leave(0)
    (learnt,) = workers.node.report(1, second, 0.1)
    assert len(learnt.descriptors) == 2


def test_a_worker_that_is_started_again_costs_no_minute_and_gives_none() -> None:
    workers, alone = Workers(2), Analyzer.load(Analyzer().dump())
    for analyzer in (*workers.analyzers, alone):
        analyzer.register("/agent1/light1", "/light", START)
    for minute in range(1, 9):
        if minute == 4:
            workers.node.leave(1)
            workers.analyzers[1] = Analyzer.load(workers.node.dump(1), replica=True)
            workers.node.join(1)
            workers.analyzers[1].register("/agent1/light1", "/light", START + minute * MINUTE - 1)
        workers.advance(START + minute * MINUTE)
        alone.advance(START + minute * MINUTE)
    assert workers.node.knowledge.models["/light"].weight == alone.models()["/light"].weight


def test_strangers_of_all_workers_add_up_and_all_hear_of_them() -> None:
    workers = Workers(4)
    for number, analyzer in enumerate(workers.analyzers):
        teach(analyzer, access(START, source=f"/agent1/light{number}"))
    for minute in (1, 2):
        workers.advance(START + minute * MINUTE)
    assert [analyzer._arrivals.unregistered for analyzer in workers.analyzers] == [4, 4, 4, 4]
    assert decode_state(workers.node.dump()).arrivals.unregistered == 4


def test_a_worker_begins_without_the_instances_of_another_but_all_are_stored() -> None:
    workers = Workers(2)
    for number, report in enumerate(reports(workers, "/agent1/light1", "/agent1/light2")):
        workers.tell(number, report)
    assert [each.address for each in decode_state(workers.node.dump(0)).instances] == ["/agent1/light1"]
    assert len(decode_state(workers.node.dump()).instances) == 2


def test_an_instance_that_two_workers_saw_counts_once() -> None:
    one, other, idle = (Descriptor(service_type="/light", minute=7) for _ in range(3))
    for descriptor, number in ((one, 1), (other, 2)):
        relationship = descriptor.relationships[READ] = Relationship(weight=1)
        for _ in range(number):
            relationship.fast.observe(1000, 7)
        descriptor.partners["/movement"] = number
    assert together(one, idle) is one
    assert together(idle, one) is one
    both = together(one, other)
    assert both.relationships[READ].weight == 1
    assert both.relationships[READ].fast.n == 3
    assert both.partners == {"/movement": 2}


def test_candidates_of_two_workers_corroborate_each_other() -> None:
    """Two of a site's three instances show it steadily, each at another worker: neither would get there alone."""
    workers = Workers(2)
    for address in ("/agent1/light1", "/agent1/light2", "/agent1/light3"):
        for analyzer in workers.analyzers:
            analyzer.register(address, "/light", START)
    workers.advance(START + MINUTE)
    new = Candidate("/light", "relationship", key_of(access(START)))
    for turn in range(2 * STEADY_FOR // MINUTE):
        time = START + 2 * MINUTE + turn * MINUTE
        for number in range(2):
            workers.knowledge(number).see(new, "here", f"/agent1/light{number + 1}", time)
            workers.see(number)
    assert new in workers.node.knowledge.answers
    assert all(workers.knowledge(number).answers[new].allowed for number in range(2))


def test_damaged_reports_are_told() -> None:
    with pytest.raises(ValueError, match="no report"):
        REPORT.decode(b"something else")
