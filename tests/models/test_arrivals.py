from __future__ import annotations

import pytest

from models import analyzer as module
from models.access import Access, Operation
from models.analyzer import Analyzer
from models.arrivals import MOST, Arrivals
from tests.models.accesses import MINUTE, START, access, teach

BLOCK = 7
NOW = START + 30 * MINUTE


def registration(index: int, time: int = START) -> Access:
    source = f"/agent1/light{index}"
    return access(
        time, source=source, destination=source, destination_type="/light", operation=Operation.REGISTER, data_type=None
    )


def look(index: int, time: int) -> Access:
    return access(time, source=f"/agent1/light{index}")


def site(*, registering: int = 6, acting: int = 6) -> Analyzer:
    """A node on which the first so many of the acting services registered before; half an hour later."""
    analyzer = Analyzer()
    teach(analyzer, *[registration(index) for index in range(registering)])
    turns = [look(index, START + 1000 + turn * 20_000) for turn in range(80) for index in range(acting)]
    teach(analyzer, *turns)
    analyzer.advance(NOW)
    return analyzer


@pytest.mark.parametrize(("registered", "unregistered", "novelty"), [(0, 0, 1), (3, 0, 7), (2, 0, 5), (6, 1, 13 / 6)])
def test_novelty_of_who_never_registered(registered: int, unregistered: int, novelty: float) -> None:
    assert Arrivals(registered, unregistered).novelty == novelty


def test_novelty_is_bounded() -> None:
    assert Arrivals(10_000).novelty == MOST


def test_stranger_that_behaves_as_its_type_does_is_refused_until_it_registers() -> None:
    analyzer = site()
    score = analyzer.score(look(99, NOW))
    assert score.av >= BLOCK
    assert score.deciding == "registration"
    teach(analyzer, registration(99, NOW + 1))
    assert analyzer.score(look(99, NOW + 20_000)).terms["registration"] == 0


def test_services_that_never_register_are_no_strangers_where_others_do() -> None:
    analyzer = site()
    phones = [
        access(START + MINUTE + turn * 20_000, source=f"/agent1/phone{index}", source_type="/phone")
        for turn in range(60)
        for index in range(2)
    ]
    elsewhere = Analyzer()
    teach(elsewhere, *phones)
    elsewhere.advance(NOW)
    analyzer.knowledge.fold(elsewhere.advance(NOW + 40 * MINUTE))
    analyzer.knowledge.read()
    phone = access(NOW, source="/agent1/phone9", source_type="/phone")
    assert analyzer.score(phone).som > 0
    assert analyzer.score(phone).terms["registration"] == 0


def test_registration_itself_is_not_refused() -> None:
    assert site().score(registration(99, NOW)).av < BLOCK


def test_service_that_the_access_point_names_is_no_stranger() -> None:
    analyzer = site()
    analyzer.register("/agent1/light99", "/light", NOW)
    assert analyzer.score(look(99, NOW)).av < BLOCK


def test_where_services_ran_before_the_gateway_came_nobody_is_a_stranger() -> None:
    analyzer = site(registering=3, acting=6)
    assert analyzer.score(look(99, NOW)).av < BLOCK


def test_service_that_changes_its_type_registered_all_the_same() -> None:
    analyzer = site()
    changed = access(NOW, source="/agent1/light1", source_type="/lamp")
    teach(analyzer, access(NOW, source="/agent1/lamp1", source_type="/lamp", operation=Operation.REGISTER))
    analyzer.advance(NOW + 20 * MINUTE)
    assert analyzer.score(changed).terms["registration"] == 0
    stranger = access(NOW, source="/agent1/light99", source_type="/lamp")
    assert analyzer.score(stranger).terms["registration"] >= BLOCK


def test_instance_that_was_forgotten_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_INSTANCES", 6)
    analyzer = site()
    teach(analyzer, registration(6, NOW))  # takes the place of light0
    assert analyzer.score(look(0, NOW + 1000)).av < BLOCK


def test_arrivals_outlive_storage() -> None:
    analyzer = Analyzer.load(site().dump())
    assert analyzer.score(look(99, NOW)).deciding == "registration"
    assert analyzer.score(look(1, NOW)).av < BLOCK
