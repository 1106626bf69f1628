"""Batteries and washing machines."""

from __future__ import annotations

import msgspec

from models.access import Operation
from models.simulation import energy
from models.simulation.floorplan import family_home
from models.simulation.pace import Pace, seeded
from models.simulation.step import Step
from models.simulation.tempo import BRISK, DATA_SET
from tests.models.simulation.driving import play, told

HOME = family_home()
PACE = Pace(DATA_SET, seeded(1, "/test"))


def battery(charge: str, charging: str, count: int) -> list[tuple[str, str, str | None]]:
    def reply(step: Step) -> str | None:
        return {"charge": charge, "charging": charging}[step.node.rsplit("/", 1)[1]]

    return told(play(energy.battery(HOME.service("/agent1/battery1"), PACE, 0), count, reply))


def test_a_battery_that_does_not_charge_only_watches() -> None:
    assert battery("7", "false", 6) == [
        ("get", "charge", None),
        ("subscribe", "charge", None),
        *[("get", "charge", None), ("get", "charging", None)] * 2,
    ]


def test_a_battery_that_charges_adds_one() -> None:
    assert battery("7", "true", 5)[-1] == ("set", "charge", "8")


def test_a_full_battery_stops_charging() -> None:
    assert battery("9", "true", 6)[-2:] == [("set", "charge", "10"), ("set", "charging", "false")]


def machine(levels: dict[str, str], count: int, pace: Pace = PACE) -> list[Step]:
    def reply(step: Step) -> str | None:
        if step.operation is Operation.SET:
            levels[step.node] = step.value or ""
        return levels[step.node] if step.operation is Operation.GET else None

    service = HOME.service("/agent1/washingmachine1")
    return play(energy.washing_machine(service, HOME, pace, 0), count, reply)


def world(first: str, second: str) -> dict[str, str]:
    batteries = HOME.service("/agent1/washingmachine1").partners
    return {
        f"{battery}/{node}": value
        for battery, charge in zip(batteries, (first, second), strict=True)
        for node, value in (("charge", charge), ("charging", "false"))
    }


def test_a_washing_machine_empties_the_fullest_battery_and_has_it_charged() -> None:
    steps = machine(world("1", "2"), 2 + 4 * 2 + 1)
    fullest = HOME.service("/agent1/washingmachine1").partners[1]
    assert {step.node.rsplit("/", 1)[0] for step in steps[2:]} == {fullest}
    assert told(steps[2:]) == [
        ("get", "charging", None),
        ("get", "charge", None),
        ("set", "charge", "1"),
        ("get", "charge", None),
        ("get", "charging", None),
        ("get", "charge", None),
        ("set", "charge", "0"),
        ("get", "charge", None),
        ("set", "charging", "true"),
    ]


def test_a_full_battery_lasts_about_210_seconds() -> None:
    steps = machine(world("10", "0"), 2 + 4 * 10 + 1)
    assert steps[-1].value == "true"
    assert 190_000 < steps[-1].time - steps[0].time < 230_000


def test_a_programme_may_be_announced_in_a_transaction() -> None:
    always = Pace(msgspec.structs.replace(BRISK, transaction_share=1.0), seeded(1, "/test"))
    assert told(machine(world("10", "0"), 5, always))[2:] == [
        ("lock", "washingmachine1", None),
        ("set", "washing", "cotton"),
        ("commit", "washingmachine1", None),
    ]
