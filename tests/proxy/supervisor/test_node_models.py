from __future__ import annotations

import pytest

from models.analyzer import Analyzer
from models.candidates import STEADY_FOR, WINDOW, Candidate
from models.communication_model import CommunicationModel
from models.exchange.shared import Others, Shared
from models.exchange.showings import Acceptance, Showings
from models.node import REPORT
from models.paper.analyzer import PaperAnalyzer
from models.relationship import key_of
from models.replica import Adopted, Decided, Learnt, Sighting, decode
from policy.document import Scoring
from policy.readiness import Observation
from proxy.supervisor.node_models import node_models
from tests.models.accesses import MINUTE, START, access, teach


def test_a_minute_is_learnt_once_all_workers_have_reported_it() -> None:
    models = node_models(Scoring.ALLEYES, None)
    workers = [Analyzer.load(models.dump(), replica=True) for _ in range(2)]
    steps = []
    for number, worker in enumerate(workers):
        models.join(number)
        teach(worker, access(START, source=f"/agent1/light{number}"))
    for number, worker in enumerate(workers):
        report = worker.report(START + MINUTE)
        assert report is not None
        steps.append(models.minute(number, REPORT.encode(report), 0.0))
    assert steps[0] == []
    (step,) = map(decode, steps[1])
    assert isinstance(step, Learnt)
    assert len(step.descriptors) == 2
    assert models.newest == START + MINUTE
    assert Analyzer.load(models.dump()).models()["/light"].weight == 2
    assert (models.newest, models.learnt) == (START + MINUTE, START + MINUTE)
    assert models.observations() == {"/light": Observation(2, 2, 1, all_minutes=2, sites=0)}


def told(weight: int) -> Others:
    model = CommunicationModel(service_type="/light", weight=weight)
    return Others(elsewhere=Shared(version="0", origins=2, supporters={}, model=model))


def test_what_the_federation_tells_reaches_all_workers_and_the_readiness() -> None:
    models = node_models(Scoring.ALLEYES, None)
    models.federate()
    assert models.learnt is None
    (adopted,) = models.adopt("/light", told(90))
    assert decode(adopted) == Adopted("/light", told(90))
    assert models.observations() == {"/light": Observation(0, 0, 0, all_minutes=90, sites=2)}
    assert list(models.contributions()) == []
    assert models.showings() == Showings(instances={}, open=[])
    acceptance = Acceptance(candidate=Candidate("/light", "relationship", key_of(access(START))), time=START)
    (accepted,) = models.accept([acceptance])
    assert decode(accepted) == Decided([acceptance.candidate], 0, told=True)
    assert models.accept([acceptance]) == []
    (withdrawn,) = models.withdraw([acceptance.candidate])
    assert decode(withdrawn) == Decided([], 0, withdrawn=[acceptance.candidate])
    assert models.withdraw([acceptance.candidate]) == []


def test_a_federation_that_is_heard_decides_about_what_lives_elsewhere() -> None:
    models = node_models(Scoring.ALLEYES, None)
    models.federate()
    models.adopt("/light", told(90))
    new = Candidate("/light", "relationship", key_of(access(START)))
    decided: list[int] = []
    half_an_hour = WINDOW // MINUTE
    for turn in range(2 * half_an_hour + 1):
        time = START + turn * MINUTE
        steps = models.see([Sighting(new, f"/agent1/light{number}", time) for number in (1, 2)])
        decided += [turn] * len(steps)
        if turn <= half_an_hour - 5:
            models.hear()
    assert decided == [2 * half_an_hour - 4], "once it was silent for longer than half an hour"


def test_what_waits_is_learnt_at_the_end() -> None:
    models = node_models(Scoring.ALLEYES, None)
    worker = Analyzer.load(models.dump(), replica=True)
    models.join(0)
    models.join(1)
    teach(worker, access(START))
    report = worker.report(START + MINUTE)
    assert report is not None
    assert models.minute(0, REPORT.encode(report), 0.0) == []
    assert models.due(1.0) == []
    models.finish()
    assert Analyzer.load(models.dump()).models()["/light"].weight == 1


def test_candidates_that_workers_saw_are_decided_on() -> None:
    models = node_models(Scoring.ALLEYES, None)
    worker = Analyzer.load(models.dump(), replica=True)
    models.join(0)
    for number in (1, 2):
        worker.register(f"/agent1/light{number}", "/light", START)
    report = worker.report(START + MINUTE)
    assert report is not None
    models.minute(0, REPORT.encode(report), 0.0)
    new = Candidate("/light", "relationship", key_of(access(START)))
    steps: list[bytes] = []
    for turn in range(2 * STEADY_FOR // MINUTE):
        time = START + turn * MINUTE
        steps += models.see([Sighting(new, f"/agent1/light{number}", time) for number in (1, 2)])
    (step,) = map(decode, steps)
    assert isinstance(step, Decided)
    assert step.accepted == [new]


def test_the_paper_s_models_are_those_of_their_one_worker() -> None:
    models = node_models(Scoring.PAPER, None)
    worker = PaperAnalyzer.load(models.dump())
    teach(worker, access(START))
    worker.advance(START + MINUTE)
    models.join(0)
    assert models.minute(0, worker.dump(), 0.0) == []
    assert models.dump() == worker.dump()
    assert node_models(Scoring.PAPER, worker.dump()).newest == START + MINUTE
    assert models.see([]) == models.due(5.0) == []
    models.federate()
    models.hear()
    assert models.adopt("/light", told(90)) == models.accept([]) == []
    assert list(models.contributions()) == []
    assert models.showings() == Showings(instances={}, open=[])
    models.leave(0)
    models.finish()


@pytest.mark.parametrize("scoring", Scoring)
def test_damaged_models_are_told(scoring: Scoring) -> None:
    with pytest.raises(ValueError, match="first bytes are wrong"):
        node_models(scoring, b"something else")


def test_a_report_that_cannot_be_read_is_told() -> None:
    models = node_models(Scoring.ALLEYES, None)
    with pytest.raises(ValueError, match="no report"):
        models.minute(0, b"something else", 0.0)
