"""A small world of three sites, each with two agents of three light controllers, that only look at their sensors."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.contributions import MAX_ORIGINS
from models.normal_form import FULL_SUPPORT
from policy.document import PolicyDocument
from proxy.evaluation.exchange_clock import EXCHANGE
from proxy.evaluation.shipped import MAX_NODES, FederatedSubject, Federation
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.subject import Judgement
from proxy.evaluation.trace import TraceError
from tests.models.accesses import MINUTE, START

SITES = SiteMap.parse("1-2,3-4,5-6")
CYCLE = 20_000
HOUR = 60 * MINUTE


def subject(federation: Federation = Federation.LIVE, state: bytes | None = None) -> FederatedSubject:
    return FederatedSubject(PolicyDocument(), SITES, federation, state)


def look(agent: int, number: int, time: int, partner: str = "movement") -> Access:
    return Access(
        time=START + time,
        source=f"/agent{agent}/light{number}",
        source_type="/light",
        source_location=f"room{agent}{number}",
        destination=f"/agent{agent}/{partner}{number}",
        destination_type=f"/{partner}",
        destination_location=f"room{agent}{number}",
        node=f"/agent{agent}/{partner}{number}",
        operation=Operation.GET,
        data_type="/basic/number",
    )


def usual(begin: int, end: int) -> Iterator[Access]:
    for turn in range(begin, end, CYCLE):
        for agent in range(1, 7):
            for number in range(3):
                yield look(agent, number, turn + 1000 * agent + 300 * number)


def play(judge: FederatedSubject, *accesses: Access) -> list[Judgement]:
    return [judge.judge(each) for each in sorted(accesses, key=lambda each: each.time)]


def refused(judgements: list[Judgement]) -> int:
    return sum(each.refused for each in judgements)


@pytest.mark.parametrize("federation", list(Federation))
def test_normal_traffic_passes(federation: Federation) -> None:
    assert refused(play(subject(federation), *usual(0, 2 * HOUR))) == 0


@pytest.mark.parametrize("federation", list(Federation))
def test_what_no_service_of_the_type_ever_did_is_refused(federation: Federation) -> None:
    judge = subject(federation)
    play(judge, *usual(0, 2 * HOUR))
    assert refused(play(judge, *[look(1, 0, 2 * HOUR + index, "lock") for index in range(50)])) == 50


def test_what_a_site_learns_protects_the_others() -> None:
    spying = look(1, 0, 10 * MINUTE, "lock")
    alone, together = subject(Federation.ISOLATED), subject(Federation.LIVE)
    known = [access for access in usual(0, 10 * MINUTE) if access.source.startswith(("/agent3", "/agent5"))]
    for judge in (alone, together):
        play(judge, *known, look(1, 0, 0))
    assert not alone.judge(spying).refused
    assert together.judge(spying).refused


def test_update_is_accepted_when_a_second_site_shows_it_and_not_before() -> None:
    judge = subject()
    play(judge, *usual(0, 2 * HOUR))
    begin = 2 * HOUR
    first = [look(1, number, begin + CYCLE * turn, "tempin") for turn in range(30) for number in range(3)]
    assert refused(play(judge, *first)) == len(first)
    begin += 10 * MINUTE
    assert judge.judge(look(3, 0, begin, "tempin")).refused
    begin += 2 * EXCHANGE  # one of the second site's six light controllers does not speak for it, a third of them do
    assert judge.judge(look(1, 0, begin, "tempin")).refused
    assert judge.judge(look(4, 1, begin, "tempin")).refused
    assert not judge.judge(look(1, 0, begin + EXCHANGE, "tempin")).refused
    assert not judge.judge(look(5, 2, begin + EXCHANGE + 1, "tempin")).refused


def test_sites_that_share_nothing_agree_only_with_themselves() -> None:
    judge = subject(Federation.ISOLATED)
    play(judge, *usual(0, 2 * HOUR))
    begin = 2 * HOUR
    two_sites = [look(agent, 0, begin + CYCLE * turn, "tempin") for turn in range(60) for agent in (1, 3)]
    assert refused(play(judge, *two_sites)) == len(two_sites)
    whole_site = [
        look(agent, number, begin + HOUR + CYCLE * turn + number, "tempin")
        for turn in range(60)
        for agent in (1, 2)
        for number in range(3)
    ]
    answers = play(judge, *whole_site)
    assert refused(answers[:60]) == 60
    assert refused(answers[-60:]) == 0


def test_flood_is_refused_from_its_sixth_access_on() -> None:
    judge = subject()
    play(judge, *usual(0, 2 * HOUR))
    flood = play(judge, *[look(1, 0, 2 * HOUR + CYCLE + index) for index in range(2000)])
    assert all(each.refused for each in flood[6:])


def test_warm_start_knows_from_the_first_access_on() -> None:
    teacher = Analyzer()
    for each in usual(0, 2 * HOUR):
        teacher.advance(each.time)
        teacher.score(each)
        teacher.learn(each)
    judge = subject(state=teacher.dump())
    assert judge.judge(look(1, 0, 3 * HOUR, "lock")).refused
    assert not judge.judge(look(1, 0, 3 * HOUR)).refused


def test_state_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="not a file of models"):
        subject(state=b"nonsense")


def test_modes_and_quarantines_of_the_policy_are_not_carried_out() -> None:
    policy = PolicyDocument.model_validate(
        {"mode": "learn", "service_types": {"/light": {"mode": "monitor", "thresholds": {"block": 5, "alert": 2}}}}
    )
    judge = FederatedSubject(policy, SITES, Federation.LIVE)
    play(judge, *usual(0, 2 * HOUR))
    assert all(each.refused for each in play(judge, *[look(1, 0, 2 * HOUR + index, "lock") for index in range(9)]))
    assert not judge.judge(look(1, 0, 2 * HOUR + CYCLE)).refused


def test_scores_do_not_depend_on_the_names_of_instances() -> None:
    accesses = [*usual(0, FULL_SUPPORT * MINUTE), look(2, 1, FULL_SUPPORT * MINUTE, "lock")]
    renamed = [
        msgspec.structs.replace(
            each,
            source=each.source.replace("light", "lamp"),
            destination=each.destination.replace("movement", "pir"),
            node=each.node.replace("movement", "pir"),
        )
        for each in accesses
    ]
    assert play(subject(), *accesses) == play(subject(), *renamed)


def test_odd_sources_are_judged_like_any() -> None:
    judge = subject()
    for source in ("", "/", "agent", "/agent1", "//x", "/agent99999999999999999999/light"):
        judge.judge(msgspec.structs.replace(look(1, 0, 0), source=source))
        assert judge.judge(msgspec.structs.replace(look(1, 0, 1), source=source, source_type=None)) == (0.0, False)


def test_learning_goes_on_after_single_time_stamps_of_the_future() -> None:
    judge = subject()
    usually = list(usual(0, 2 * HOUR))
    for place in (100, 1000):
        usually.insert(place, look(1, 0, 5 * 24 * HOUR + place))
    assert refused([judge.judge(each) for each in usually]) == 0
    assert judge.judge(look(1, 0, 2 * HOUR, "lock")).refused


def test_learning_goes_on_after_time_stepped_back_for_good() -> None:
    judge = subject()
    play(judge, *usual(48 * HOUR, 48 * HOUR + 2 * MINUTE))
    assert refused(play(judge, *usual(0, 2 * HOUR))) == 0
    assert judge.judge(look(1, 0, 2 * HOUR, "lock")).refused


def test_a_trace_of_too_many_agents_is_refused_with_a_remedy() -> None:
    judge = subject()
    with pytest.raises(TraceError, match=f"more than {MAX_NODES} agents.*split it by sites"):
        play(judge, *(look(agent, 0, agent) for agent in range(MAX_NODES + 1)))


def test_a_trace_of_too_many_sites_is_refused_with_a_remedy() -> None:
    judge = FederatedSubject(PolicyDocument(), SiteMap.parse(",".join(map(str, range(1, MAX_ORIGINS + 2)))))
    for agent in range(1, MAX_ORIGINS + 1):
        judge.judge(look(agent, 0, agent))
    with pytest.raises(TraceError, match="larger ranges in --sites"):
        judge.judge(look(MAX_ORIGINS + 1, 0, MAX_ORIGINS + 1))


def test_saved_models_know_their_time_and_suit_a_site_of_any_name() -> None:
    teacher = subject()
    play(teacher, *usual(0, 2 * HOUR))
    saved = Analyzer.load(teacher.dump())
    assert saved.newest >= START + 2 * HOUR - MINUTE
    lonely = FederatedSubject(PolicyDocument(), SiteMap.parse("7-8"), Federation.ISOLATED, teacher.dump())
    update = [look(7, number, 3 * HOUR + turn * CYCLE, "sensor") for turn in range(60) for number in range(3)]
    assert refused(play(lonely, *update)[-30:]) == 0
