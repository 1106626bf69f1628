"""A whole site over a day, against what is known of the data set."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from models.access import Access, Operation
from models.simulation.attacks import seven_attacks
from models.simulation.floorplan import family_home
from models.simulation.paper_attacks import AttackClass
from models.simulation.trace import NORMAL, Observed, Trace

HOUR = 3_600_000
HOME = family_home()


def accesses(observed: list[Observed]) -> list[Access]:
    return [seen.access for seen in observed]


@pytest.fixture(scope="module")
def day() -> list[Observed]:
    return list(Trace(HOME, seed=7, start=0).until(24 * HOUR))


def count(day: list[Observed], source: str, operation: Operation, node: str) -> int:
    return sum(a.source == source and a.operation is operation and a.node == node for a in accesses(day))


def test_the_same_seed_gives_the_same_trace_and_another_one_another() -> None:
    def trace(seed: int) -> list[Observed]:
        return list(Trace(HOME, seed=seed, start=0).until(HOUR))

    assert trace(1) == trace(1)
    assert trace(1) != trace(2)


def test_going_on_later_changes_nothing() -> None:
    whole, parts = Trace(HOME, seed=1, start=0), Trace(HOME, seed=1, start=0)
    assert list(whole.until(HOUR)) == [*parts.until(HOUR // 3), *parts.until(HOUR)]


def test_time_never_goes_back(day: list[Observed]) -> None:
    assert all(earlier.access.time <= later.access.time for earlier, later in pairwise(day))


def test_every_service_registers_once(day: list[Observed]) -> None:
    registered = Counter(a.source for a in accesses(day) if a.operation is Operation.REGISTER)
    assert registered == Counter(service.address for service in HOME.services)


@pytest.mark.parametrize("room", range(1, 9))
def test_rooms_keep_the_rates_of_the_data_set(day: list[Observed], room: int) -> None:
    agent = f"/agent{1 if room <= 4 else 2}"
    movement, light = f"{agent}/movement{room}", f"{agent}/lightcontrol{room}"
    per_cycle = 24 * HOUR / 20_600
    assert abs(count(day, light, Operation.GET, f"{movement}/movement") - per_cycle) < 0.05 * per_cycle
    temperature = f"{agent}/tempin{room}"
    assert abs(count(day, temperature, Operation.SET, temperature) - per_cycle) < 0.05 * per_cycle
    changes = count(day, movement, Operation.SET, f"{movement}/movement")
    assert 12 <= changes <= 45
    assert abs(count(day, movement, Operation.SET, f"{movement}/lastChange") - changes) <= 1
    assert abs(count(day, light, Operation.SET, f"{light}/lightOn") - changes) <= 4


def test_batteries_are_empty_and_full_again_after_about_420_seconds(day: list[Observed]) -> None:
    node = "/agent1/battery1/charging"
    asked = [a.time for a in accesses(day) if a.operation is Operation.SET and a.node == node and a.value == "true"]
    gaps = sorted(later - earlier for earlier, later in pairwise(asked))
    assert 400_000 < gaps[len(gaps) // 2] < 500_000


def test_thermostats_phones_and_doors_are_rare(day: list[Observed]) -> None:
    heating = count(day, "/agent1/heatingcontrol1", Operation.GET, "/agent2/tempin8")
    assert abs(heating - 24 * HOUR / 1_231_000) <= 2
    phones = sum(a.source_type == "/smartPhone" and a.operation is Operation.GET for a in accesses(day))
    assert 40 <= phones <= 100
    doors = sum(a.source_type == "/doorLockService" and a.operation is Operation.SET for a in accesses(day))
    assert 4 <= doors <= 24


def test_about_an_eighth_of_all_accesses_crosses_agents(day: list[Observed]) -> None:
    crossing = sum(a.source.split("/")[1] != a.destination.split("/")[1] for a in accesses(day))
    assert 0.09 < crossing / len(day) < 0.15


def test_accesses_carry_types_rooms_and_values(day: list[Observed]) -> None:
    look = next(a for a in accesses(day) if a.source == "/agent1/lightcontrol1" and a.operation is Operation.GET)
    assert (look.source_type, look.destination_type) == ("/lightControler", "/movementSensor")
    assert look.source_location == look.destination_location == "BedroomChildren"
    assert (look.data_type, look.value) == ("/derived/boolean", "0")


def test_subscribers_read_after_a_write(day: list[Observed]) -> None:
    mine = [a for a in accesses(day) if a.node == "/agent1/battery1/charge"]
    written = next(i for i, a in enumerate(mine) if a.operation is Operation.SET)
    reader = next(a for a in mine[written + 1 :] if a.source == "/agent1/battery1")
    assert reader.time - mine[written].time < 1000


def test_attacks_are_labelled_and_normal_life_goes_on() -> None:
    trace = Trace(HOME, seed=1, start=0)
    attacks = seven_attacks(HOME, 1)
    for index, attack in enumerate(attacks):
        trace.intrude(attack, at=HOUR + index * 600_000)
    labels = Counter(seen.label for seen in trace.until(4 * HOUR))
    assert {name.value for name in AttackClass} | {NORMAL} == set(labels)
    for attack in attacks:
        assert labels[attack.label] == len(attack.steps)
