"""Versions that are kept reach back a week, and are few."""

from __future__ import annotations

from itertools import pairwise

from proxy.federation.client.thinning import MOST, NEWEST, kept

HOUR, DAY = 3600.0, 86_400.0
START = 1_700_000_000.0


def after(minutes: int) -> list[float]:
    """What is kept after a version came every minute, thinned out each time."""
    times: set[float] = set()
    for minute in range(minutes):
        times = kept(times | {START + 60.0 * minute})
    return sorted(times, reverse=True)


def test_nothing_is_made_of_nothing() -> None:
    assert kept([]) == set()


def test_few_versions_are_all_kept_however_old() -> None:
    times = {START, START + 90 * DAY, START + 91 * DAY}
    assert kept(times) == times


def test_a_week_of_a_version_a_minute_leaves_some_of_each_age() -> None:
    found = after(8 * 24 * 60)
    assert len(found) <= MOST
    ages = [found[0] - each for each in found]
    assert ages[:NEWEST] == [0, 60, 120, 180, 240]
    assert sum(HOUR / 2 < age < 6 * HOUR for age in ages) >= 3
    assert ages[-1] > 6 * DAY
    gaps = [b - a for a, b in pairwise(ages)]
    assert max(gaps) <= DAY
