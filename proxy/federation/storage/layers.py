"""Several states of one topic in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.federation.storage.base import Row


def layers(rows: Sequence[Row]) -> list[list[int]]:
    """Split rows so that no part has a topic of an origin twice; what comes later is in a later part.

    One statement cannot write the same row twice, and the answers to the callers are to be those of writing one row
    after the other. Within a part they are in the order of origin and topic: two processes that write the same
    rows then wait for each other in turn and not in a circle.

    Returns:
        For each part the indices of its rows.
    """
    times: dict[tuple[str, str], int] = {}
    parts: list[list[int]] = []
    for index, row in enumerate(rows):
        key = row.origin, row.topic
        layer = times.get(key, 0)
        times[key] = layer + 1
        if layer == len(parts):
            parts.append([])
        parts[layer].append(index)
    for part in parts:
        part.sort(key=lambda index: (rows[index].origin, rows[index].topic))
    return parts
