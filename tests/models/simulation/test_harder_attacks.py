"""Harder attacks: each differs from ordinary life by what it is about, and by nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from models.access import Access, Operation
from models.simulation import harder_attacks
from models.simulation.catalogue import HARDER
from models.simulation.floorplan import family_home
from models.simulation.harder_attacks import DRIFTED, HarderClass
from models.simulation.intrusion import Intrusion
from models.simulation.trace import NORMAL, Observed, Trace

HOME = family_home()
HOUR = 3_600_000
SEEDS = range(6)


def play(intrusion: Intrusion, *, seed: int = 1) -> list[Observed]:
    trace = Trace(HOME, seed=seed, start=0)
    trace.intrude(intrusion, HOUR)
    return list(trace.until(HOUR + intrusion.duration + 600_000))


def attack(name: str, seed: int, strength: float | None = None) -> Intrusion:
    kind = HARDER[name]
    return kind.recipe(HOME, strength or kind.strength, random.Random(seed))


def bad(rows: list[Observed]) -> list[Access]:
    return [row.access for row in rows if row.label != NORMAL]


@pytest.mark.parametrize("name", [each.value for each in HarderClass])
@pytest.mark.parametrize("seed", SEEDS)
def test_all_of_a_class_can_be_carried_out_and_bear_its_name(name: str, seed: int) -> None:
    rows = play(attack(name, seed))
    assert {row.label for row in rows} == {NORMAL, name}


@pytest.mark.parametrize("strength", [2.0, 5.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_slow_flood_has_so_many_times_the_usual_rate(seed: int, strength: float) -> None:
    intrusion = attack("slowDoS", seed, strength)
    flow = [
        row
        for row in play(intrusion)
        if row.access.source == intrusion.attacker.address
        and row.access.node == intrusion.steps[0].node
        and row.access.operation is intrusion.steps[0].operation
    ]
    during = [row for row in flow if HOUR <= row.access.time < HOUR + intrusion.lasting]
    assert {row.label for row in during} == {"slowDoS"}
    usual = sum(HOUR - 600_000 <= row.access.time < HOUR for row in flow)
    assert abs(len(during) / usual - strength) < 0.15 * strength


@pytest.mark.parametrize("seed", SEEDS)
def test_values_out_of_range_come_when_values_come(seed: int) -> None:
    intrusion = attack("valueOutOfRange", seed, 15.0)
    rows = play(intrusion)
    plain = list(Trace(HOME, seed=1, start=0).until(rows[-1].access.time))
    assert [row.access.time for row in rows][: len(plain)] == [row.access.time for row in plain]
    ordinary = {row.access.time: row.access.value for row in plain if row.access.source == intrusion.attacker.address}
    for access in bad(rows):
        assert access.operation is Operation.SET
        if access.data_type == "/basic/text":
            continue
        assert abs(abs(float(access.value or "") - float(ordinary[access.time] or "")) - 15.0) < 0.01


def test_drift_is_labelled_from_where_it_can_be_told() -> None:
    intrusion = attack("valueDrift", 1, 4.0)
    rows = [row for row in play(intrusion) if row.access.source == intrusion.attacker.address]
    drifting = [row for row in rows if HOUR <= row.access.time < HOUR + intrusion.lasting]
    began = next(row.access.time for row in drifting if row.label != NORMAL)
    assert abs(began - HOUR - DRIFTED / 4.0 * HOUR) < 25_000
    assert all(row.label == "valueDrift" for row in drifting if row.access.time >= began)
    values = [float(row.access.value or "") for row in drifting]
    assert max(abs(later - earlier) for earlier, later in pairwise(values)) < 0.3
    assert 7.0 < abs(values[-1] - values[0]) < 9.0


@pytest.mark.parametrize("name", ["crossRoom", "mimicry", "maliciousPeriod", "unregisteredService", "renamedService"])
@pytest.mark.parametrize("seed", SEEDS)
def test_these_are_relations_that_the_type_has(name: str, seed: int) -> None:
    rows = play(attack(name, seed))

    def relation(access: Access) -> tuple[str | None, ...]:
        return (access.source_type, access.destination_type, access.operation, access.data_type)

    ordinary = {relation(row.access) for row in rows if row.label == NORMAL}
    assert {relation(access) for access in bad(rows)} <= ordinary


@pytest.mark.parametrize("seed", SEEDS)
def test_rooms_tell_cross_room_accesses_from_mimicry(seed: int) -> None:
    def rooms_differ(access: Access) -> bool:
        return access.source_location != access.destination_location

    assert all(rooms_differ(access) for access in bad(play(attack("crossRoom", seed))))
    assert not any(rooms_differ(access) for access in bad(play(attack("mimicry", seed))))


@pytest.mark.parametrize("seed", SEEDS)
def test_mimicry_keeps_the_usual_rhythm_beside_the_usual_accesses(seed: int) -> None:
    intrusion = attack("mimicry", seed)
    rows = play(intrusion)
    gaps = [later.time - earlier.time for earlier, later in pairwise(bad(rows))]
    assert all(abs(gap - 20_600) < 700 for gap in gaps)
    usual = [
        row
        for row in rows
        if row.label == NORMAL
        and row.access.node == intrusion.steps[0].node
        and row.access.source == intrusion.attacker.address
        and HOUR <= row.access.time < HOUR + intrusion.duration
    ]
    assert abs(len(usual) - len(gaps)) <= 4


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("minutes", "count"), [(10.0, 12), (2.0, 60), (1440.0, 1)])
def test_single_irregular_accesses_come_at_any_time_in_two_hours(seed: int, minutes: float, count: int) -> None:
    intrusion = attack("maliciousPeriod", seed, minutes)
    accesses = bad(play(intrusion))
    assert len(accesses) == count
    assert {(each.source, each.operation) for each in accesses} == {(intrusion.attacker.address, Operation.GET)}
    assert {each.source_location for each in accesses} == {each.destination_location for each in accesses}
    times = [each.time - HOUR for each in accesses]
    assert 0 <= times[0] <= times[-1] < 2 * HOUR
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert not gaps or max(gaps) > 3 * min(gaps)


def test_a_slow_scan_reads_one_new_node_every_few_minutes() -> None:
    accesses = bad(play(attack("slowScan", 2, 5.0)))
    assert len({access.node for access in accesses}) == len(accesses)
    assert all(240_000 <= later.time - earlier.time <= 360_000 for earlier, later in pairwise(accesses))


def test_strangers_never_register() -> None:
    for name in ("unregisteredService", "renamedService"):
        rows = play(attack(name, 3))
        strangers = {access.source for access in bad(rows)}
        registered = {row.access.source for row in rows if row.access.operation is Operation.REGISTER}
        assert strangers.isdisjoint(registered)


def test_a_renamed_service_is_not_seen_under_its_own_name() -> None:
    intrusion = attack("renamedService", 3)
    rows = play(intrusion)
    during = [row for row in rows if HOUR <= row.access.time < HOUR + intrusion.lasting]
    assert intrusion.attacker.address not in {row.access.source for row in during}


@pytest.mark.parametrize(("name", "unread"), [("eventOrder", {"charge"}), ("missingAccess", {"charge", "charging"})])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_battery_is_discharged_without_the_reads_that_belong_before(name: str, unread: set[str], seed: int) -> None:
    intrusion = attack(name, seed)
    rows = [row for row in play(intrusion) if row.access.source == intrusion.attacker.address]
    checked = 0
    for index, row in enumerate(rows):
        if row.label == NORMAL:
            continue
        turn = [other.access for other in rows[:index] if row.access.time - other.access.time < 5000]
        reads = {access.node.rsplit("/", 1)[1] for access in turn if access.operation is Operation.GET}
        assert reads.isdisjoint(unread)
        checked += 1
    assert checked > 20


def test_writes_of_an_intrusion_have_no_effect_on_others() -> None:
    intrusion = harder_attacks.out_of_range(HOME, 50.0, random.Random(0))
    read = [row.access for row in play(intrusion) if row.access.operation is Operation.GET and row.label == NORMAL]
    temperatures = [float(a.value or "") for a in read if a.data_type == "/sensorService"]
    assert all(19.5 <= each <= 20.5 for each in temperatures)


def test_the_update_of_one_instance_is_normal() -> None:
    intrusion = harder_attacks.single_update(HOME, 20.6, random.Random(1))
    trace = Trace(HOME, seed=1, start=0)
    trace.intrude(intrusion, HOUR)
    rows = list(trace.until(HOUR + 600_000))
    new = [
        row for row in rows if (row.access.source_type, row.access.data_type) == ("/washingService", "/sensorService")
    ]
    assert len({row.access.source for row in new}) == 1
    assert {row.label for row in rows} == {NORMAL}
    assert 25 <= len(new) <= 33


@pytest.mark.parametrize("recipe", [harder_attacks.cross_room, harder_attacks.poisoning, harder_attacks.event_order])
def test_the_same_seed_gives_the_same_attack(recipe: Callable[[object, float, random.Random], Intrusion]) -> None:
    one, other = (recipe(HOME, 20.6, random.Random(4)) for _ in range(2))
    assert (one.attacker, one.steps) == (other.attacker, other.steps)
