"""The parts of the simulation, and how much of each is simulated."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from enum import StrEnum
from functools import partial
from time import perf_counter
from typing import Any

import msgspec

from proxy.evaluation.federated import convergence, healing, partition, poisoning, updates


class Part(StrEnum):
    """What can be simulated."""

    CONVERGENCE = "convergence"
    HEALING = "healing"
    POISONING = "poisoning"
    PARTITION = "partition"
    UPDATES = "updates"


class Extent(StrEnum):
    """How much of each part is simulated."""

    FULL = "full"
    QUICK = "quick"
    """Fewer seeds and sites, and hours instead of days: to see what a report looks like."""


class Results(msgspec.Struct, kw_only=True):
    """What came of the parts that were asked for."""

    seed: int
    extent: Extent
    seconds: dict[str, float] = {}
    """What each part took."""
    convergence: convergence.Convergence | None = None
    healing: healing.Healing | None = None
    poisoning: poisoning.Poisoning | None = None
    partition: partition.Partition | None = None
    updates: updates.Updates | None = None


FULL: dict[Part, Callable[[int], Any]] = {
    Part.CONVERGENCE: partial(convergence.converge, size=convergence.Size()),
    Part.HEALING: partial(healing.heal, size=healing.Size()),
    Part.POISONING: partial(poisoning.poison, size=poisoning.Size()),
    Part.PARTITION: partial(partition.partition, size=partition.Size()),
    Part.UPDATES: partial(updates.update, size=updates.Size()),
}
QUICK: dict[Part, Callable[[int], Any]] = {
    Part.CONVERGENCE: partial(convergence.converge, size=convergence.Size(seeds=1, others=(3,), history=8, days=1.25)),
    Part.HEALING: partial(healing.heal, size=healing.Size(hours=1, removed_after=10, watched=10)),
    Part.POISONING: partial(poisoning.poison, size=poisoning.Size(counts=(4, 10), hours=1)),
    Part.PARTITION: partial(partition.partition, size=partition.Size(sites=2, minutes=10, seeds=2)),
    Part.UPDATES: partial(updates.update, size=updates.Size(hours=1, watched=45)),
}


def simulate(
    parts: Iterable[Part], seed: int, extent: Extent, tell: Callable[[str], None], *, processes: int | None = None
) -> Results:
    """Simulate parts, beside each other.

    Args:
        parts: Which.
        seed: The same one gives the same results, but for how long it took.
        extent: How much of each.
        tell: Is told of each part that ends.
        processes: How many run beside each other; as many as there are processors, if left out.
    """
    results = Results(seed=seed, extent=extent)
    for part, found, seconds in _run(list(dict.fromkeys(parts)), seed, extent, processes or os.cpu_count() or 1):
        setattr(results, part.value, found)
        results.seconds[part.value] = seconds
        tell(f"{part.value}: {seconds:.0f} s")
    return results


def _run(parts: list[Part], seed: int, extent: Extent, processes: int) -> Iterator[tuple[Part, Any, float]]:
    if processes == 1 or len(parts) < 2:  # noqa: PLR2004 -- nothing to be run beside each other
        yield from (perform(part, seed, extent) for part in parts)
        return
    # Spawned, so that no worker has the memory of this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(parts)), mp_context=context) as pool:
        for future in as_completed([pool.submit(perform, part, seed, extent) for part in parts]):
            yield future.result()


def perform(part: Part, seed: int, extent: Extent) -> tuple[Part, Any, float]:
    """Simulate one part; return it with what came of it and the seconds that it took."""
    begun = perf_counter()
    found = (FULL if extent is Extent.FULL else QUICK)[part](seed)
    return part, found, perf_counter() - begun
