"""A clock made of time stamps: it goes on with the trace, not with one row that is wrong."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.evaluation.exchange_clock import BEHIND, EXCHANGE, STEP, ExchangeClock, Turn

START = 1_520_031_600_000
HOUR = 3_600_000


def played(clock: ExchangeClock, times: Iterable[int]) -> list[tuple[Turn, int]]:
    """Return the turns at which there was an exchange, with their times."""
    return [
        (turn, clock.now)
        for time in times
        if not clock.low <= time < clock.due and (turn := clock.turn(time)) is not Turn.HELD
    ]


def going(begin: int, end: int) -> range:
    return range(START + begin, START + end, 1000)


def on(*times: int) -> list[tuple[Turn, int]]:
    return [(Turn.ON, START + time) for time in times]


def test_exchanges_are_at_the_first_access_of_every_ten_seconds() -> None:
    assert played(ExchangeClock(), going(0, 31_000)) == on(0, EXCHANGE, 2 * EXCHANGE, 3 * EXCHANGE)


def test_one_access_far_ahead_does_not_move_it() -> None:
    clock = ExchangeClock()
    played(clock, going(0, 5000))
    assert played(clock, [START + HOUR, *going(5000, 8000), START + 24 * HOUR, *going(8000, 21_000)]) == on(
        10_000, 20_000
    )


def test_time_goes_on_after_a_silence_with_the_second_access() -> None:
    clock = ExchangeClock()
    played(clock, going(0, 5000))
    assert played(clock, [START + HOUR, START + HOUR + 5000]) == on(HOUR + 5000)
    assert played(clock, going(HOUR + 5000, HOUR + 11_000)) == on(HOUR + 10_000)


def test_of_two_accesses_ahead_the_nearer_one_is_followed() -> None:
    clock = ExchangeClock()
    played(clock, going(0, 5000))
    assert played(clock, [START + HOUR, START + 24 * HOUR]) == on(HOUR)


def test_accesses_minutes_apart_are_time_all_the_same() -> None:
    times = range(START, START + HOUR, 2 * STEP)
    assert len(played(ExchangeClock(), times)) >= len(times) // 2


def test_a_few_accesses_that_are_late_do_not_move_it() -> None:
    clock = ExchangeClock()
    played(clock, going(HOUR, HOUR + 5000))
    late = [START] * (BEHIND - 1)
    assert played(clock, [*late, START + HOUR + 5000, *late, *going(HOUR + 5000, HOUR + 11_000)]) == on(HOUR + 10_000)


def test_time_that_stepped_back_and_stays_there_is_another_clock() -> None:
    clock = ExchangeClock()
    played(clock, going(HOUR, HOUR + 5000))
    turns = played(clock, going(0, 60_000))
    assert turns[0] == (Turn.ANEW, START + (BEHIND - 1) * 1000)
    assert [turn for turn, _ in turns[1:]] == [Turn.ON] * 2
