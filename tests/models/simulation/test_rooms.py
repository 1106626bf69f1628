"""Movement sensors, temperature sensors, light controllers."""

from __future__ import annotations

from itertools import pairwise

from models.access import Operation
from models.simulation import rooms
from models.simulation.floorplan import family_home
from models.simulation.pace import Pace, seeded
from models.simulation.step import Step
from models.simulation.tempo import DATA_SET
from tests.models.simulation.driving import play, told

HOME = family_home()
PACE = Pace(DATA_SET, seeded(1, "/test"))


def test_a_movement_sensor_flips_and_says_when_a_second_later() -> None:
    steps = play(rooms.movement_sensor(HOME.service("/agent1/movement1"), PACE, 0), 6, lambda _: None)
    assert [step.value for step in steps[::2]] == ["1", "0", "1"]
    assert {step.node for step in steps[1::2]} == {"/agent1/movement1/lastChange"}
    for change, note in zip(steps[::2], steps[1::2], strict=True):
        assert note.value == str(change.time + 60)
        assert note.time == change.time + 1060


def test_a_temperature_sensor_writes_its_root_once_per_cycle() -> None:
    steps = play(rooms.temperature_sensor(HOME.service("/agent1/tempin1"), PACE, 0), 50, lambda _: None)
    assert {(step.operation, step.node) for step in steps} == {(Operation.SET, "/agent1/tempin1")}
    assert all(19.5 <= float(step.value or "") <= 20.5 for step in steps)
    assert all(abs(later.time - earlier.time - 20_600) < 1500 for earlier, later in pairwise(steps))


def test_a_light_follows_the_movement_in_its_room() -> None:
    seen = iter(["0", "1", "1", "0"])

    def reply(step: Step) -> str | None:
        return next(seen) if step.operation is Operation.GET else None

    steps = play(rooms.light_controller(HOME.service("/agent1/lightcontrol1"), HOME, PACE, 0, None), 6, reply)
    assert told(steps) == [
        ("get", "movement", None),
        ("get", "movement", None),
        ("set", "lightOn", "1"),
        ("get", "movement", None),
        ("get", "movement", None),
        ("set", "lightOn", "0"),
    ]


def test_a_light_that_is_refused_an_answer_leaves_things_as_they_are() -> None:
    steps = play(rooms.light_controller(HOME.service("/agent1/lightcontrol1"), HOME, PACE, 0, None), 4, lambda _: None)
    assert told(steps) == [("get", "movement", None)] * 4


def test_the_software_update_adds_the_rooms_temperature() -> None:
    routine = rooms.light_controller(HOME.service("/agent1/lightcontrol1"), HOME, PACE, 0, updated=15_000)
    assert told(play(routine, 4, lambda _: "0")) == [
        ("get", "movement", None),
        ("get", "movement", None),
        ("get", "tempin1", None),
        ("get", "movement", None),
    ]
