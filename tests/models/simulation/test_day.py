"""Day and night."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.simulation.day import ALWAYS_ALIKE, HOUR, Day
from models.simulation.pace import Pace, seeded
from models.simulation.tempo import DATA_SET

ORIGIN = 1_520_031_600_000


def test_without_hours_all_times_are_alike() -> None:
    assert (ALWAYS_ALIKE.awake(7), ALWAYS_ALIKE.slowness(7), ALWAYS_ALIKE.rarity(7)) == (7, 1.0, 1.0)


@pytest.mark.parametrize(
    ("hour", "night"), [(21.9, False), (22, True), (3, True), (5.9, True), (6, False), (12, False)]
)
def test_a_night_runs_over_midnight(hour: float, night: bool) -> None:
    day = Day(origin=ORIGIN, night=(22, 6), slower=3, rarer=5)
    time = ORIGIN + round(hour * HOUR)
    assert (day.slowness(time), day.rarity(time)) == ((3, 5) if night else (1, 1))


@given(
    time=st.integers(0, 10 * 24 * HOUR),
    begin=st.integers(0, 23),
    length=st.integers(1, 20),
)
def test_what_falls_into_a_silence_waits_for_its_end_and_nothing_else_waits(time: int, begin: int, length: int) -> None:
    end = (begin + length) % 24
    day = Day(silent=(begin, end))
    awake = day.awake(time)
    assert time <= awake <= time + length * HOUR
    assert day.awake(awake) == awake
    assert awake == time or day.hour(awake) == end


def test_loops_slow_down_at_night_and_sleep_through_a_silence() -> None:
    def next_turn(day: Day) -> int:
        return Pace(DATA_SET, seeded(1, "/a"), day).next_turn(1000, 20_600, 1100)

    assert abs(next_turn(Day()) - 21_600) < 1500
    assert abs(next_turn(Day(night=(0, 6), slower=2)) - 42_200) < 1500
    assert 2 * HOUR <= next_turn(Day(silent=(0, 2))) <= 2 * HOUR + 20_600
