"""Counts over fixed whole-numbered categories. Categories that were never seen are absent, so equal counts are `==`."""

from __future__ import annotations

from collections.abc import Mapping


def add(tally: dict[int, int], other: Mapping[int, int]) -> None:
    """Add other counts to these, in place."""
    for category, times in other.items():
        tally[category] = tally.get(category, 0) + times


def difference(tally: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """Return these counts without what was added before.

    Raises:
        ValueError: `other` cannot have been part of these counts.
    """
    rest = dict(tally)
    for category, times in other.items():
        left = rest.pop(category, 0) - times
        if left < 0:
            raise ValueError("these counts were never added")
        if left:
            rest[category] = left
    return rest


def exchange[K](tally: dict[K, int], before: Mapping[K, int], after: Mapping[K, int]) -> None:
    """Put counts in the place of others that were added before, in place."""
    for category, times in after.items():
        more = times - before.get(category, 0)
        if more:
            _change(tally, category, more)
    for category in before.keys() - after.keys():
        _change(tally, category, -before[category])


def _change[K](tally: dict[K, int], category: K, by: int) -> None:
    if times := tally.get(category, 0) + by:
        tally[category] = times
    else:
        del tally[category]


def scaled(tally: Mapping[int, int], part: int, whole: int) -> dict[int, int]:
    """Return about `part` of `whole` of the counts, in integers; what was seen stays seen."""
    return {category: max(1, times * part // whole) for category, times in tally.items()}
