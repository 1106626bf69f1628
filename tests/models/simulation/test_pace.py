"""Irregularities of time."""

from __future__ import annotations

import statistics
from itertools import pairwise

from models.simulation.pace import DAY, Pace, seeded
from models.simulation.tempo import DATA_SET


def pace(seed: int = 1) -> Pace:
    return Pace(DATA_SET, seeded(seed, "/agent1/tempin1"))


def test_a_source_is_repeatable_and_belongs_to_one_service() -> None:
    assert seeded(1, "/a").random() == seeded(1, "/a").random()
    assert len({seeded(1, "/a").random(), seeded(1, "/b").random(), seeded(2, "/a").random()}) == 3


def test_turns_on_time_keep_their_period() -> None:
    source, turn, turns = pace(), 0, []
    for _ in range(200):
        turn = source.next_turn(turn, 20_600, turn + 500)
        turns.append(turn)
    gaps = [later - earlier for earlier, later in pairwise(turns)]
    assert abs(statistics.mean(gaps) - 20_600) < 100
    assert 200 < statistics.stdev(gaps) < 400


def test_a_late_turn_is_not_followed_by_a_burst() -> None:
    assert pace().next_turn(0, 20_600, 100_000) == 110_300


def test_a_timer_is_due_a_period_later_but_not_before_its_work_is_done() -> None:
    assert pace().next_due(5_000, 12_000, 5_300) == 17_000
    assert pace().next_due(5_000, 12_000, 40_000) == 40_000


def test_timers_are_late_by_milliseconds_and_never_early() -> None:
    source = pace()
    late = [source.lateness() for _ in range(2000)]
    assert min(late) >= 0
    assert 25 < statistics.stdev(late) < 35


def test_irregular_happenings_come_as_often_as_asked() -> None:
    source = pace()
    gaps = [source.irregular(24.0) for _ in range(2000)]
    assert abs(statistics.mean(gaps) - DAY / 24) < 0.05 * DAY / 24
    assert min(gaps) < DAY / 240
    assert statistics.stdev(gaps) > 0.5 * DAY / 24


def test_services_register_in_order_within_the_window() -> None:
    source = pace()
    times = [source.start_up(position, 10) for position in range(10)]
    assert times == sorted(times)
    assert 0 <= times[0] < 43_100
    assert times[-1] < DATA_SET.registration_window
