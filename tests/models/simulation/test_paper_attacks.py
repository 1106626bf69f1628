"""The paper's seven classes, against ordinary life."""

from __future__ import annotations

import random

import pytest

from models.access import Operation
from models.simulation import paper_attacks
from models.simulation.catalogue import PAPER
from models.simulation.floorplan import family_home
from models.simulation.intrusion import Intrusion
from models.simulation.paper_attacks import AttackClass
from models.simulation.trace import NORMAL, Trace

HOME = family_home()
HOUR = 3_600_000
SEEDS = range(6)

type Relation = tuple[str | None, str | None, Operation, str | None, str | None]


def attack(name: str, seed: int, strength: float | None = None) -> Intrusion:
    kind = PAPER[name]
    return kind.recipe(HOME, strength or kind.strength, random.Random(seed))


@pytest.fixture(scope="module")
def ordinary() -> set[Relation]:
    rows = (seen.access for seen in Trace(HOME, seed=1, start=0).until(3 * HOUR))
    return {(a.source_type, a.destination_type, a.operation, a.data_type, a.value) for a in rows}


def observed(intrusion: Intrusion) -> set[Relation]:
    trace = Trace(HOME, seed=1, start=0)
    trace.intrude(intrusion, HOUR)
    rows = [seen for seen in trace.until(HOUR + intrusion.duration + 1) if seen.label != NORMAL]
    assert {seen.label for seen in rows} == {intrusion.label}
    assert len(rows) == len(intrusion.steps)
    return {
        (seen.access.source_type, seen.access.destination_type, seen.access.operation, seen.access.data_type, None)
        for seen in rows
    }


def test_there_is_each_class_of_the_paper() -> None:
    assert set(PAPER) == {each.value for each in AttackClass}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["spying", "malitiousControl", "malitiousOperation", "dataProbing"])
def test_these_are_relations_that_nobody_has(name: str, seed: int, ordinary: set[Relation]) -> None:
    known = {relation[:4] for relation in ordinary if relation[0] != "/smartPhone"}
    assert {relation[:4] for relation in observed(attack(name, seed))}.isdisjoint(known)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scan_reaches_many_services_that_its_attacker_never_calls(seed: int) -> None:
    intrusion = attack("scan", seed)
    assert len({HOME.owner(step.node).address for step in intrusion.steps}) == 12
    assert not {HOME.owner(step.node).address for step in intrusion.steps} & set(intrusion.attacker.partners)


@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_set_up_is_by_a_service_that_nobody_registered_in_another_room(seed: int) -> None:
    intrusion = attack("wrongSetUp", seed)
    assert intrusion.attacker.address not in {each.address for each in HOME.services}
    assert {HOME.owner(step.node).location for step in intrusion.steps} != {intrusion.attacker.location}


def test_strength_of_a_flood_is_its_length() -> None:
    assert [step.time for step in attack("DoSattack", 1, 300.0).steps] == list(range(300))


def test_strength_of_others_is_seconds_between_two_accesses() -> None:
    slow, fast = attack("malitiousControl", 1, 20.0), attack("malitiousControl", 1, 2.0)
    assert abs(slow.duration / fast.duration - 10) < 0.1


def test_a_stranger_is_like_the_service_but_in_name() -> None:
    service = HOME.services[0]
    stranger = paper_attacks.stranger_like(service)
    assert (stranger.type, stranger.location, stranger.agent) == (service.type, service.location, service.agent)
    assert stranger.address != service.address
