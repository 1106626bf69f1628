"""The seven attacks."""

from __future__ import annotations

from itertools import pairwise

import pytest

from models.access import Operation
from models.simulation.attacks import Attack, AttackClass, Strength, seven_attacks
from models.simulation.floorplan import Floorplan, Service, family_home
from models.simulation.trace import Trace

HOME = family_home()
ATTACKS = {attack.attack_class: attack for attack in seven_attacks(HOME)}


def types(attack: Attack) -> set[tuple[str, str, Operation]]:
    return {(HOME.service(attack.attacker).type, HOME.owner(step.node).type, step.operation) for step in attack.steps}


def test_there_is_one_of_each_class_each_by_another_service() -> None:
    assert list(ATTACKS) == list(AttackClass)
    assert len({attack.attacker for attack in ATTACKS.values()}) == 7


def test_all_nodes_exist() -> None:
    assert all(HOME.node(step.node) for attack in ATTACKS.values() for step in attack.steps)


def test_four_classes_are_relations_that_nobody_has_normally() -> None:
    normal = {
        (seen.access.source_type, seen.access.destination_type, seen.access.operation)
        for seen in Trace(HOME, seed=1, start=0).until(3 * 3_600_000)
    }
    for name in (AttackClass.SPYING, AttackClass.MALICIOUS_CONTROL, AttackClass.MALICIOUS_OPERATION):
        assert types(ATTACKS[name]).isdisjoint(normal), name
    assert len(types(ATTACKS[AttackClass.SCAN]) - normal) >= 7


def test_denial_of_service_floods_an_existing_relation_every_millisecond() -> None:
    attack = ATTACKS[AttackClass.DENIAL_OF_SERVICE]
    light = HOME.service(attack.attacker)
    assert {step.node for step in attack.steps} == {f"{light.partners[0]}/movement"}
    assert {later.time - earlier.time for earlier, later in pairwise(attack.steps)} == {1}


def test_data_probing_writes_an_own_node_of_another_type_than_usual() -> None:
    attack = ATTACKS[AttackClass.DATA_PROBING]
    assert {HOME.owner(step.node).address for step in attack.steps} == {attack.attacker}
    assert {HOME.node(step.node).types[0] for step in attack.steps} == {"/basic/text"}


def test_wrong_set_up_differs_from_normal_by_the_room_only() -> None:
    attack = ATTACKS[AttackClass.WRONG_SET_UP]
    assert types(attack) == {("/lightControler", "/movementSensor", Operation.GET)}
    rooms = {HOME.owner(step.node).location for step in attack.steps}
    assert HOME.service(attack.attacker).location not in rooms


def test_an_attack_begins_when_it_is_told_to() -> None:
    attack = ATTACKS[AttackClass.SCAN]
    assert [step.time for step in attack.begin(5000)[:3]] == [5000, 6000, 7000]


def test_strength_sets_the_number_of_calls() -> None:
    weak = {a.attack_class: a for a in seven_attacks(HOME, Strength(rounds=3, flood=300))}
    assert len(weak[AttackClass.DENIAL_OF_SERVICE].steps) == 300
    assert len(weak[AttackClass.WRONG_SET_UP].steps) == 3


def test_a_site_that_lacks_a_service_is_told_which() -> None:
    with pytest.raises(ValueError, match="no /batteryService"):
        seven_attacks(Floorplan([Service("a", "agent1", "/thermostat", "x")]))
