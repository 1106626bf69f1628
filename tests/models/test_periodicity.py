from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.periodicity import MOST, WINDOW, Period, Rhythm, bin_of, explained, mine


def rounded(periods: Iterable[Period]) -> list[tuple[float, float, int]]:
    return [(round(each.centre, 2), round(each.spread, 3), each.support) for each in periods]


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        pytest.param([1000, 2000] * 100, [(1000, 0, 100), (2000, 0, 100)], id="alternating"),
        # 1000..1004, 30 of each: mean 1002, variance (4+1+0+1+4)/5 = 2. 5000..5002, 17, 17 and 16 of each.
        pytest.param(
            [1000 + i % 5 for i in range(150)] + [5000 + i % 3 for i in range(50)],
            [(1002, 1.414, 150), (5000.98, 0.812, 50)],
            id="two clusters with noise",
        ),
        pytest.param([50 * i for i in range(200)], [], id="evenly spread"),
        # Within a hundredth of itself, ten milliseconds are noise: variance (100+0+100)/3.
        pytest.param([1000, 1010, 1020] * 20, [(1010, 8.165, 60)], id="noise of one per cent"),
        pytest.param([1000], [], id="one gap"),
        pytest.param([1000, 1000], [], id="a pair is no cluster"),
        pytest.param([60_000] * 200, [(60_000, 0, 200)], id="one constant period"),
        pytest.param([60_000 + i % 7 - 3 for i in range(203)], [(60_000, 2, 203)], id="one period, +-3 ms"),
        pytest.param([1] * 150 + [60_000] * 50, [(1, 0, 150), (60_000, 0, 50)], id="far apart"),
        pytest.param([0] * 40, [(0, 0, 40)], id="all at once"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_periods_are_found(gaps: list[int], expected: list[tuple[float, float, int]]) -> None:
    assert rounded(mine(gaps)) == expected


def test_one_jittering_period_without_outliers_is_found() -> None:
    jitter = random.Random(1)
    (period,) = mine([round(jitter.gauss(20_600, 300)) for _ in range(200)])
    assert period.centre == pytest.approx(20_600, rel=0.01)
    assert period.support > 190


def test_one_silent_night_does_not_hide_a_period() -> None:
    assert rounded(mine([20_000] * 199 + [36_000_000])) == [(20_000, 0, 199)]


def test_random_arrivals_have_no_period() -> None:
    arrivals = random.Random(1)
    gaps = sorted(round(arrivals.expovariate(1 / 20_000)) for _ in range(200))
    assert explained(gaps, mine(gaps)) < 0.5


@given(st.lists(st.integers(0, 10**7), max_size=60), st.randoms())
def test_order_of_gaps_does_not_matter(gaps: list[int], shuffler: random.Random) -> None:
    expected = mine(gaps)
    shuffler.shuffle(gaps)
    assert mine(gaps) == expected


def test_bins_are_fixed_and_an_eighth_of_a_doubling_wide() -> None:
    # 1024 = 2^10 begins an octave: bins of 128.
    assert bin_of(1024) == bin_of(1151) == bin_of(1152) - 1
    assert bin_of(2048) == bin_of(1024) + 8
    assert bin_of(0) == 0 < bin_of(1)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_bins_keep_the_order(one: int, other: int) -> None:
    assert (bin_of(one) <= bin_of(other)) or one > other


def settled(period: int = 20_000, count: int = 60) -> Rhythm:
    rhythm = Rhythm()
    for index in range(count):
        rhythm.accept(index * period)
    return rhythm


LAST = 59 * 20_000
"""Time of the last access of `settled()`."""


def test_young_flow_has_no_period() -> None:
    rhythm = settled(count=20)
    assert rhythm.periods == ()
    assert rhythm.judge(19 * 20_000 + 1, ()) == 0


@pytest.mark.parametrize("gap", [15_000, 18_000, 20_000, 22_000, 39_000, 500_000])
def test_jitter_lateness_and_silence_are_normal(gap: int) -> None:
    assert settled().judge(LAST + gap, ()) < 7


def test_untimely_by_hand() -> None:
    # Tolerance 20 s / 8 = 2.5 s. After 13 s: (7/2.5)^2 = 7.84. After 1 ms: (19.999/2.5)^2 = 64, ended at 25.
    assert settled().judge(LAST + 13_000, ()) == pytest.approx(7.84)
    assert settled().judge(LAST + 1, ()) == MOST


def test_access_after_a_refused_one_is_not_blamed() -> None:
    rhythm = settled()
    assert rhythm.judge(LAST + 9_000, ()) > 7
    assert rhythm.judge(LAST + 20_000, ()) == 0


def test_access_in_time_after_a_late_one_is_not_blamed() -> None:
    rhythm = settled()
    rhythm.accept(LAST + 29_000)
    assert rhythm.judge(LAST + 40_000, ()) == 0


def test_access_in_time_after_an_accepted_extra_one_is_not_blamed() -> None:
    rhythm = settled()
    rhythm.accept(LAST + 14_000)
    assert rhythm.judge(LAST + 20_000, ()) == 0


def test_extra_access_right_after_a_normal_one_is_not_excused_by_the_one_before() -> None:
    assert settled().judge(LAST + 300, ()) == MOST


def test_period_of_the_type_is_in_time_too() -> None:
    assert settled().judge(LAST + 10_000, ()) > 7
    assert settled().judge(LAST + 10_000, (Period(10_000, 0, 50),)) == 0


def test_irregular_flow_has_no_term() -> None:
    arrivals = random.Random(2)
    rhythm = Rhythm()
    time = 0
    for _ in range(300):
        time += round(arrivals.expovariate(1 / 20_000))
        assert rhythm.judge(time, ()) == 0
        rhythm.accept(time)


def test_timer_that_changed_is_learnt() -> None:
    rhythm = settled()
    refused = 0
    time = LAST
    for _ in range(1000):
        time += 8_000
        if rhythm.judge(time, ()) >= 7:
            refused += 1
        else:
            rhythm.accept(time)
    assert 1 <= refused < 40
    assert rhythm.judge(time + 8_000, ()) == 0
    assert [round(each.centre) for each in rhythm.periods] == [8_000]


def test_single_extra_accesses_are_found_again_and_again() -> None:
    rhythm = settled()
    found = 0
    for cycle in range(1, 1001):
        if cycle % 50 == 0:
            found += rhythm.judge(LAST + cycle * 20_000 - 15_000, ()) >= 7
        assert rhythm.judge(LAST + cycle * 20_000, ()) < 7
        rhythm.accept(LAST + cycle * 20_000)
    assert found == 20


def test_late_time_stamp_is_no_anomaly() -> None:
    rhythm = settled()
    assert rhythm.judge(LAST - 5_000, ()) == 0
    assert rhythm.accept(LAST - 5_000) is None


def test_window_is_bounded() -> None:
    assert len(settled(count=10 * WINDOW).state.gaps) == WINDOW


def test_rhythm_survives_storage() -> None:
    rhythm = settled(count=75)
    rhythm.judge(74 * 20_000 + 9_000, ())
    assert Rhythm(rhythm.state).state == rhythm.state
    assert Rhythm(rhythm.state).judge(74 * 20_000 + 9_000, ()) == rhythm.judge(74 * 20_000 + 9_000, ())
