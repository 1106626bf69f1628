"""What a service type writes: the range of its numbers, the vocabulary of its texts (the paper's future work).

A value belongs to exactly one category: a fixed bin of numbers, a fixed bucket of texts, or a kind of its own. So what
is known is counts over fixed keys: adding is exact, also of ranges, whose ends are read from the counts. Nothing of a
text but seven bits of its hash is kept.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

MOST = 25.0
"""Where the terms end, five standard deviations: a strange value is worth a refusal, never a quarantine."""
SURE = 32
"""Scale of the novelty: a new value reaches the threshold of 7 where less than one change in 224 brought a new one."""
STATIONARY = 16
"""Numbers are judged where at least one change in this many goes down, and one up: others are counters and clocks."""
TRIM = 200
"""One change in this many may lie beyond either end of the range: what taught by mistake does not widen it, nor what
drifts too fast. An exponential distribution has less than one value in a thousand beyond these ends and the margin."""
MARGIN = 8
"""Shares of the range's width that are one standard deviation beyond its ends; half a bin is the least."""

_PARTS = 8
"""Bins per doubling of a number."""
_LEAST = -10
"""Numbers below two to this power are taken for zero."""
_GREATEST = 60
"""Numbers from two to this power on are huge. Milliseconds since the epoch are below two to the 41st."""
_ZERO = 0
_BINS = (_GREATEST - _LEAST) * _PARTS
NOT_A_NUMBER, INFINITE, HUGE, EMPTY, BOOLEAN, STRUCTURED, LONG = range(_BINS + 1, _BINS + 8)
TEXTS = 1 << 10
"""The first category of texts."""
_BUCKETS = 128
"""Buckets of texts. A new one falls into one of k that are in use with probability k/128, and passes."""
_LONGEST = 64
"""Characters from which on a text is only a long one."""
_BOOLEANS = frozenset({"true", "false", "on", "off", "yes", "no"})
_BEGIN_NUMBER = frozenset("0123456789-+.nNiI")
_BEGIN_STRUCTURE = frozenset("{[<")


class Value(NamedTuple):
    """A value as it is judged."""

    category: int
    number: float | None
    """None for all but finite numbers that are not huge."""


def read(text: str) -> Value:
    """Tell the category of a value, and its number if it is one."""
    first = text[:1]
    if first in _BEGIN_NUMBER and len(text) <= _LONGEST:
        try:
            number = float(text)
        except ValueError:
            return Value(_category_of(text), None)
        return _of(number)
    return Value(_category_of(text) if len(text) <= _LONGEST else _category_of_long(first), None)


def _of(number: float) -> Value:
    if math.isnan(number):
        return Value(NOT_A_NUMBER, None)
    if math.isinf(number):
        return Value(INFINITE, None)
    index = bin_of(number)
    return Value(HUGE, None) if index is None else Value(index, number)


def bin_of(number: float) -> int | None:
    """Return the fixed bin of a finite number: eight per doubling, negative below zero; None for a huge number."""
    mantissa, exponent = math.frexp(abs(number))
    if not mantissa or exponent <= _LEAST:
        return _ZERO
    if exponent > _GREATEST:
        return None
    index = (exponent - _LEAST - 1) * _PARTS + int((2 * mantissa - 1) * _PARTS) + 1
    return index if number > 0 else -index


def edges(index: int) -> tuple[float, float]:
    """Return the ends of a bin of numbers, the lower one first."""
    if index == _ZERO:
        return 0.0, 0.0
    octave, part = divmod(abs(index) - 1, _PARTS)
    one, other = (math.ldexp(1 + each / _PARTS, octave + _LEAST) for each in (part, part + 1))
    return (one, other) if index > 0 else (-other, -one)


@lru_cache(maxsize=1024)
def _category_of(text: str) -> int:
    if not text:
        return EMPTY
    if text.lower() in _BOOLEANS:
        return BOOLEAN
    if text[0] in _BEGIN_STRUCTURE:
        return STRUCTURED
    return TEXTS + hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=1).digest()[0] % _BUCKETS


def _category_of_long(first: str) -> int:
    return STRUCTURED if first in _BEGIN_STRUCTURE else LONG


def is_number(category: int) -> bool:
    """Tell whether a category is a bin of numbers."""
    return category <= _BINS


def fell(before: Value, now: Value) -> bool:
    """Tell whether a value changed from a number to a smaller one."""
    return before.number is not None and now.number is not None and now.number < before.number


class Usual(msgspec.Struct, frozen=True):
    """What a type usually writes in one relationship, ready for scoring."""

    seen: frozenset[int]
    low: float
    """Lower end of the range of numbers."""
    high: float
    scale: float
    """One standard deviation beyond the ends; infinite where numbers are not judged."""
    number_novelty: float
    text_novelty: float

    def judge(self, value: Value) -> tuple[float, float]:
        """Return the terms of a value, 0 to 25: `value` for a number, `text` for all else."""
        number = value.number
        if number is not None and self.scale:
            beyond = max(self.low - number, number - self.high, 0.0)
            return (min(MOST, self.number_novelty, (beyond / self.scale) ** 2), 0.0) if beyond else (0.0, 0.0)
        return 0.0, 0.0 if value.category in self.seen else min(MOST, self.text_novelty)


def usual(changes: Mapping[int, int], falls: int) -> Usual | None:
    """Read what is usual; None where too few changes were seen to call anything unusual.

    Args:
        changes: Changes to each category. A value that is written again tells nothing new and is not counted.
        falls: Those from a number to a smaller one.
    """
    total = sum(changes.values())
    if total < SURE:
        return None
    numbers = {index: times for index, times in changes.items() if is_number(index)}
    low = high = scale = 0.0
    if numbers:
        low, high = _range(numbers)
        count = sum(numbers.values())
        wander = min(falls, count - falls)
        scale = (
            max(_half_bin(low), _half_bin(high), (high - low) / MARGIN, math.ldexp(1, _LEAST))
            if wander * STATIONARY >= count
            else math.inf
        )
    return Usual(frozenset(changes), low, high, scale, _novelty(numbers), _novelty(changes))


def _range(numbers: Mapping[int, int]) -> tuple[float, float]:
    spare = sum(numbers.values()) // TRIM
    ordered = sorted(numbers)
    return edges(_first(ordered, numbers, spare))[0], edges(_first(ordered[::-1], numbers, spare))[1]


def _first(indices: list[int], numbers: Mapping[int, int], spare: int) -> int:
    for index in indices:
        spare -= numbers[index]
        if spare < 0:
            return index
    raise AssertionError("the spare part is less than the whole")


def _half_bin(end: float) -> float:
    index = bin_of(end)
    if not index:
        return 0.0
    low, high = edges(index)
    return (high - low) / 2


def _novelty(changes: Mapping[int, int]) -> float:
    """Return the novelty of a new category (Good and Turing), scaled so that it can be compared with the threshold."""
    once = sum(times == 1 for times in changes.values())
    return (sum(changes.values()) + 2) / (once + 1) / SURE
