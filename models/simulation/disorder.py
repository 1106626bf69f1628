"""Rows as a loaded network delivers them: some late, some with the time stamp of another."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import msgspec

from models.simulation.trace import Observed

_LATEST = 5
"""Rows by which a late one comes after its turn, at most."""


def disordered(rows: Iterable[Observed], share: float, seed: int) -> Iterator[Observed]:
    """Yield all rows, a share of them (0 to 1) out of order or with their predecessor's time stamp, half each."""
    source = random.Random(f"{seed} disorder")
    late: list[tuple[int, Observed]] = []
    before: int | None = None
    for turn, row in enumerate(rows):
        fate = source.random()
        if fate < share / 2:
            late.append((turn + source.randint(1, _LATEST), row))
        elif fate < share and before is not None:
            yield Observed(msgspec.structs.replace(row.access, time=before), row.label)
        else:
            before = row.access.time
            yield row
        if late:
            yield from (held for due, held in late if due <= turn)
            late = [(due, held) for due, held in late if due > turn]
    yield from (held for _, held in late)
