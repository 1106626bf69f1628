from __future__ import annotations

import pytest

from models.access import Access
from models.analyzer import Analyzer
from models.partners import FRESH, MAX_MEMBERS, MOST, QUIET, Circle, support_of_newcomer
from tests.models.accesses import MINUTE, START, access, teach


def settled() -> tuple[Circle, int]:
    """Return the circle of an instance that worked with two partners for an hour, and the time."""
    circle = Circle(START)
    for index in range(60):
        circle.meet(f"/agent1/battery{index % 2}", START + index * MINUTE)
    return circle, START + 60 * MINUTE


def test_who_works_with_the_same_partners_for_long_has_settled() -> None:
    circle, now = settled()
    assert circle.settled(now)
    assert not circle.meet("/agent1/battery1", now)
    assert circle.meet("/agent1/battery9", now)


def test_after_a_newcomer_it_takes_time_to_settle_again() -> None:
    circle, now = settled()
    circle.meet("/agent1/battery9", now)
    assert not circle.settled(now)
    assert not circle.meet("/agent1/battery8", now + MINUTE)


def test_neither_few_accesses_nor_little_time_settle() -> None:
    hasty, rare = Circle(START), Circle(START)
    for index in range(100):
        hasty.meet("/agent1/battery1", START + index)
    rare.meet("/agent1/battery1", START)
    assert not hasty.settled(START + QUIET - 1)
    assert not rare.settled(START + 10 * QUIET)


def test_who_addresses_everybody_never_settles() -> None:
    circle = Circle(START)
    for index in range(MAX_MEMBERS * 20):
        assert not circle.meet(f"/agent1/service{index}", START + index * MINUTE)
    assert len(circle.members) == MAX_MEMBERS


def test_a_partner_that_was_just_installed_is_awaited() -> None:
    circle, now = settled()
    assert circle.awaits(now - MINUTE, now)
    assert not circle.awaits(START - MINUTE, now)
    assert not circle.awaits(now, now + FRESH + 1)


def test_support_by_hand() -> None:
    assert support_of_newcomer(446, 0) == pytest.approx(14)
    assert support_of_newcomer(446, 1) == pytest.approx(7)
    assert support_of_newcomer(10**6, 0) == MOST


def reads(partner: int, time: int, *, light: int = 1) -> Access:
    return access(time, source=f"/agent1/light{light}", destination=f"/agent1/movement{partner}")


def taught() -> tuple[Analyzer, int]:
    """Return an analyzer that saw four lights with a movement sensor each for two hours, and the time."""
    analyzer = Analyzer()
    for index in range(360):
        time = START + index * 20_000
        teach(analyzer, *(reads(light, time + light, light=light) for light in range(1, 5)))
    return analyzer, START + 360 * 20_000


def test_an_instance_that_turns_to_another_partner_is_refused_without_any_location() -> None:
    analyzer, now = taught()
    assert analyzer.score(reads(1, now)).terms["partner"] == 0
    score = analyzer.score(reads(2, now + 1))
    assert (score.deciding, score.terms["partner_settled"]) == ("partner", 1)
    assert score.av > 7


def test_a_new_instance_and_a_new_partner_are_welcome() -> None:
    analyzer, now = taught()
    assert analyzer.score(reads(2, now, light=9)).terms["partner"] == 0
    analyzer.register("/agent1/movement9", "/movement", now)
    assert analyzer.score(reads(9, now + MINUTE)).terms["partner"] == 0
    assert analyzer.score(reads(9, now + 2 * FRESH)).terms["partner"] > 7


def test_partners_survive_a_restart() -> None:
    analyzer, now = taught()
    assert Analyzer.load(analyzer.dump()).score(reads(2, now)).terms["partner"] > 7
