"""Accesses as vectors of numbers, for methods that take nothing else.

All features that ours uses are in them, each within 0 to 1: the types of caller and partner, the operation, the data
type and the sort of partner (own service, same room, other room) as one-hot vectors, the time since the flow's last
access on a logarithmic scale, and the value that is exchanged.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from models.access import Access

DAY = 86_400_000.0
"""Milliseconds; a longer pause counts as this long."""

type Vectors = npt.NDArray[np.float64]


class Vocabulary:
    """What the vectors can express: the categories of a whole trace, and the range of its numbers.

    It is known from the start, which flatters: trees that grow online could not use a category that comes later.
    """

    def __init__(self, accesses: Iterable[Access]) -> None:
        """Look at all accesses that will be encoded."""
        self.columns: dict[tuple[str, Hashable], int] = {}
        lowest, highest = math.inf, -math.inf
        for access in accesses:
            for category in _categories(access):
                self.columns.setdefault(category, len(self.columns))
            number = _number(access.value)
            if number is not None:
                lowest, highest = min(lowest, number), max(highest, number)
        self.lowest, self.span = (lowest, highest - lowest or 1.0) if highest >= lowest else (0.0, 1.0)
        self.gap, self.value, self.valued = range(len(self.columns), len(self.columns) + 3)
        self.width = len(self.columns) + 3
        """Numbers in a vector."""


class Encoder:
    """Encodes accesses in their order; remembers when each flow was last used."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Start without flows."""
        self._vocabulary = vocabulary
        self._last: dict[tuple[str, str, str], int] = {}

    def encode(self, accesses: Sequence[Access]) -> Vectors:
        """Return the vectors, shape (number of accesses, width); a flow's first access has the longest pause."""
        vocabulary = self._vocabulary
        vectors = np.zeros((len(accesses), vocabulary.width))
        for vector, access in zip(vectors, accesses, strict=True):
            for category in _categories(access):
                vector[vocabulary.columns[category]] = 1.0
            vector[vocabulary.gap] = self._gap(access)
            number = _number(access.value)
            if number is not None:
                vector[vocabulary.value] = (number - vocabulary.lowest) / vocabulary.span
                vector[vocabulary.valued] = 1.0
        return vectors

    def _gap(self, access: Access) -> float:
        flow = access.source, access.node, access.operation
        last = self._last.get(flow)
        self._last[flow] = access.time
        gap = DAY if last is None else min(DAY, max(0, access.time - last))
        return math.log1p(gap) / math.log1p(DAY)


def _categories(access: Access) -> tuple[tuple[str, Hashable], ...]:
    same = access.source_location == access.destination_location
    return (
        ("caller", access.source_type),
        ("partner", access.destination_type),
        ("operation", access.operation),
        ("data type", access.data_type),
        ("place", "own" if access.own else same),
    )


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
