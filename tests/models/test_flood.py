from __future__ import annotations

import math

import pytest

from models.clustering_feature import ClusteringFeature
from models.flood import FAST, HABIT, SLOW, UNIT, Habit, LeakyCounters, level


def regular(period: int, count: int) -> LeakyCounters:
    counters = LeakyCounters(0)
    for index in range(count):
        counters.hit(index * period)
    return counters


def feature(*counts: float) -> ClusteringFeature:
    result = ClusteringFeature()
    for count in counts:
        result.observe(round(count * UNIT), 0)
    return result


def test_counter_by_hand() -> None:
    # c <- c * exp(-dt/tau) + 1: first 1, then 20 s later exp(-2)+1 and exp(-1/3)+1.
    counters = LeakyCounters(0)
    counters.hit(0)
    assert (counters.fast, counters.slow) == (1, 1)
    counters.hit(20_000)
    assert counters.fast == pytest.approx(math.exp(-2) + 1)
    assert counters.slow == pytest.approx(math.exp(-1 / 3) + 1)


def test_counter_settles_at_the_sum_of_the_series() -> None:
    counters = regular(20_000, 200)
    assert counters.fast == pytest.approx(1 / (1 - math.exp(-2)))
    assert counters.slow == pytest.approx(1 / (1 - math.exp(-1 / 3)))


def test_late_time_stamp_counts_as_now() -> None:
    counters = LeakyCounters(10_000)
    counters.hit(10_000)
    counters.hit(4_000)
    assert (counters.fast, counters.slow, counters.time) == (2, 2, 10_000)


def test_far_out_of_order_is_another_clock() -> None:
    counters = LeakyCounters(10**12)
    counters.hit(10**12)
    counters.hit(10**6)
    counters.hit(10**6 + 600_000)
    assert counters.fast == pytest.approx(1)


def test_long_silence_does_not_overflow() -> None:
    counters = LeakyCounters(0)
    counters.hit(10**15)
    assert counters.fast == 1


def test_excess_by_hand() -> None:
    # Counters always at 2 have variance 0; a Poisson process of mean 2 has variance 2; 4 points widen it by 5/4.
    # At 7: (7-2)^2 / (2 * 5/4) = 25 / 2.5 = 10.
    normal = level(feature(2, 2, 2, 2), SLOW)
    assert normal is not None
    assert normal.excess(7) == pytest.approx(10)
    assert normal.excess(1) == 0


def test_measured_variance_counts_where_it_is_larger() -> None:
    # 0 and 8: mean 4, variance 16, widened by 3/2: (16-4)^2 / 24 = 6.
    normal = level(feature(0, 8), SLOW)
    assert normal is not None
    assert normal.excess(16) == pytest.approx(6)


def test_nothing_is_normal_without_points() -> None:
    assert level(ClusteringFeature(), SLOW) is None


def test_slow_counter_sees_a_flow_become_four_times_as_fast() -> None:
    # 20 s: both counters settle (above); at 5 s the slow one settles at 1/(1-exp(-1/12)) = 12.5, the fast one at 2.5.
    usual, faster = regular(20_000, 200), regular(5_000, 200)
    slow, fast = level(feature(*[usual.slow] * 1000), SLOW), level(feature(*[usual.fast] * 1000), FAST)
    assert slow is not None
    assert fast is not None
    assert slow.excess(faster.slow) > 7 > fast.excess(faster.fast)


def test_limit_lets_a_counter_recover() -> None:
    counters = regular(1, 5_000)
    normal = level(feature(*[3.5] * 1000), SLOW)
    assert normal is not None
    counters.limit(normal.limit, normal.limit)
    # Ten deviations above normal, sqrt(3.5 * 1.001) each.
    assert counters.slow == pytest.approx(3.5 + 10 * math.sqrt(3.5035))
    assert normal.excess(counters.slow) == pytest.approx(100)


def test_pause_is_three_quarters_of_the_usual_distance() -> None:
    # Events 20 s apart: the slow counter settles at 1 / (1 - exp(-1/3)); 0.75 of 20 s is 15 s.
    normal = level(feature(*[regular(20_000, 200).slow] * 1000), SLOW)
    assert normal is not None
    assert normal.pause == pytest.approx(15_000, rel=0.001)


def test_what_comes_too_rarely_to_know_its_distance_has_no_pause() -> None:
    normal = level(feature(1, 1), SLOW)
    assert normal is not None
    assert normal.pause == math.inf


def test_after_a_pause_the_flood_is_over() -> None:
    counters = regular(1, 5_000)
    normal = level(feature(*[3.5] * 1000), SLOW)
    assert normal is not None
    counters.limit(normal.calm, normal.calm)
    assert normal.excess(counters.slow) == pytest.approx(4)


def test_habit_of_a_busy_flow_is_its_own() -> None:
    # Readings of 6 and 8 in turn: mean 7, variance 1, so Poisson's 7 counts: (14 - 7)^2 / 7 = 7.
    habit = Habit()
    for reading in [6.0, 8.0] * (HABIT // 2):
        habit.observe(reading)
    assert habit.excess(14, usual=3.5) == pytest.approx(7)
    assert habit.excess(6, usual=3.5) == 0


def test_young_habit_counts_for_nothing() -> None:
    habit = Habit()
    for _ in range(HABIT - 1):
        habit.observe(7.0)
    assert habit.excess(7, usual=3.5) == math.inf


def test_flood_that_grew_slowly_is_no_habit() -> None:
    habit = Habit()
    for step in range(20 * HABIT):
        habit.observe(3.5 + step / 500)
    assert habit.excess(3.5 + 20 * HABIT / 500, usual=3.5) == math.inf
