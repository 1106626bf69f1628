"""One mechanism less, and everything as it was afterwards."""

from __future__ import annotations

import math

import pytest

from benchmarks.omission import OMISSIONS, RATES, TERMS, left_out, reduced
from models import flood
from models.access import Access, Operation
from models.analyzer import Analyzer
from models.anomaly import LOCATION, PARTNER, RATE, VALUE
from models.candidates import WINDOW, Candidate
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.descriptor import Descriptor
from models.flood import LeakyCounters
from models.knowledge import Knowledge
from models.normal_form import RELATIONSHIP, NormalForm
from models.relationship import Key, Relationship
from models.score import Named, Score
from models.simulation.trace import NORMAL, Observed
from policy.document import PolicyDocument
from proxy.evaluation.shipped import FederatedSubject
from proxy.evaluation.sites import SiteMap

START = 1_767_225_600_000
MINUTE = 60_000
CANDIDATE = Candidate("/lock", RELATIONSHIP, Key("/heating", own=False, operation="set", data_type="/basic/number"))
SITES = ("1", "2", "3", "4")


def access(
    time: int, operation: Operation = Operation.SET, value: str | None = "20.0", agent: str = "agent1"
) -> Access:
    own = f"/{agent}/tempin1"
    return Access(
        time=time,
        source=own,
        source_type="/sensor",
        destination=own,
        destination_type="/sensor",
        node=own,
        operation=operation,
        data_type="/sensor",
        value=value,
    )


def vouched(mechanism: str | None, sightings: list[tuple[str, str, int]], now: int) -> bool:
    """Whether sites with six locks each take a candidate for expected, by what (site, instance, time) showed of it."""
    known = Knowledge()
    for site in SITES:
        known.fold([Descriptor(service_type="/lock", minute=now // MINUTE) for _ in range(6)], site)
    for site, instance, time in sorted(sightings, key=lambda each: each[2]):
        known.see(CANDIDATE, site, instance, time)
    with left_out(mechanism):
        return bool(known.deliberate(now))


def refused(mechanism: str | None, rows: list[Observed]) -> list[bool]:
    with left_out(mechanism) as analyzer:
        subject = FederatedSubject(PolicyDocument(), SiteMap(), analyzer=analyzer)
        return [subject.judge(row.access).refused for row in rows]


def test_terms_are_those_of_the_score() -> None:
    assert {RELATIONSHIP, RATE, VALUE} <= set(TERMS)
    analyzer = Analyzer()
    analyzer.learn(access(START))
    analyzer.advance(START + MINUTE)
    score = analyzer.score(access(START + MINUTE))
    assert set(TERMS) <= set(score.terms)
    assert score.av == score.som * max(score.terms[term] for term in TERMS)


@pytest.mark.parametrize("term", TERMS)
def test_a_score_without_a_term_is_that_of_the_others(term: str) -> None:
    terms = {name: float(number) for number, name in enumerate(TERMS, start=1)} | dict.fromkeys(RATES, 1.0)
    score = Score(
        av=0.5 * len(TERMS), som=0.5, sor=0, soa=0, deciding=term, evidence=Named(terms), model_version="node:1"
    )
    found = reduced(score, term)
    assert found.terms == terms | {term: 0.0}
    assert found.av == (0.5 * (len(TERMS) - 1) if term == TERMS[-1] else score.av)


def test_without_one_time_scale_the_rate_is_what_the_other_says() -> None:
    terms = dict.fromkeys(TERMS, 0.0) | {"rate_fast": 3.0, "rate_slow": 9.0, RATE: 9.0}
    score = Score(av=9.0, som=1.0, sor=0, soa=9.0, deciding=RATE, evidence=Named(terms), model_version="node:1")
    assert reduced(score, "rate_slow").av == reduced(score, "rate_slow").terms[RATE] == 3.0
    assert reduced(score, "rate_fast").av == 9.0


def test_what_a_left_out_term_would_have_refused_teaches_and_is_no_candidate() -> None:
    rows = [Observed(access(START + turn * 20_000, value=f"{19.6 + turn % 9 / 10:.1f}"), NORMAL) for turn in range(900)]
    rows.append(Observed(access(START + 900 * 20_000, value="85"), "heat"))
    assert refused(None, rows) == [False] * 900 + [True]
    assert refused(VALUE, rows) == [False] * 901


@pytest.mark.parametrize(("mechanism", "av"), [(LOCATION, 8.0), (PARTNER, 9.0), ("location+partner", 1.0)])
def test_of_two_terms_each_hides_what_the_other_finds(
    mechanism: str, av: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = dict.fromkeys((*TERMS, *RATES), 0.0) | {LOCATION: 9.0, PARTNER: 8.0, VALUE: 1.0}
    score = Score(av=9.0, som=1.0, sor=0, soa=9.0, deciding=LOCATION, evidence=Named(terms), model_version="node:1")
    monkeypatch.setattr(Analyzer, "score", lambda *_: score)
    with left_out(mechanism) as analyzer:
        assert analyzer().score(access(START)).av == av


def test_everything_is_as_before_when_a_mechanism_was_left_out() -> None:
    def replaced() -> list[object]:
        return [getattr(where, name) for each in OMISSIONS.values() for where, name, _ in each.replaced]

    before = replaced()
    assert len(before) >= 9
    for mechanism, omission in OMISSIONS.items():
        with left_out(mechanism) as analyzer:
            assert [getattr(where, name) for where, name, _ in omission.replaced] == [
                what for *_, what in omission.replaced
            ]
            assert issubclass(analyzer, Analyzer)
        assert replaced() == before
    with pytest.raises(ZeroDivisionError), left_out("sites"):
        raise ZeroDivisionError
    assert replaced() == before
    with left_out(None) as analyzer:
        assert analyzer is Analyzer
        assert replaced() == before


def pair(site: str, time: int) -> list[tuple[str, str, int]]:
    """A third of a site's locks."""
    return [(site, f"/agent{site}/lock{number}", time) for number in range(2)]


def test_sites_vouch_for_nothing() -> None:
    both = pair("1", START) + pair("2", START)
    assert vouched(None, both, START)
    assert not vouched("sites", both, START)


def test_a_poisoned_site_vouches_for_the_others_unless_it_matters_when_it_began() -> None:
    now = START + 8 * WINDOW
    goes_on = [sighting for turn in range(9) for sighting in pair("1", START + turn * WINDOW)]
    assert not vouched(None, goes_on + pair("2", now), now)
    assert vouched("onsets", goes_on + pair("2", now), now)


def test_one_instance_speaks_for_a_site_unless_it_takes_a_third() -> None:
    ones = [("1", "one", START), ("2", "two", START)]
    assert not vouched(None, ones, START)
    assert vouched("third", ones, START)


def test_what_spreads_from_site_to_site_is_accepted_once_nearly_all_show_it() -> None:
    now = START + 8 * WINDOW
    spread = [
        sighting
        for number, site in enumerate(SITES)
        for time in (START + 2 * number * WINDOW, now)
        for sighting in pair(site, time)
    ]
    assert vouched(None, spread, now)
    assert not vouched("nearly all", spread, now)


def test_a_lone_site_accepts_nothing_by_itself() -> None:
    steadily = [("1", f"lock{number}", START + turn * 2 * MINUTE) for number in range(2) for turn in range(8)]

    def agreed(mechanism: str | None) -> bool:
        known = Knowledge()
        known.fold([Descriptor(service_type="/lock", minute=START // MINUTE) for _ in range(2)])
        for _, instance, time in steadily:
            known.see(CANDIDATE, "here", instance, time)
        with left_out(mechanism):
            return bool(known.deliberate(steadily[-1][2]))

    assert agreed(None)
    assert not agreed("agreement")


@pytest.mark.parametrize(("mechanism", "weighs"), [(None, False), ("quorate", True)])
def test_what_one_site_of_three_does_weighs_for_all(mechanism: str | None, *, weighs: bool) -> None:
    relationship = Relationship(weight=1)
    relationship.fast.observe(1, START // MINUTE)
    model = CommunicationModel(service_type="/lock", weight=100, relationships={CANDIDATE.key: relationship})
    with left_out(mechanism):
        form = NormalForm(model, version="here:1", sites=3, supporters={CANDIDATE.key: 1})
        assert bool(form.norm(CANDIDATE.key).weight) is weighs


def test_what_one_site_did_all_day_weighs_nothing() -> None:
    relationship = Relationship(weight=1)
    for minute in (0, 24 * 60):
        relationship.fast.observe(1, START // MINUTE + minute)
    model = CommunicationModel(service_type="/lock", weight=100, relationships={CANDIDATE.key: relationship})
    weights = []
    for mechanism in (None, "established"):
        with left_out(mechanism):
            form = NormalForm(model, version="here:1", sites=3, supporters={CANDIDATE.key: 1})
            weights.append(form.norm(CANDIDATE.key).weight)
    assert weights == [1, 0]


def test_a_flow_never_has_a_habit() -> None:
    with left_out("habit"):
        habit = flood.Habit()
        for _ in range(2 * 512):
            habit.observe(3.0)
        assert habit.excess(4.0, 3.0) == math.inf
    habit.count = 512
    assert habit.excess(4.0, 3.0) < 1


def test_a_pause_ends_nothing() -> None:
    feature = ClusteringFeature()
    feature.observe(3 * flood.UNIT, 0)
    with left_out("pause"):
        without = flood.level(feature, flood.SLOW)
    usual = flood.level(feature, flood.SLOW)
    assert without is not None
    assert usual is not None
    assert without.pause == math.inf
    assert usual.pause < flood.SLOW


def test_time_goes_back_with_a_late_stamp() -> None:
    def count() -> LeakyCounters:
        counters = LeakyCounters(START)
        for time in (0, 20_000, 15_000):
            counters.hit(START + time)
        return counters

    usual = count()
    with left_out("late stamps"):
        without = count()
        LeakyCounters(START).hit(0)  # years back
    assert without.fast > usual.fast
    assert (without.time, usual.time) == (START + 15_000, START + 20_000)


def test_who_never_registered_never_counts() -> None:
    rows = [Observed(access(START + turn * 20_000), NORMAL) for turn in range(30)]

    def weight(mechanism: str | None, begin: list[Observed]) -> int:
        with left_out(mechanism) as analyzer:
            subject = FederatedSubject(PolicyDocument(), SiteMap(), analyzer=analyzer)
            for row in begin + rows:
                subject.judge(row.access)
            return sum(model.weight for each in subject.knowledge for model in each.models.values())

    registration = Observed(access(START, Operation.REGISTER, None), NORMAL)
    assert weight(None, []) >= 8
    assert weight("learnt instances", []) == 0
    assert weight("learnt instances", [registration]) >= 8
