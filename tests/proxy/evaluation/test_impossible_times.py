"""One wrong time stamp among right ones is found; rows without any order, silences and other clocks are left alone."""

from __future__ import annotations

import random

import pytest

from proxy.evaluation.impossible_times import AROUND, LEAP, without_leaps

SECOND = 1000
HOUR = 3600 * SECOND
START = 1_520_031_600_000
USUAL = [START + second * SECOND for second in range(0, 200, 5)]


def sieved(times: list[int]) -> tuple[list[int], list[tuple[int, str]]]:
    skipped: list[tuple[int, str]] = []
    numbered = [(number, time, time) for number, time in enumerate(times, 1)]
    return list(without_leaps(numbered, lambda line, reason: skipped.append((line, reason)))), skipped


@pytest.mark.parametrize("wrong", [START + HOUR, START + 24 * HOUR, 10**15, START - HOUR, 0])
@pytest.mark.parametrize("place", [1, 2, 20, len(USUAL) - AROUND])
def test_a_row_far_from_all_around_it_is_left_out(wrong: int, place: int) -> None:
    kept, skipped = sieved([*USUAL[:place], wrong, *USUAL[place:]])
    assert kept == USUAL
    ((line, reason),) = skipped
    assert line == place + 1
    assert ("ahead of" if wrong > START else "behind") in reason


def test_the_reason_tells_how_far() -> None:
    _, skipped = sieved([*USUAL[:10], START + 24 * HOUR + 30 * SECOND, *USUAL[10:]])
    assert skipped == [
        (11, f"timestamp {START + 24 * HOUR + 30 * SECOND} is 1,439 minutes ahead of the rows around it")
    ]


def test_a_first_row_is_left_out_if_it_is_ahead_but_not_if_a_silence_follows() -> None:
    assert sieved([START + HOUR, *USUAL])[0] == USUAL
    assert sieved([START - HOUR, *USUAL]) == ([START - HOUR, *USUAL], [])


@pytest.mark.parametrize(
    "times",
    [
        [],
        [START],
        [START, START + HOUR],
        [*USUAL, START + HOUR],
        [*USUAL, *(time + 24 * HOUR for time in USUAL)],
        [*USUAL, *(time - 24 * HOUR for time in USUAL)],
        list(range(START, START + 24 * HOUR, 20 * 60 * SECOND)),
        USUAL[::-1],
        [*USUAL[:10], START + LEAP, *USUAL[10:]],
        random.Random(1).sample(range(START, START + 24 * HOUR, 10 * SECOND), 8640),
    ],
    ids=["none", "one", "two", "silence", "clock ahead", "clock back", "sparse", "reversed", "late", "shuffled"],
)
def test_everything_else_stays_in_its_order(times: list[int]) -> None:
    assert sieved(times) == (times, [])
