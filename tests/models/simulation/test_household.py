"""Thermostats, door locks, smart phones."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from models.access import Operation
from models.simulation import household
from models.simulation.floorplan import family_home
from models.simulation.pace import Pace, seeded
from models.simulation.tempo import DATA_SET
from tests.models.simulation.driving import play, told

HOME = family_home()
PACE = Pace(DATA_SET, seeded(1, "/test"))
THERMOSTAT = HOME.service("/agent1/heatingcontrol1")


@pytest.mark.parametrize(("temperature", "heating"), [("19.9", "1"), ("22.5", "0")])
def test_a_thermostat_reads_all_temperatures_and_heats_when_it_is_cold(temperature: str, heating: str) -> None:
    steps = play(household.thermostat(THERMOSTAT, HOME, PACE, 0), 9, lambda _: temperature)
    assert [step.node for step in steps[:8]] == list(THERMOSTAT.partners)
    assert told(steps[8:]) == [("set", "heatingcontrol1", heating)]


def test_a_thermostat_without_a_single_temperature_does_not_heat() -> None:
    steps = play(household.thermostat(THERMOSTAT, HOME, PACE, 0), 9, lambda _: None)
    assert steps[-1].value == "0"


def test_thermostats_come_round_every_1231_seconds() -> None:
    steps = play(household.thermostat(THERMOSTAT, HOME, PACE, 0), 10, lambda _: "20")
    assert abs(steps[9].time - steps[0].time - 1_231_000) < 1500


def test_a_thermostat_may_write_in_a_transaction() -> None:
    pace = Pace(msgspec.structs.replace(DATA_SET, transaction_share=1.0), seeded(1, "/test"))
    steps = play(household.thermostat(THERMOSTAT, HOME, pace, 0), 11, lambda _: "20")
    assert [step.operation for step in steps[8:]] == [Operation.LOCK, Operation.SET, Operation.COMMIT]
    assert {step.node for step in steps[8:]} == {THERMOSTAT.address}


def test_a_door_lock_reports_subscribes_and_then_rarely_opens() -> None:
    steps = play(household.door_lock(HOME.service("/agent1/doorlock1"), PACE, 0), 5, lambda _: None)
    assert told(steps) == [
        ("set", "open", "false"),
        ("get", "open", None),
        ("subscribe", "open", None),
        ("set", "open", "true"),
        ("set", "open", "false"),
    ]
    assert steps[3].time - steps[2].time > 1_000_000


def test_a_smart_phone_reads_this_and_that() -> None:
    phone = HOME.service("/agent1/questioningservice1")
    steps = play(household.smart_phone(phone, HOME, PACE, 0), 300, lambda _: None)
    assert {step.operation for step in steps} == {Operation.GET}
    read = Counter(HOME.owner(step.node).type for step in steps)
    assert read.most_common(1)[0][0] == "/sensorService"
    assert len(read) >= 6
    assert abs((steps[-1].time - steps[0].time) / 299 - 86_400_000 / 35) < 0.15 * 86_400_000 / 35
