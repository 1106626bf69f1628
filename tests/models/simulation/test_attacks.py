"""The seven attacks."""

from __future__ import annotations

import pytest

from models.simulation.attacks import seven_attacks
from models.simulation.catalogue import PAPER
from models.simulation.floorplan import Floorplan, Service, family_home
from models.simulation.paper_attacks import AttackClass

HOME = family_home()
SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_there_is_one_of_each_class_each_by_another_service(seed: int) -> None:
    attacks = seven_attacks(HOME, seed)
    assert [attack.label for attack in attacks] == list(AttackClass)
    assert len({attack.attacker.address for attack in attacks}) == 7


@pytest.mark.parametrize("seed", SEEDS)
def test_all_nodes_exist(seed: int) -> None:
    assert all(HOME.node(step.node) for attack in seven_attacks(HOME, seed) for step in attack.steps)


def test_the_same_seed_gives_the_same_attacks_and_others_all_their_variants() -> None:
    assert seven_attacks(HOME, 1) == seven_attacks(HOME, 1)
    spies = {attack.attacker.type for seed in SEEDS for attack in seven_attacks(HOME, seed) if attack.label == "spying"}
    assert spies == {"/sensorService", "/thermostat", "/movementSensor"}


def test_strengths_are_the_catalogues_where_none_is_given() -> None:
    usual, weak = seven_attacks(HOME, 1), seven_attacks(HOME, 1, {AttackClass.DENIAL_OF_SERVICE.value: 300.0})
    lengths = [(len(one.steps), len(other.steps)) for one, other in zip(usual, weak, strict=True)]
    assert lengths[list(PAPER).index("DoSattack")] == (2000, 300)
    assert sum(one != other for one, other in lengths) == 1


def test_a_site_that_lacks_a_service_is_told_which() -> None:
    with pytest.raises(ValueError, match="no /washingService or /batteryService"):
        seven_attacks(Floorplan([Service("a", "agent1", "/thermostat", "x")]), 1)


def test_a_site_with_too_few_services_for_different_attackers_is_told_so() -> None:
    door = Service("doorlock1", "agent1", "/doorLockService", "x")
    heating = Service("heatingcontrol1", "agent1", "/thermostat", "x", ("/agent1/tempin1",))
    # The only door lock scans already.
    with pytest.raises(ValueError, match="malitiousControl: every service"):
        seven_attacks(Floorplan([*HOME.services[:3], door, heating]), 1)
