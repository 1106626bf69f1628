"""Periods in inter-arrival times, as the paper has it (section II-C): density grid, then one iteration of k-means.

Gaps are in milliseconds of event time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from models.clustering_feature import ClusteringFeature

WINDOW = 200
"""Inter-arrival times that are kept per flow."""
CELLS = 100
"""The paper's p."""
TAU = 5
"""The paper's density threshold: a cell is dense that holds at least this many of 100 points. The same share is the
least that a period of a model must have: below it traffic is not periodic."""
FEWEST = 3
"""Points of a dense cell and of a cluster at least: in a short window tau is one point, and one or two gaps repeat
nothing."""


def mine(gaps: Sequence[int]) -> tuple[ClusteringFeature, ...]:
    """Find the clusters of inter-arrival times; their centres are the periods.

    The first cell begins at the shortest gap and the last ends at the longest. Neighbouring dense cells are one
    cluster, its first centre lies in their middle. One iteration of k-means then gives every gap to the nearest centre
    (the lower one, where two are as near); the mean of what it got is the centre.

    Args:
        gaps: Non-negative times between accesses; their order does not matter.

    Returns:
        Clusters by rising centre, without times; nothing where no cell is dense: the flow is not periodic.
    """
    if len(gaps) < FEWEST:
        return ()
    ordered = sorted(gaps)
    shortest = ordered[0]
    span = ordered[-1] - shortest
    if not span:
        return (_summary(ordered),)
    cells = [0] * (CELLS + 1)
    for gap in ordered:
        cells[(gap - shortest) * CELLS // span] += 1
    cells[CELLS - 1] += cells.pop()  # the longest gap is the end of the last cell
    width = span / CELLS
    centres = [shortest + width * (start + end) / 2 for start, end in runs(cells, len(ordered))]
    if not centres:
        return ()
    borders = [0, *(bisect_right(ordered, (low + high) / 2) for low, high in pairwise(centres)), len(ordered)]
    clusters = (_summary(ordered[start:end]) for start, end in pairwise(borders))
    return tuple(each for each in clusters if each.n >= FEWEST)


def runs(cells: Sequence[int], points: int) -> list[tuple[int, int]]:
    """Return the runs of neighbouring dense cells as half-open ranges; `points` is how many there are in all."""
    found: list[tuple[int, int]] = []
    for index, count in enumerate(cells):
        if count < FEWEST or 100 * count < TAU * points:
            continue
        if found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found


def _summary(gaps: Sequence[int]) -> ClusteringFeature:
    return ClusteringFeature(len(gaps), sum(gaps), sum(gap * gap for gap in gaps))
