"""One flow of an instance (paper, section II-C): its accesses to one partner with one operation."""

from __future__ import annotations

from array import array
from typing import Annotated

import msgspec

from models.clustering_feature import ClusteringFeature
from models.paper.mining import WINDOW, mine
from models.paper.normal_form import Norm

REFRESH = 10
"""New gaps after which the window is mined again: mining at every access would cost more than all the rest."""
WAITING = 8
"""Accesses of one flow that may wait for their answers and still teach their periods."""


class FlowState(msgspec.Struct, frozen=True, array_like=True):
    """A flow in storage."""

    partner: str
    operation: str
    last: int
    gaps: list[Annotated[int, msgspec.Meta(ge=0)]]
    fresh: int


class Flow:
    """The sliding window of a flow, and the clusters that were mined in it last."""

    __slots__ = ("_fresh", "_gaps", "_group", "_last", "_measured", "_waiting", "clusters")

    def __init__(self, state: FlowState | None = None) -> None:
        self._last = state.last if state else None
        # An array, as windows are most of an analyzer's memory: 1.6 kB each instead of 8.
        self._gaps = array("q", state.gaps[-WINDOW:] if state else ())
        self._fresh = state.fresh if state else 0
        self._waiting: dict[int, tuple[ClusteringFeature, ...]] = {}
        self.clusters: tuple[ClusteringFeature, ...] = mine(self._gaps) if state else ()
        """By rising centre; the same object until the window is mined again."""
        self._measured: tuple[object, object] = (None, None)
        self._group = 0.0

    def hit(self, time: int) -> int | None:
        """Take an access in, whatever becomes of it; return the gap to the one before in ms.

        None for the first access, and where time steps back: that is no gap.
        """
        last = self._last
        self._last = time
        if last is None or time < last:
            return None
        gap = time - last
        self._gaps.append(gap)
        if len(self._gaps) > WINDOW:
            self._gaps.pop(0)
        self._fresh += 1
        if self._fresh >= REFRESH:
            self._fresh = 0
            self.clusters = mine(self._gaps)
        if len(self._waiting) >= WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[time] = self.clusters
        return gap

    def group(self, norm: Norm, operation: str) -> float:
        """Return the group anomaly of this flow's clusters; measured again only where those or the model changed."""
        if self._measured[0] is not norm or self._measured[1] is not self.clusters:
            self._measured = (norm, self.clusters)
            self._group = norm.group(operation, self.clusters)
        return self._group

    def taught(self, time: int) -> tuple[ClusteringFeature, ...] | None:
        """Return the clusters as they were at the access of that time, once.

        An access teaches only after its answer. What is in the window by then may be a flood that came between.
        """
        return self._waiting.pop(time, None)

    def state(self, partner: str, operation: str) -> FlowState:
        """Return what is to be stored; accesses that still wait for their answers are not."""
        return FlowState(partner, operation, self._last or 0, self._gaps.tolist(), self._fresh)
