"""Which of many versions are kept: the newest, and ever fewer of those before, so that they reach back a week."""

from __future__ import annotations

from collections.abc import Iterable

NEWEST = 5
HOURS = 4
DAYS = 7
MOST = NEWEST + HOURS + DAYS
"""Versions that are kept of one service type at most."""
_HOUR = 3600
_DAY = 24 * _HOUR


def kept(received: Iterable[float]) -> set[float]:
    """Return which of the times at which versions came (real time, s) are those of versions to be kept.

    They are the `NEWEST` ones, and the last one of each hour and of each day, as many of these as there is room for.
    Hours and days are those of the clock: with ones that move, every version would come to be between two of them.
    """
    times = sorted(received, reverse=True)
    found = set(times[:NEWEST])
    for span, most in ((_HOUR, HOURS), (_DAY, DAYS)):
        latest: dict[int, float] = {}
        for time in times:
            latest.setdefault(int(time // span), time)
        # The newest of all is the last one of the hour and of the day that go on.
        found |= set(list(latest.values())[: most + 1])
    return found
