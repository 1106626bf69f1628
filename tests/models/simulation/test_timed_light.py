"""Light controllers that look by several timers."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from models.access import Operation
from models.simulation.behaviour import Behaviour
from models.simulation.day import HOUR, Day
from models.simulation.floorplan import family_home
from models.simulation.pace import Pace, seeded
from models.simulation.services import behaviour
from models.simulation.step import Answer, Step
from models.simulation.tempo import DATA_SET
from models.timers import extract

HOME = family_home()
LIGHT = HOME.service("/agent1/lightcontrol1")
TEMPO = msgspec.structs.replace(DATA_SET, look_timers=(12_000, 30_000), look_timers_updated=(30_000, 17_000))
START = 1_767_225_600_000


def lived(
    hours: float, seed: int = 1, *, updated: int | None = None, day: Day | None = None, moves: int = HOUR
) -> list[Step]:
    """What the light controller does; somebody comes or goes every so many milliseconds."""
    tempo = msgspec.structs.replace(TEMPO, update_after=updated)
    life = behaviour(LIGHT, HOME, seed=seed, start=START, tempo=tempo, day=day or Day())
    return played(life, START + round(hours * HOUR), moves)


def played(life: Behaviour, end: int, moves: int = HOUR) -> list[Step]:
    steps = []
    while life.due is not None and life.due < end:
        steps.append(life.take())
        life.answer(Answer(steps[-1].time + 60, str((steps[-1].time - START) // moves % 2)))
    return steps


def looks(steps: list[Step], name: str = "movement") -> list[int]:
    return [step.time for step in steps if step.operation is Operation.GET and step.node.endswith(f"/{name}")]


def seconds(times: list[int]) -> list[int]:
    return sorted(round(timer.period / 1000) for timer in extract(times))


@pytest.mark.parametrize("seed", range(5))
def test_its_looks_are_those_of_its_timers(seed: int) -> None:
    times = looks(lived(2, seed))
    assert times == sorted(times)
    assert seconds(times[:64]) == seconds(times[-64:]) == [12, 30]


@pytest.mark.parametrize("seed", range(5))
def test_timers_do_not_wait_for_each_other_nor_for_answers(seed: int) -> None:
    """Timers of 12 s and 30 s at any phases: six come before the first of the other kind comes again."""
    per_hour = HOUR / 12_000 + HOUR / 30_000
    assert abs(len(looks(lived(4, seed))) / 4 / per_hour - 1) < 0.05


def test_some_timers_keep_to_a_grid_and_the_noise_of_others_adds_up() -> None:
    tempo = msgspec.structs.replace(TEMPO, look_timers=(10_000,), timer_lateness=500)
    behind = set()
    for seed in range(8):
        times = looks(played(behaviour(LIGHT, HOME, seed=seed, start=START, tempo=tempo), START + HOUR))
        behind.add(times[-1] - times[0] - 10_000 * (len(times) - 1) > 20_000)
        assert all(8_000 < later - earlier < 12_500 for earlier, later in pairwise(times))
    assert behind == {True, False}


def test_the_light_is_switched_once_for_all_timers() -> None:
    steps = lived(5, moves=HOUR)
    switched = [step for step in steps if step.operation is Operation.SET]
    assert [step.value for step in switched] == ["1", "0", "1", "0"]
    assert {step.node for step in switched} == {f"{LIGHT.address}/lightOn"}
    assert all(0 < (step.time - START) % HOUR < 13_000 for step in switched)


def test_an_update_starts_other_timers_which_look_at_the_temperature_as_well() -> None:
    steps = lived(4, updated=2 * HOUR)
    change = next(step.time for step in steps if step.node.endswith("/tempin1"))
    assert 2 * HOUR < change - START < 2.2 * HOUR
    before = [step for step in steps if step.time < change - 13_000]
    after = [step for step in steps if step.time > change]
    assert seconds(looks(before)[-64:]) == [12, 30]
    assert seconds(looks(after)[-64:]) == [17, 30]
    assert looks(before, "tempin1") == []
    assert abs(len(looks(after, "tempin1")) - len(looks(after))) <= 1


def test_an_update_before_the_service_is_ready_leaves_the_new_timers_only() -> None:
    steps = lived(1, updated=1)
    assert seconds(looks(steps)[:64]) == [17, 30]
    assert min(looks(steps)) > next(step.time for step in steps if step.operation is Operation.REGISTER) + 49_000


def test_nights_are_slower_and_silences_silent() -> None:
    night = lived(5, day=Day(origin=START, night=(3, 5), silent=(1, 2)))
    hours = [sum(hour * HOUR <= time - START < (hour + 1) * HOUR for time in looks(night)) for hour in range(5)]
    assert hours[1] == 0
    assert abs(hours[2] - 420) < 10
    assert abs(hours[3] - 210) < 10


def test_without_timers_there_is_one_loop() -> None:
    pace = Pace(DATA_SET, seeded(1, LIGHT.address))
    assert pace.tempo.look_timers == ()
    times = looks(played(behaviour(LIGHT, HOME, seed=1, start=START), START + HOUR))
    assert all(abs(later - earlier - 20_600) < 1500 for earlier, later in pairwise(times))
