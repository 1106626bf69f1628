"""What an access follows: the event series that the paper leaves to the future, reduced to what may not be missing.

A service reads before it writes. Of each joint relationship is counted which other one its service used right before,
and how long before; if that is nearly always the same, it is required. New accesses in between, as an update brings, do
not disturb it: only that the required one is missing is unusual.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from models.relationship import Key

MOST = 25.0
"""Where the term ends."""
SURE = 32
"""Scale of the novelty: the term reaches 7 where less than one access in 224 came without the required one."""
SPANS = (1_000, 4_000, 16_000)
"""Event time, ms, within which the access before came: fourfold steps. What lies further back is no sequence."""
SLACK = 4
"""A slow day may stretch a span to the next one."""
SELDOM = 200
"""One required access in this many may have come later, without the span being taken for the longer one."""
ALONE = 0
"""The category of accesses that follow nothing, or one of their own kind."""
_BUCKETS = 128
"""Marks of joint relationships. Two with one mark, 1 in 128, are taken for the same, which hides a missing access."""


def mark_of(key: Key) -> int:
    """Return a short mark of a joint relationship, the same on every machine."""
    text = "\0".join((key.partner, "own" if key.own else "", key.operation, key.data_type))
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=1).digest()[0] % _BUCKETS


def category(mark: int, before: int | None, lag: int) -> int:
    """Return the category in which an access is counted.

    Args:
        mark: Its mark.
        before: That of the instance's access before; None where there is none.
        lag: Event time since that, ms; less than 0 for a late time stamp, which counts as 0.
    """
    if before is None or before == mark:
        return ALONE
    for index, span in enumerate(SPANS):
        if lag < span:
            return 1 + before * len(SPANS) + index
    return ALONE


class Required(NamedTuple):
    """What an access must not come without."""

    mark: int
    within: int
    """Event time, ms."""
    novelty: float
    """The term where it is missing."""


def required(before: Mapping[int, int]) -> Required | None:
    """Read what is required from the counts of categories; None where nothing is, or too little was seen."""
    total = sum(before.values())
    marks: dict[int, int] = {}
    for each, times in before.items():
        if each != ALONE:
            mark = (each - 1) // len(SPANS)
            marks[mark] = marks.get(mark, 0) + times
    if not marks:
        return None
    mark, times = min(marks.items(), key=lambda item: (-item[1], item[0]))
    novelty = (total + 2) / (total - times + 1) / SURE
    if novelty < 1:
        return None
    late = times // SELDOM
    for index in reversed(range(len(SPANS))):
        late -= before.get(1 + mark * len(SPANS) + index, 0)
        if late < 0:
            return Required(mark, SPANS[index] * SLACK, min(MOST, novelty))
    raise AssertionError("the late ones are less than all")
