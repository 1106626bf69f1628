"""Building blocks of attacks."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from models.access import Operation
from models.simulation.floorplan import Floorplan, family_home
from models.simulation.intrusion import (
    Intrusion,
    any_of,
    look_at_home,
    look_elsewhere,
    main_node,
    repeated,
    strange_nodes,
)
from models.simulation.service_models import BATTERY, LIGHT_CONTROLLER, TEMPERATURE_SENSOR
from models.simulation.step import Answer

HOME = family_home()


def test_calls_are_repeated_in_turn_at_their_spacing() -> None:
    calls = [(Operation.GET, "/a", None), (Operation.SET, "/b", "1")]
    steps = repeated(random.Random(1), calls, 101, 1000, spread=0.2)
    assert [step.node for step in steps[:3]] == ["/a", "/b", "/a"]
    gaps = [later.time - earlier.time for earlier, later in pairwise(steps)]
    assert 799 <= min(gaps) < max(gaps) <= 1201
    assert abs(steps[-1].time - 100_000) < 5000


def test_an_intrusion_plays_its_calls_from_its_start() -> None:
    steps = repeated(random.Random(1), [(Operation.GET, "/a/b/c", None)], 3, 1000)
    intrusion = Intrusion(label="scan", attacker=HOME.services[0], steps=steps)
    behaviour = intrusion.behaviour(5000)
    times = []
    while behaviour.due is not None:
        times.append(behaviour.take().time)
        behaviour.answer(Answer(times[-1]))
    assert times == [5000 + step.time for step in steps]
    assert intrusion.duration == steps[-1].time


def test_strange_nodes_are_those_of_nobody_it_works_with() -> None:
    machine = next(each for each in HOME.services if each.id == "washingmachine1")
    owners = {HOME.owner(node).address for node in strange_nodes(random.Random(1), HOME, machine)}
    assert owners == {each.address for each in HOME.services} - {machine.address, *machine.partners}


def test_the_main_node_is_the_one_with_the_value() -> None:
    assert main_node(HOME.of_type(TEMPERATURE_SENSOR)[0]) == "/agent1/tempin1"
    assert main_node(HOME.of_type(BATTERY)[0]) == "/agent1/battery1/charge"


def test_a_site_that_lacks_a_service_is_told_which() -> None:
    with pytest.raises(ValueError, match="no /toaster or /kettle"):
        any_of(random.Random(1), HOME, "/toaster", "/kettle")


def test_a_light_controller_looks_at_its_own_room_or_at_another() -> None:
    light = HOME.of_type(LIGHT_CONTROLLER)[0]
    assert look_at_home(HOME, light) == (Operation.GET, "/agent1/movement1/movement", None)
    others = {look_elsewhere(random.Random(seed), HOME, light)[1] for seed in range(100)}
    assert len(others) == 7
    assert "/agent1/movement1/movement" not in others


def test_a_site_of_one_room_has_no_other_to_look_at() -> None:
    room = Floorplan(HOME.services[:3])
    with pytest.raises(ValueError, match="one room with a movement sensor"):
        look_elsewhere(random.Random(1), room, room.of_type(LIGHT_CONTROLLER)[0])
