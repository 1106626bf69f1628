"""The simulated home that is measured with."""

from __future__ import annotations

from benchmarks.household import HOUR, START, attacked_home
from models.simulation.paper_attacks import AttackClass


def test_every_class_of_attack_comes_in_the_second_half() -> None:
    observed = attacked_home(2, seed=3)
    attacks = [each for each in observed if each.label != "normal"]
    assert {each.label for each in attacks} == {str(name) for name in AttackClass}
    assert min(each.access.time for each in attacks) >= START + HOUR
    assert max(each.access.time for each in observed) < START + 2 * HOUR


def test_the_same_seed_gives_the_same_home() -> None:
    assert attacked_home(0.5, seed=3) == attacked_home(0.5, seed=3) != attacked_home(0.5, seed=4)
