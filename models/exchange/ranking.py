"""The first of many keys by rank, without sorting all of them whenever somebody asks.

Hostile origins may bring a thousand keys each into one sum. Of these only the first are told, to each origin after
every change; so a front of some thousand is kept, in which the first are found quickly.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Sequence
from typing import Any

_LEAST = 512
"""Keys that the front has at least, where there are so many."""
_MOST = 4096
"""Keys that it has at most."""


class Ranking[K, R: tuple[Any, ...]]:
    """Who is first among keys that come, go, and change their rank."""

    def __init__(self, keys: Collection[K], rank: Callable[[K], R]) -> None:
        """Take what is ranked.

        Args:
            keys: All of them: a view of what whoever calls keeps.
            rank: Of a key, as it is now. No two have the same, and the greatest is first.
        """
        self._keys = keys
        self._rank = rank
        self._front: dict[K, R] | None = None
        """All keys of the lowest rank in it or a greater one; None where there are so few that nobody needs it."""
        self._lowest: R
        self._ordered: list[K] | None = None

    def note(self, changed: Collection[K]) -> None:
        """Take account of keys that came, went, or have another rank now."""
        if self._front is None:
            return
        self._ordered = None
        for key in changed:
            if key in self._keys and (rank := self._rank(key)) >= self._lowest:
                self._front[key] = rank
            else:
                self._front.pop(key, None)

    def first(self, number: int) -> Sequence[K]:
        """Return so many, the first ones in their order; where there are no more, all of them in any order.

        Args:
            number: A half of `_MOST` at most.
        """
        if len(self._keys) <= number:
            if len(self._keys) <= _LEAST:
                self._front = self._ordered = None
            return list(self._keys)
        front = self._front
        if front is None or not number <= len(front) <= _MOST:
            # Twice as many are taken as are needed, and so many come or go until this is done again.
            ranks = heapq.nlargest(2 * max(number, _LEAST), ((self._rank(key), key) for key in self._keys))
            self._front = front = {key: rank for rank, key in ranks}
            self._lowest = ranks[-1][0]
            self._ordered = list(front)
        elif self._ordered is None:
            self._ordered = sorted(front, key=front.__getitem__, reverse=True)
        return self._ordered[:number]
