"""The temperature of a room."""

from __future__ import annotations

import random
import statistics
from itertools import pairwise

from models.simulation.climate import COLDEST, WARMEST, Climate

CYCLE = 20_600


def day(seed: int) -> list[float]:
    climate = Climate(random.Random(seed))
    return [climate.at(time) for time in range(0, 86_400_000, CYCLE)]


def test_it_stays_within_the_range_of_the_data_set() -> None:
    assert all(COLDEST <= each <= WARMEST for seed in range(5) for each in day(seed))


def test_it_moves_smoothly_unlike_noise() -> None:
    measured = day(1)
    step = statistics.mean(abs(later - earlier) for earlier, later in pairwise(measured))
    assert step < 0.25 * statistics.pstdev(measured)


def test_afternoons_are_warmer_than_nights() -> None:
    days = [day(seed) for seed in range(10)]
    eighth = len(days[0]) // 8
    night = statistics.mean(each for one in days for each in one[eighth // 2 : eighth * 3 // 2])
    afternoon = statistics.mean(each for one in days for each in one[eighth * 9 // 2 : eighth * 11 // 2])
    assert afternoon - night > 0.15


def test_rooms_differ() -> None:
    assert statistics.pstdev(statistics.mean(day(seed)) for seed in range(10)) > 0.03
