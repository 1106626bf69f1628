from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.periodicity import MOST, WINDOW, Period, Rhythm, RhythmState, bin_of, explained, mine


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


def settled(period: int = 20_000, count: int = 200) -> Rhythm:
    rhythm = Rhythm()
    for index in range(count):
        rhythm.judge(index * period)
        rhythm.accept(index * period)
    return rhythm


LAST = 199 * 20_000
"""Time of the last access of `settled()`."""


def test_young_flow_has_neither_periods_nor_a_term() -> None:
    rhythm = settled(count=20)
    assert rhythm.periods == ()
    assert rhythm.judge(19 * 20_000 + 1) == 0


def test_flow_is_judged_once_it_has_proved_to_be_regular() -> None:
    assert settled(count=160).judge(159 * 20_000 + 1) == 0
    assert settled(count=170).judge(169 * 20_000 + 1) == MOST


def test_what_was_accepted_without_being_judged_proves_as_much() -> None:
    rhythm = Rhythm()
    for index in range(200):
        rhythm.accept(index * 20_000)
    assert rhythm.judge(LAST + 20_000) == 0
    assert rhythm.judge(LAST + 25_000) == MOST


@pytest.mark.parametrize("gap", [20_000, 20_050, 22_000, 39_000, 500_000])
def test_jitter_lateness_and_silence_are_normal(gap: int) -> None:
    assert settled().judge(LAST + gap) == 0


def test_untimely_by_hand() -> None:
    # Half a due window is the 256th part of 20 s, 78 ms. 100 ms are 3 * 100/78 = 3.84 standard deviations: 14.7.
    assert settled().judge(LAST + 19_900) == pytest.approx(14.7456)
    assert settled().judge(LAST + 19_930) == 0
    assert settled().judge(LAST + 13_000) == MOST


def test_access_after_a_refused_one_is_not_blamed() -> None:
    rhythm = settled()
    assert rhythm.judge(LAST + 9_000) > 7
    assert rhythm.judge(LAST + 20_000) == 0


def test_access_in_time_after_a_late_one_is_not_blamed() -> None:
    rhythm = settled()
    assert rhythm.judge(LAST + 29_000) == 0
    rhythm.accept(LAST + 29_000)
    assert rhythm.judge(LAST + 40_000) == 0


def test_two_timers_on_one_flow_are_told_apart() -> None:
    rhythm = Rhythm()
    for time in sorted([*range(0, 3_000_000, 12_000), *range(1_000, 3_000_000, 30_000)]):
        assert rhythm.judge(time) == 0
        rhythm.accept(time)
    # The grid of gaps knows distances of 5 s, 6 s and 7 s, but neither timer is due then.
    assert rhythm.judge(2_988_000 + 6_000) == MOST
    assert rhythm.judge(3_000_000) == 0
    assert rhythm.judge(3_001_000) == 0


def test_irregular_flow_has_no_term() -> None:
    arrivals = random.Random(2)
    rhythm = Rhythm()
    time = 0
    for _ in range(2_000):
        time += round(arrivals.expovariate(1 / 20_000))
        assert rhythm.judge(time) == 0
        rhythm.accept(time)


@pytest.mark.parametrize("period", [8_000, 19_000, 45_000])
def test_timer_that_changed_is_learnt(period: int) -> None:
    rhythm = settled()
    refused = []
    time = LAST
    for _ in range(1000):
        time += period
        if rhythm.judge(time) >= 7:
            refused.append(time)
        else:
            rhythm.accept(time)
    assert len(refused) <= 5
    assert all(each <= LAST + 60_000 for each in refused)
    assert [round(each.centre) for each in rhythm.periods] == [period]
    assert rhythm.judge(time + period // 2) == MOST


def test_single_extra_accesses_are_found_again_and_again() -> None:
    rhythm = settled()
    attack = random.Random(1)
    made = found = 0
    for cycle in range(1, 1001):
        if attack.random() < 0.01:
            made += 1
            found += rhythm.judge(LAST + cycle * 20_000 - round(attack.uniform(500, 19_500))) >= 7
        assert rhythm.judge(LAST + cycle * 20_000) == 0
        rhythm.accept(LAST + cycle * 20_000)
    assert found == made > 5


def jittering(periods: Sequence[int], rng: random.Random, *, rearmed: bool) -> list[int]:
    """Five hours of timers whose noise is 0.3 % of their periods, s, and adds up if they are rearmed."""
    times = []
    for period in periods:
        phase = rng.uniform(0, 1000 * period)
        for turn in range(18_000 // period):
            noise = rng.gauss(0, 3 * period)
            times.append(round(phase + 1000 * period * turn + noise))
            phase += noise if rearmed else 0.0
    return sorted(times)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rearmed", [False, True])
@pytest.mark.parametrize("periods", [(12, 30), (7, 11, 45), (5,), (60, 61), (20, 900)])
def test_timers_at_work_are_hardly_ever_refused(periods: Sequence[int], rearmed: bool, seed: int) -> None:
    rhythm = Rhythm()
    refused = 0
    times = jittering(periods, random.Random(seed), rearmed=rearmed)
    for time in times:
        if rhythm.judge(time) >= 7:
            refused += 1
        else:
            rhythm.accept(time)
    # 900 s is found only among what was refused: five accesses.
    assert refused <= (8 if 900 in periods else 0.001 * len(times))


def test_gap_of_a_period_is_reported_whether_it_comes_in_time_or_not() -> None:
    rhythm = settled()
    assert rhythm.accept(LAST + 20_000) == 20_000
    assert rhythm.accept(LAST + 27_000) is None


def test_late_time_stamp_is_no_anomaly() -> None:
    rhythm = settled()
    assert rhythm.judge(LAST - 5_000) == 0
    assert rhythm.accept(LAST - 5_000) is None
    assert rhythm.judge(LAST + 20_000) == 0


def test_clock_that_was_set_back_begins_anew() -> None:
    rhythm = settled()
    for index in range(300):
        assert rhythm.judge(3_333 + index * 20_000) == 0
        rhythm.accept(3_333 + index * 20_000)
    assert rhythm.judge(3_333 + 299 * 20_000 + 9_000) == MOST


def test_window_is_bounded() -> None:
    assert len(settled(count=10 * WINDOW).state.gaps) == WINDOW


@pytest.mark.parametrize("count", [75, 200])
def test_rhythm_survives_storage(count: int) -> None:
    rhythm = settled(count=count)
    extra = (count - 1) * 20_000 + 9_000
    rhythm.judge(extra)
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(rhythm.state), type=RhythmState)
    assert state == rhythm.state
    assert Rhythm(state).judge(extra + 1) == rhythm.judge(extra + 1)
