from __future__ import annotations

import math
import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.timers import COVERED, MOST_TIMERS, STRAYS, Timers, covered, extract


def grid(period: float, jitter: float, until: float, rng: random.Random, phase: float) -> list[int]:
    """A timer on a fixed grid: its noise does not add up."""
    count = int((until - phase) / period)
    return [round(phase + turn * period + rng.uniform(0, jitter)) for turn in range(count)]


def loop(period: float, jitter: float, until: float, rng: random.Random, phase: float) -> list[int]:
    """A loop that re-arms after completion: its noise adds up."""
    times = []
    time = phase
    while time < until:
        times.append(round(time))
        time += rng.gauss(period, jitter)
    return times


def superposed(periods: Sequence[float], jitter: float, until: float, rng: random.Random) -> list[int]:
    """Timers with noise of that share of their periods, s, at random phases."""
    return sorted(
        time
        for period in periods
        for time in grid(1000 * period, jitter * 1000 * period, until, rng, rng.uniform(0, 1000 * period))
    )


def periods(times: Sequence[int]) -> list[int]:
    return sorted(round(each.period / 1000) for each in extract(sorted(times)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("expected", [(12, 30), (7, 11, 45), (20,), (5, 60), (60, 61)])
def test_superposed_timers_are_named(expected: tuple[int, ...], seed: int) -> None:
    times = superposed(expected, 0.001, 4_000_000, random.Random(seed))
    assert periods(times[:64]) == list(expected)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("jitter", [0.001, 0.005])
def test_loop_whose_noise_adds_up_is_one_timer(jitter: float, seed: int) -> None:
    assert periods(loop(20_000, jitter * 20_000, 2_000_000, random.Random(seed), 0)) == [20]


@pytest.mark.parametrize("seed", range(5))
def test_irregular_flow_has_no_timers(seed: int) -> None:
    assert extract(arrivals(20_000, 200, random.Random(seed))) == []


def test_few_accesses_may_belong_to_no_timer() -> None:
    times = [20_000 * turn for turn in range(60)]
    assert periods([*times, 13_000, 613_000]) == [20]
    assert periods([*times, *(13_000 + 100_001 * turn**2 // 10 for turn in range(10))]) == []


@pytest.mark.parametrize("times", [[], [5], [5, 5, 5, 5, 5], [0, 20_000, 40_000]])
def test_too_little_to_tell(times: list[int]) -> None:
    assert extract(times) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(10**12), 10**12), max_size=80))
def test_any_times_are_safe_and_their_timers_are_tight_and_due_later(times: list[int]) -> None:
    ordered = sorted(times)
    found = extract(ordered)
    assert covered(found) <= COVERED
    for timer in found:
        assert timer.period > 0
        assert timer.due + timer.period > ordered[-1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 60_000), max_size=300), st.randoms(use_true_random=False))
def test_whatever_follows_the_answer_is_finite_and_what_is_kept_is_bounded(
    gaps: list[int], chance: random.Random
) -> None:
    timers: Timers | None = followed([20_000 * turn for turn in range(200)])
    time = 199 * 20_000
    for gap in gaps:
        if timers is None:
            return
        time += gap
        off = timers.judge(time)
        if off is None:
            timers = None
            continue
        assert 0 <= off < math.inf
        if chance.random() < 0.5:
            timers.accept(time)
        assert len(timers.timers) <= MOST_TIMERS
        assert len(timers.state.strays) <= STRAYS


def arrivals(mean: float, count: int, rng: random.Random) -> list[int]:
    times = [0]
    for _ in range(count):
        times.append(times[-1] + round(rng.expovariate(1 / mean)))
    return times


def followed(times: Sequence[int]) -> Timers:
    """Timers that were found in the first accesses and proved themselves in the others."""
    timers = Timers(extract(times[:64]), times[63])
    for time in times[64:]:
        assert timers.judge(time) is not None
        timers.accept(time)
    return timers


def refused(timers: Timers, times: Sequence[int]) -> list[int]:
    """Judge, and let teach what was not refused; from where the timers are given up, nothing is refused."""
    found = []
    for time in times:
        off = timers.judge(time)
        if off is None:
            break
        if off:
            found.append(time)
        else:
            timers.accept(time)
    return found


def clock(period: int, begin: int, count: int) -> list[int]:
    return [begin + period * turn for turn in range(count)]


TRUSTED = clock(20_000, 0, 200)
LAST = TRUSTED[-1]


def test_trust_begins_after_a_hundred_accesses_in_time() -> None:
    for count in (64, 120, 163):
        assert followed(TRUSTED[:count]).judge(TRUSTED[count - 1] + 5_000) == 0
    assert (followed(TRUSTED[:165]).judge(TRUSTED[164] + 5_000) or 0) > 1


def test_extra_accesses_delay_trust_only() -> None:
    extras = [20_000 * turn + 7_000 for turn in (80, 130)]
    timers = followed(sorted([*TRUSTED[:180], *extras]))
    assert not refused(timers, [179 * 20_000 + 5_000])
    timers = followed(sorted([*TRUSTED, *clock(20_000, LAST + 20_000, 80), *extras]))
    assert refused(timers, [LAST + 80 * 20_000 + 5_000])


@pytest.mark.parametrize("seed", range(4))
def test_single_extra_accesses_are_refused_and_hardly_anything_else(seed: int) -> None:
    rng = random.Random(seed)
    times = superposed((12, 30), 0.003, 20_000_000, rng)
    extras = {rng.randrange(times[200], times[-1]) for _ in range(len(times) // 100)}
    found = refused(followed(times[:200]), sorted([*times[200:], *extras]))
    assert len(extras.intersection(found)) >= 0.85 * len(extras)
    # The normal access whose due time an extra one claimed just before is refused instead.
    assert len(set(found) - extras) <= 0.1 * len(extras)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_refused_where_some_accesses_come_much_too_late(seed: int) -> None:
    rng = random.Random(seed)
    times = sorted(time + round(min(100 * rng.paretovariate(1.5), 9_000)) for time in clock(20_600, 0, 3_000))
    found = extract(times[:64])
    assert not found or not refused(Timers(found, times[63]), times[64:])


def test_lost_tick_and_late_access_are_no_attack() -> None:
    due = LAST + 20_000
    rest = [due, due + 40_000, due + 63_000, due + 80_000, due + 107_000, due + 127_000, due + 147_000]
    assert refused(followed(TRUSTED), rest) == []


def test_silent_night_and_shifted_phases_are_no_attack() -> None:
    times = sorted([*clock(12_000, 0, 250), *clock(30_000, 1_000, 100)])
    morning = times[-1] + 36_004_321
    shifted = sorted([*clock(12_000, morning, 50), *clock(30_000, morning + 3_700, 20)])
    assert len(refused(followed(times), shifted)) <= 2


def test_each_due_time_is_claimed_once() -> None:
    timers = followed(TRUSTED)
    assert timers.judge(LAST + 20_000) == 0
    assert (timers.judge(LAST + 20_001) or 0) > 5


def test_late_time_stamp_is_in_time() -> None:
    assert followed(TRUSTED).judge(3) == 0


def test_refused_access_moves_no_phase() -> None:
    timers = followed(TRUSTED)
    timers.judge(LAST + 20_030)  # never accepted
    assert timers.timers[0].due == pytest.approx(LAST + 40_000)


def test_new_timer_beside_the_old_is_learnt_after_a_few_refusals() -> None:
    both = sorted([*clock(20_000, LAST + 20_000, 90), *clock(47_000, LAST + 23_000, 40)])
    assert 1 <= len(refused(followed(TRUSTED), both)) <= 5


@pytest.mark.parametrize("period", [5_000, 8_000, 19_000, 21_000, 33_000])
def test_timer_that_changed_is_refused_for_a_minute_at_most(period: int) -> None:
    rest = clock(period, LAST + period, 200)
    found = refused(followed(TRUSTED), rest)
    assert len(found) <= 8
    assert all(time <= LAST + 60_000 for time in found)


def test_timer_that_stopped_leaves_the_others_in_force() -> None:
    times = sorted([*clock(12_000, 0, 250), *clock(30_000, 1_000, 100)])
    timers = followed(times)
    last = 12_000 * 249
    assert refused(timers, clock(12_000, last + 12_000, 120)) == []
    assert [round(each.period) for each in timers.timers] == [12_000]
    assert refused(timers, [last + 12_000 * 120 + 5_000])


def test_irregular_accesses_beside_a_timer_end_the_trust() -> None:
    rng = random.Random(3)
    irregular = [LAST + 1_234 + time for time in arrivals(60_000, 300, rng)]
    rest = sorted([*clock(20_000, LAST + 20_000, 900), *irregular])
    assert len(set(refused(followed(TRUSTED), rest)).intersection(irregular)) < 15


def test_timers_survive_storage() -> None:
    timers = followed(TRUSTED)
    timers.judge(LAST + 6_000)
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(timers.state), type=type(timers.state))
    assert Timers.restored(state).state == timers.state
    assert Timers.restored(state).judge(LAST + 11_000) == timers.judge(LAST + 11_000)
