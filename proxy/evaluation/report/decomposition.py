"""The outgoing accesses of one service, taken apart into flows, and the periods of each (the paper's Fig. 2)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from models.evaluation import NORMAL, Floats
from models.periodicity import ENOUGH, WINDOW, Period, explained, mine
from proxy.evaluation.trace import Row

MOST_SOURCES = 65_536
"""Services whose flows are counted."""
MOST_FLOWS = 256
"""Flows of one service that are told apart."""


@dataclass(frozen=True)
class Flow:
    """Accesses of a service to one node with one operation."""

    partner: str
    """Service type of the partner; its address where the type is not known."""
    node: str
    """The accessed node, from the name of its service on."""
    operation: str
    normal: Floats
    """Times of the accesses that are labelled normal, in hours since the first row; rising."""
    anomalous: Floats
    """Times of the others."""
    gaps: Floats
    """Times between the last 201 normal accesses, seconds; rising."""
    periods: tuple[Period, ...]
    """In milliseconds; empty where the flow is not periodic."""

    @property
    def accesses(self) -> int:
        """Number of accesses."""
        return len(self.normal) + len(self.anomalous)


@dataclass(frozen=True)
class Decomposition:
    """The flows of one service, those with most accesses first."""

    service: str
    service_type: str | None
    hours: float
    """Length of the trace."""
    flows: tuple[Flow, ...]


class _Collected:
    """Times of one flow, ms."""

    def __init__(self, partner: str) -> None:
        self.partner = partner
        self.normal = array("q")
        self.anomalous = array("q")


def decompose(rows: Iterable[Row], service: str | None = None) -> Decomposition | None:
    """Take the accesses of a service apart.

    Args:
        rows: The trace, in its order.
        service: Address of the service; left out, it is the one with most flows that have enough normal accesses to be
            examined for periods. A scan makes many flows, but none of these.

    Returns:
        None where there are no rows of the service.
    """
    found: dict[str, dict[tuple[str, str], _Collected]] = {}
    types: dict[str, str | None] = {}
    start = end = None
    for row in rows:
        access = row.access
        start, end = (access.time, access.time) if start is None else (start, max(end or 0, access.time))
        source = access.source
        if service is not None and source != service:
            continue
        flows = found.get(source)
        if flows is None:
            if len(found) >= MOST_SOURCES:
                continue
            flows = found[source] = {}
            types[source] = access.source_type
        key = (access.node, access.operation.value)
        flow = flows.get(key)
        if flow is None:
            if len(flows) >= MOST_FLOWS:
                continue
            flow = flows[key] = _Collected(access.destination_type or access.destination)
        (flow.normal if row.label == NORMAL else flow.anomalous).append(access.time)
    if not found or start is None or end is None:
        return None
    chosen = service if service is not None else max(found, key=lambda name: (_examined(found[name]), name))
    drawn = [_flow(*key, each, start) for key, each in found[chosen].items()]
    drawn.sort(key=lambda each: (-each.accesses, each.partner, each.node, each.operation))
    return Decomposition(chosen, types[chosen], (end - start) / 3_600_000, tuple(drawn))


def _examined(flows: dict[tuple[str, str], _Collected]) -> tuple[int, int]:
    """Return how many flows have enough accesses, and how many accesses there are."""
    normal = [len(each.normal) for each in flows.values()]
    return sum(count > ENOUGH for count in normal), sum(normal)


def _flow(node: str, operation: str, found: _Collected, start: int) -> Flow:
    normal = np.sort(np.array(found.normal, dtype=np.int64))
    gaps = sorted(int(gap) for gap in np.diff(normal[-WINDOW - 1 :]))
    # A cluster that is as wide as its centre is far from 0 is no period, whatever scoring makes of it.
    clusters = mine(gaps) if len(gaps) >= ENOUGH else []
    periods = [each for each in clusters if each.spread <= each.centre / 2]
    if periods and explained(gaps, periods) < 0.5:  # noqa: PLR2004 -- most gaps are of no period: clusters by chance
        periods = []
    return Flow(
        partner=found.partner,
        node=node.split("/", 2)[-1],
        operation=operation,
        normal=(normal - start) / 3_600_000,
        anomalous=(np.sort(np.array(found.anomalous, dtype=np.int64)) - start) / 3_600_000,
        gaps=np.array(gaps, dtype=np.float64) / 1000,
        periods=tuple(periods),
    )
