"""Records only every n-th normal call of a kind, and counts the others: the log is smaller, and no call is missing."""

from __future__ import annotations

from collections import Counter

from models.access import Access
from policy.engine import NORMAL
from policy.verdict import Verdict
from proxy.audit.event import Kind, Notice

INTERVAL = 60.0
"""Seconds between two records of what was counted."""
MOST_KINDS = 1024
"""Kinds that are told apart within an interval; calls of more kinds are all recorded."""


class Sampling:
    """For one thread."""

    def __init__(self, every: int) -> None:
        """Record every `every`-th call of a kind; 1 records all."""
        self._every = every
        self._seen: dict[tuple[str, str, str], int] = {}
        self._counted: Counter[tuple[str, str, str]] = Counter()
        self._since = 0.0

    def passes_over(self, verdict: Verdict, now: float) -> bool:
        """Tell whether a verdict goes unrecorded, and count it then.

        Only a normal call that raised no alert ever does: not what passed because a rule says so.
        """
        if self._every == 1 or verdict.alert or verdict.reason != NORMAL:
            return False
        kind = _kind(verdict.call.accesses[verdict.worst])
        seen = self._seen.get(kind)
        if seen is None and len(self._seen) >= MOST_KINDS:
            return False
        seen = seen or 0
        self._seen[kind] = seen + 1
        if seen % self._every == 0:
            return False
        if not self._counted:
            self._since = now
        self._counted[kind] += 1
        return True

    def due(self, now: float) -> bool:
        """Tell whether what was counted is to be recorded."""
        return bool(self._counted) and not 0 <= now - self._since < INTERVAL

    def notice(self, now: float) -> Notice | None:
        """Return the record of what was counted since the last one that was `recorded`; None if nothing was."""
        if not self._counted:
            return None
        calls = self._counted.total()
        groups = {" ".join(kind): count for kind, count in sorted(self._counted.items())}
        return Notice(
            kind=Kind.COUNTED,
            time=now,
            sentence=f"{calls} normal calls were forwarded in {max(0.0, now - self._since):.0f} s"
            " without a record of their own.",
            details={"calls": calls, "since": self._since, "every": self._every, "groups": groups},
        )

    def recorded(self) -> None:
        """Begin to count anew."""
        self._counted.clear()
        self._seen.clear()


def _kind(access: Access) -> tuple[str, str, str]:
    return (access.source_type or "-", access.operation.value, access.destination_type or "-")
