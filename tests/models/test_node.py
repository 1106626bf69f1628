"""A node with several workers learns, and scores, as one analyzer that sees everything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from zlib import crc32

import msgspec
import pytest

from models.access import Access
from models.analyzer import Analyzer
from models.arrivals import Arrivals
from models.candidates import ANSWER_WITHIN, STEADY_FOR, WINDOW, Candidate, Sightings
from models.codec import MAGIC, VERSION
from models.codec import decode as decode_state
from models.contributions import Contribution
from models.descriptor import Descriptor
from models.exchange.pool import Pool
from models.exchange.shared import Others, Shared
from models.exchange.showings import Acceptance, Showing
from models.framing import Frame
from models.instance import InstanceState
from models.knowledge import Answer, Knowledge
from models.node import PATIENCE, REPORT, Node, Report, together
from models.relationship import Key, Relationship, key_of
from models.replica import Replica, Sighting, decode, encode
from models.score import Score
from models.simulation.scenario import Scenario, simulate
from models.wire import encode_model
from tests.models.accesses import MINUTE, START, access, teach

DAY = [row.access for row in simulate(Scenario.of({"hours": 1.0, "seed": 5}))]
READ = Key("/movement", own=False, operation="get", data_type="/derived/boolean")
POISON = Key("/lock", own=False, operation="set", data_type="/basic/text")
NEW = Candidate("/light", "relationship", POISON)


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

    def adopt(self, service_type: str, others: Others | None) -> None:
        step = decode(encode(self.node.adopt(service_type, others)))
        for each in self.analyzers:
            each.follow(step)

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


def shape(knowledge: Knowledge) -> tuple[Any, ...]:
    state = knowledge.state()
    return state.contributions, sorted(state.population), sorted(state.answers), state.elsewhere, knowledge.models


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


def learnt(*keys: Key, minutes: int = 120, begin: int = START // MINUTE) -> Iterator[Descriptor]:
    for minute in range(begin, begin + minutes):
        relationships = {}
        for key in keys:
            relationship = relationships[key] = Relationship(weight=1)
            relationship.fast.observe(1000, minute)
        yield Descriptor(service_type="/light", minute=minute, relationships=relationships)


def told(*sites: Iterable[Descriptor]) -> Shared:
    """What a global service tells of some sites."""
    pool = Pool("/light")
    for number, descriptors in enumerate(sites):
        knowledge = Knowledge()
        knowledge.fold(descriptors)
        (model,) = knowledge.contributions()
        pool.put(f"site{number}", Contribution(epoch=1, sequence=1, model=model))
    return pool.without(None)


ELSEWHERE = Others(elsewhere=told(learnt(READ), learnt(READ), learnt(READ)))


def contributed(node: Node) -> list[bytes]:
    return [encode_model(model) for model in node.contributions()]


def sor(knowledge: Knowledge, key: Key) -> float:
    form = knowledge.form("/light")
    assert form is not None
    return form.norm(key).sor


class Federation:
    """Nodes of one worker each, one node a site, that tell each other what they learnt once a minute."""

    def __init__(self, sites: int) -> None:
        self.sites = [Workers(1) for _ in range(sites)]
        self.pools: dict[str, Pool] = {}
        self.minute = 0

    def advance(self, time: int) -> None:
        for site in self.sites:
            site.advance(time)
        if time // MINUTE == self.minute:
            return
        self.minute = time // MINUTE
        for number, site in enumerate(self.sites):
            for model in site.node.contributions():
                pool = self.pools.setdefault(model.service_type, Pool(model.service_type))
                pool.put(f"site{number}", Contribution(epoch=1, sequence=self.minute, model=model))
        for number, site in enumerate(self.sites):
            for name, pool in self.pools.items():
                site.adopt(name, Others(elsewhere=pool.without(f"site{number}")))


class AllKnowing:
    """The same sites as the evaluation has them: one knowledge that is told of all descriptors."""

    def __init__(self, sites: int) -> None:
        self.knowledge = Knowledge()
        self.sites = [Analyzer(knowledge=self.knowledge, site=f"site{number}") for number in range(sites)]
        self.minute = 0

    def advance(self, time: int) -> None:
        for number, site in enumerate(self.sites):
            self.knowledge.fold(site.advance(time), f"site{number}")
        self.knowledge.read()


def unversioned(score: Score) -> Score:
    return msgspec.structs.replace(score, model_version="")


def test_sites_that_tell_each_other_score_as_one_knowledge_of_all() -> None:
    federation, all_knowing = Federation(4), AllKnowing(4)
    scores: list[tuple[Score, Score]] = []
    for each in [row.access for row in simulate(Scenario.of({"hours": 0.4, "seed": 5, "sites": 4}))]:
        federation.advance(each.time)
        all_knowing.advance(each.time)
        number = crc32(each.source.split("/")[1].encode()) % 4
        pair = federation.sites[number].analyzers[0], all_knowing.sites[number]
        scores.append((unversioned(pair[0].score(each)), unversioned(pair[1].score(each))))
        for analyzer in pair:
            analyzer.learn(each)
    assert [ours for ours, _ in scores] == [theirs for _, theirs in scores]
    assert sum(score.som for score, _ in scores) > len(scores) / 2
    for name, model in all_knowing.knowledge.models.items():
        form = all_knowing.knowledge.form(name)
        for site in federation.sites:
            ours = site.node.knowledge.form(name)
            assert form is not None
            assert ours is not None
            assert site.node.knowledge.models[name] == model
            assert [ours.norm(key) for key in model.relationships] == [form.norm(key) for key in model.relationships]


def test_all_workers_adopt_the_same_and_one_that_begins_later_has_it() -> None:
    workers = Workers(3)
    register_all(*workers.analyzers)
    name = DAY[0].source_type or ""
    lived(DAY[:300], workers)
    workers.adopt(name, Others(elsewhere=of_type(name)))
    lived(DAY[300:600], workers)
    workers.adopt("/light", ELSEWHERE)
    assert shape(workers.node.knowledge)[4][name].weight > 360
    late = Analyzer.load(workers.node.dump(1), replica=True)
    for knowledge in (*(workers.knowledge(number) for number in range(3)), late.knowledge):
        assert shape(knowledge) == shape(workers.node.knowledge)
        for each in workers.node.knowledge.models:
            ours, theirs = knowledge.form(each), workers.node.knowledge.form(each)
            assert ours is not None
            assert theirs is not None
            assert (ours.version, ours.unknown) == (theirs.version, theirs.unknown)


def of_type(name: str) -> Shared:
    assert ELSEWHERE.elsewhere is not None
    model = msgspec.structs.replace(ELSEWHERE.elsewhere.model, service_type=name)
    return msgspec.structs.replace(ELSEWHERE.elsewhere, model=model)


def test_what_is_told_is_what_was_learnt_here_whatever_was_adopted() -> None:
    workers = Workers(1)
    workers.node.knowledge.fold(learnt(READ, minutes=5))
    before = contributed(workers.node)
    for others in (ELSEWHERE, Others(site=told(learnt(POISON))), None):
        workers.adopt("/light", others)
        assert contributed(workers.node) == before
    workers.adopt("/phone", Others(elsewhere=of_type("/phone")))
    assert contributed(workers.node) == before, "what only others know is not told as ours"


def test_what_was_adopted_can_be_forgotten_to_the_last_digit() -> None:
    node, never = Node(), Node()
    for each in (node, never):
        each.knowledge.fold(learnt(READ, minutes=5))
        each.knowledge.read()
    for name in ("/light", "/phone"):
        node.adopt(name, Others(elsewhere=of_type(name)))
    assert node.dump() != never.dump()
    for name in ("/light", "/phone"):
        node.adopt(name, None)
    assert node.dump() == never.dump()
    assert sor(node.knowledge, READ) == sor(never.knowledge, READ)


def test_what_a_subverted_site_learnt_weighs_nothing_once_others_are_heard() -> None:
    subverted = Node()
    subverted.knowledge.fold(learnt(READ, POISON, minutes=60))
    subverted.knowledge.read()
    assert sor(subverted.knowledge, POISON) < 1
    subverted.adopt("/light", ELSEWHERE)
    never_seen = Key("/never", own=False, operation="get", data_type="")
    assert sor(subverted.knowledge, POISON) == sor(subverted.knowledge, never_seen)
    assert sor(subverted.knowledge, READ) < 1
    subverted.adopt("/light", Others(elsewhere=told(learnt(READ, POISON), learnt(READ))))
    assert sor(subverted.knowledge, POISON) < 1, "a second site shows it as well"


def test_a_site_that_begins_knows_what_the_others_know() -> None:
    beginner = Node()
    beginner.adopt("/light", ELSEWHERE)
    form = beginner.knowledge.form("/light")
    assert form is not None
    assert form.som == 1
    assert (sor(beginner.knowledge, READ) < 1, sor(beginner.knowledge, POISON) > 7) == (True, True)


def test_what_was_adopted_outlives_a_restart() -> None:
    node = Node()
    node.knowledge.fold(learnt(READ, minutes=5))
    node.adopt("/light", ELSEWHERE)
    node.accept([Acceptance(candidate=NEW, time=START)])
    again = Node(node.dump())
    assert shape(again.knowledge) == shape(node.knowledge)
    form = again.knowledge.form("/light")
    assert form is not None
    assert form.accepts("relationship", POISON)
    assert form.som == 1


class StateBefore(msgspec.Struct, frozen=True, kw_only=True):
    """`KnowledgeState` as it was when there was no federation."""

    origin: str
    contributions: dict[str, dict[str, Contribution]]
    population: list[tuple[str, str, int, int]]
    open: list[tuple[Candidate, Sightings]]
    answers: list[tuple[Candidate, Answer]]


class AnalyzerBefore(msgspec.Struct, frozen=True, kw_only=True):
    origin: str
    newest: int
    minute: int | None
    arrivals: Arrivals
    knowledge: StateBefore
    instances: list[InstanceState]


def test_files_from_before_there_was_a_federation_are_read() -> None:
    workers = Workers(1)
    lived(DAY[:200], workers)
    workers.advance(DAY[200].time + MINUTE)
    state = decode_state(workers.node.dump())
    fields = {name: getattr(state, name) for name in AnalyzerBefore.__struct_fields__}
    fields["knowledge"] = StateBefore(
        **{name: getattr(state.knowledge, name) for name in StateBefore.__struct_fields__}
    )
    file = Frame(AnalyzerBefore, magic=MAGIC, version=VERSION, foreign="")
    again = Node(file.encode(AnalyzerBefore(**fields)))
    assert again.knowledge.models
    assert shape(again.knowledge) == shape(workers.node.knowledge)


def steadily(node: Node, minutes: int = 2 * STEADY_FOR // MINUTE, begin: int = START) -> None:
    """Two of two instances show a candidate each minute, which is enough where nobody else can be asked."""
    for turn in range(minutes):
        time = begin + turn * MINUTE
        node.see([Sighting(NEW, f"/agent1/light{number}", time) for number in (1, 2)])


def living_here() -> Node:
    """A node with two instances that begins after a night."""
    node = Node()
    node.knowledge.fold(each for _ in range(2) for each in learnt(READ, minutes=1))
    node.knowledge.read()
    return Node(node.dump())


def test_a_node_without_a_federation_decides_by_itself() -> None:
    node = living_here()
    steadily(node)
    assert NEW in node.knowledge.answers


def test_where_the_type_lives_elsewhere_the_federation_decides() -> None:
    node = living_here()
    node.federated = True
    node.adopt("/light", ELSEWHERE)
    node.hear()
    steadily(node)
    assert NEW not in node.knowledge.answers
    step = node.accept([Acceptance(candidate=NEW, time=START)])
    assert step is not None
    assert step.accepted == [NEW]
    assert node.knowledge.answers[NEW].allowed


def test_a_type_that_lives_nowhere_else_is_decided_here_once_that_is_known() -> None:
    node = living_here()
    node.federated = True
    steadily(node)
    assert NEW not in node.knowledge.answers, "who has not heard yet does not know where else it lives"
    node.hear()
    steadily(node, begin=START + WINDOW // 2)
    assert NEW in node.knowledge.answers


def test_a_node_that_hears_nothing_for_long_decides_by_itself() -> None:
    node = living_here()
    node.federated = True
    node.adopt("/light", ELSEWHERE)
    node.hear()
    steadily(node, minutes=WINDOW // MINUTE)
    assert NEW not in node.knowledge.answers
    steadily(node, begin=START + WINDOW)
    assert NEW in node.knowledge.answers


def test_a_federation_that_is_heard_but_accepts_nothing_is_not_waited_for_without_end() -> None:
    node = living_here()
    node.federated = True
    node.adopt("/light", ELSEWHERE)
    minutes = ANSWER_WITHIN // MINUTE
    for hour in range(0, minutes, 10):
        node.hear()
        steadily(node, begin=START + hour * MINUTE, minutes=10)
    assert NEW not in node.knowledge.answers
    node.hear()
    steadily(node, begin=START + minutes * MINUTE, minutes=10)
    assert NEW in node.knowledge.answers


def test_what_was_silent_for_a_day_is_waited_for_anew() -> None:
    node = living_here()
    node.federated = True
    node.adopt("/light", ELSEWHERE)
    node.hear()
    steadily(node)
    later = START + ANSWER_WITHIN + WINDOW
    node.see([Sighting(NEW._replace(key=READ), "/agent1/light1", later)])
    node.hear()
    steadily(node, begin=later + MINUTE)
    assert NEW not in node.knowledge.answers


def test_any_word_of_the_federation_counts_as_heard() -> None:
    node = living_here()
    node.federated = True
    node.adopt("/light", ELSEWHERE)
    for turn in range(4):
        node.accept([])
        steadily(node, begin=START + turn * WINDOW // 2, minutes=WINDOW // 2 // MINUTE)
    assert NEW not in node.knowledge.answers


def test_an_acceptance_that_arrives_twice_is_one_and_a_human_s_answer_wins() -> None:
    node = living_here()
    acceptance = Acceptance(candidate=NEW, time=START)
    step = node.accept([acceptance, acceptance])
    assert step is not None
    assert step.accepted == [NEW]
    assert node.accept([acceptance]) is None
    refused = NEW._replace(detail="open")
    node.knowledge.answer(refused, allowed=False, now=START)
    assert node.accept([Acceptance(candidate=refused, time=START)]) is None
    assert not node.knowledge.answers[refused].allowed


def test_what_others_take_back_is_refused_again_in_every_copy() -> None:
    node = living_here()
    copy = Replica.restored(node.knowledge.state())
    copy.read()
    own, answered, never = (NEW._replace(detail=name) for name in ("own", "answered", "never"))
    node.knowledge.answer(answered, allowed=True, now=START)
    node.knowledge.answer(own, allowed=True, now=START, human=False)
    for step in (
        node.accept([Acceptance(candidate=each, time=START) for each in (NEW, answered)]),
        node.withdraw([own, answered, never]),
    ):
        assert step is None or step.accepted == [NEW]
        if step is not None:
            copy.follow(decode(encode(step)))
    forms = [each.form("/light") for each in (node.knowledge, copy)]
    assert [form is not None and form.accepts("relationship", NEW.key) for form in forms] == [True, True]

    step = Node(node.dump()).withdraw([NEW])
    assert step == node.withdraw([NEW, NEW]), "also after a restart"
    assert step is not None
    copy.follow(decode(encode(step)))
    forms = [each.form("/light") for each in (node.knowledge, copy)]
    assert [form is not None and form.accepts("relationship", NEW.key) for form in forms] == [False, False]
    assert set(node.knowledge.answers) == {own, answered}, "what was decided here stays"
    assert node.withdraw([NEW]) is None
    # It is shown again, and accepted again.
    node.see([Sighting(NEW, "/agent1/light1", START + MINUTE)])
    assert [each.candidate for each in node.showings().open] == [NEW]
    assert node.accept([Acceptance(candidate=NEW, time=START)]) is not None


def test_what_was_accepted_here_and_by_others_goes_with_them() -> None:
    node = living_here()
    steadily(node)
    assert NEW in node.knowledge.answers
    assert node.accept([Acceptance(candidate=NEW, time=START)]) is not None
    assert node.withdraw([NEW]) is not None
    assert NEW not in node.knowledge.answers


def test_what_is_told_of_candidates_are_numbers_of_instances() -> None:
    node = living_here()
    node.federated = True
    node.hear()
    node.adopt("/light", ELSEWHERE)
    steadily(node)
    node.see([Sighting(NEW, "/agent1/light3", START + 9 * MINUTE)])
    told = node.showings()
    assert told.instances == {"/light": 2}
    last = START + 9 * MINUTE
    assert told.open == [Showing(candidate=NEW, recent=3, persistent=2, onset=START, last=last)]
    node.accept([Acceptance(candidate=NEW, time=START)])
    assert node.showings().open == []
