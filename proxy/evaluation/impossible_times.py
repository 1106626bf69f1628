"""Time stamps that no clock can have shown: one row far from all rows around it, which agree with each other.

Such a row is mended nowhere else: whoever takes its time for the time that it is waits until the others get there, and
learns nothing meanwhile. Rows in no order at all stay, as there is nothing that those around them agree on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

AROUND = 4
"""Rows before and after one that must agree on the time."""
AGREEMENT = 300_000
"""Milliseconds within which they do."""
LEAP = 600_000
"""Milliseconds by which a row must miss all of them. Delayed rows and short steps of a clock are less."""


def without_leaps[T](rows: Iterable[tuple[int, int, T]], skip: Callable[[int, str], None]) -> Iterator[T]:
    """Yield rows but for those whose time leaps, each as soon as those after it are known.

    Before the first row there may have been any silence, so it leaps only if it is ahead of what follows; the last
    `AROUND` rows are never said to leap, since nothing after them tells.

    Args:
        rows: Line number, event time (ms) and the row itself, in the order of the file.
        skip: Is told the line number of a row that is left out, and why.
    """
    before: deque[int] = deque(maxlen=AROUND)
    ahead: deque[tuple[int, int, T]] = deque()
    for each in rows:
        ahead.append(each)
        if len(ahead) <= AROUND:
            continue
        line, time, row = ahead.popleft()
        near = before and -LEAP <= time - before[-1] <= LEAP
        off = 0 if near else _off(time, before, [later for _, later, _ in ahead])
        if off:
            skip(line, f"timestamp {time} is {_told(off)} the rows around it")
            continue
        before.append(time)
        yield row
    for _, _, row in ahead:
        yield row


def _off(time: int, before: Iterable[int], after: Iterable[int]) -> int:
    """Return by how many ms a time leaps out of those around it; 0 if it does not, negative if it is behind."""
    preceding = list(before)
    around = [*preceding, *after]
    first, last = min(around), max(around)
    if last - first > AGREEMENT:
        return 0
    if time - last > LEAP:
        return time - last
    return time - first if preceding and first - time > LEAP else 0


def _told(off: int) -> str:
    minutes = abs(off) // 60_000
    return f"{minutes:,} minutes {'ahead of' if off > 0 else 'behind'}"
