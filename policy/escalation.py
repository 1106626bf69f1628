"""From refused calls to a quarantine, and from one quarantine to a longer one.

Two memories, both bounded: of the calls of each sender that were refused lately, and of who was quarantined before.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from typing import Annotated

import msgspec
from pydantic import Field

from policy.duration import Duration
from policy.section import Section

MOST_SENDERS = 4096
"""Senders of each memory; the one that was heard of longest ago gives way."""
MOST_REFUSALS = 1000


class EscalationPolicy(Section):
    """When a sender whose calls are refused one by one is shut out. Only calls that are anomalous count."""

    refusals: Annotated[int, Field(ge=2, le=MOST_REFUSALS)] | None = None
    """Refused calls of one sender within the time below after which it is quarantined; null: never."""
    different: Annotated[int, Field(ge=1, le=MOST_REFUSALS)] = 4
    """Different relationships that these must show. A service that repeats one call that was never seen, as after an
    update, shows one; who looks around shows many."""
    within: Duration = Field(default=600, json_schema_extra={"default": "10m"})
    """The time within which they count."""


class BackOffPolicy(Section):
    """How much longer each further quarantine of the same sender holds."""

    factor: Annotated[float, Field(ge=1, le=100)] = 2
    """Each holds this many times as long as the one before; 1: all hold equally long."""
    longest: Duration = Field(default=86_400, json_schema_extra={"default": "1d"})
    """None holds longer, unless quarantine.expiry does."""
    forgotten_after: Duration = Field(default=604_800, json_schema_extra={"default": "7d"})
    """Time after the end of a quarantine from which on the next one counts as the first."""

    def length(self, expiry: float, times: int) -> float:
        """Return how long (s) the quarantine holds that is a sender's `times`-th, the first lasting `expiry`."""
        longest = max(float(self.longest), expiry)
        # More doublings than this reach the longest from any expiry; a float must not overflow.
        return min(longest, expiry * self.factor ** min(times - 1, 64))


class Refusals:
    """Remembers the refused calls of senders. Not thread-safe."""

    def __init__(self) -> None:
        """Start with none."""
        self._recent: OrderedDict[str, deque[tuple[float, Hashable]]] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of senders that are remembered."""
        return len(self._recent)

    def note(self, identity: str, kind: Hashable, now: float, asked: EscalationPolicy) -> int:
        """Note a refused call, and tell whether it is one too many.

        Args:
            identity: Whose it is (`policy.quarantine.identity_of`).
            kind: What it wanted; calls of the same kind compare equal.
            now: Real time, s since the epoch.
            asked: From the policy; `refusals` is given.

        Returns:
            How many there were, if that is too many; counting then begins anew. Else 0.
        """
        recent = self._recent.get(identity)
        if recent is None or recent.maxlen != asked.refusals:
            # Another policy, another length: what is kept is what was kept.
            recent = self._recent[identity] = deque(recent or (), asked.refusals)
        self._recent.move_to_end(identity)
        if len(self._recent) > MOST_SENDERS:
            self._recent.popitem(last=False)
        recent.append((now, kind))
        # A clock that was set back leaves times in the future: they must not count for longer than others.
        while not 0 <= now - recent[0][0] < asked.within:
            recent.popleft()
        if len(recent) != recent.maxlen or len({each for _, each in recent}) < asked.different:
            return 0
        del self._recent[identity]
        return len(recent)

    def forget(self, identity: str) -> None:
        """Count anew for a sender whose quarantine was a mistake: so were the refusals before it."""
        self._recent.pop(identity, None)

    def clear(self) -> None:
        """Count anew for all."""
        self._recent.clear()


class PastQuarantine(msgspec.Struct, frozen=True, kw_only=True):
    """The latest quarantine of a sender, in storage and between processes too."""

    identity: str
    times: int
    """How many it has had without a quiet time between them."""
    until: float
    """Real time at which it ended or ends, s since the epoch."""


class History:
    """Remembers who was quarantined. Not thread-safe."""

    def __init__(self, past: Iterable[PastQuarantine] = ()) -> None:
        """Start with what is known."""
        self._past: OrderedDict[str, PastQuarantine] = OrderedDict()
        for each in sorted(past, key=lambda each: each.until):
            self.note(each)

    @property
    def all(self) -> tuple[PastQuarantine, ...]:
        """All that is remembered, longest ago first."""
        return tuple(self._past.values())

    def note(self, past: PastQuarantine) -> None:
        """Remember a quarantine in place of the sender's earlier ones."""
        known = self._past.get(past.identity)
        if known is not None and known.until > past.until:
            return
        self._past[past.identity] = past
        self._past.move_to_end(past.identity)
        if len(self._past) > MOST_SENDERS:
            self._past.popitem(last=False)

    def forget(self, identity: str) -> None:
        """Forget a sender whose quarantine was a mistake."""
        self._past.pop(identity, None)

    def times(self, identity: str, now: float, forgotten_after: float) -> int:
        """Return the number in a row that a quarantine beginning at `now` is, from 1."""
        known = self._past.get(identity)
        if known is None or now - known.until >= forgotten_after:
            return 1
        return known.times + 1
