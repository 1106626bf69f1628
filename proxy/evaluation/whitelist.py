"""The simplest thing that could work: allow what was seen at the beginning, and nothing else, for ever."""

from __future__ import annotations

from models.access import Access, Operation
from proxy.evaluation.subject import Judgement

_Key = tuple[str | None, str | None, Operation, str | None, bool]


class WhitelistSubject:
    """A frozen whitelist of the joint features of every access in the first minutes, whoever made them.

    What every figure has to be compared with: it knows types, operations, data types and rooms, but neither rates nor
    periods, and never learns again.
    """

    def __init__(self, learn_seconds: float = 600) -> None:
        """Start with an empty list.

        Args:
            learn_seconds: Event time from the earliest access so far during which everything is allowed, and put on
                the list: a first one that is ahead of its time does not make the beginning longer.
        """
        self._learn = learn_seconds * 1000
        self._until: float | None = None
        self._allowed: set[_Key] = set()

    def judge(self, access: Access) -> Judgement:
        """Allow what is on the list; the anomaly value is 0 or 1."""
        key = (
            access.source_type,
            access.destination_type,
            access.operation,
            access.data_type,
            access.source_location == access.destination_location,
        )
        if self._until is None or access.time + self._learn < self._until:
            self._until = access.time + self._learn
        if access.time < self._until:
            self._allowed.add(key)
            return Judgement(0.0, refused=False)
        refused = key not in self._allowed
        return Judgement(float(refused), refused)
