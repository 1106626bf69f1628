"""Tells the supervisor who is behind which network address: each pair once in a while, when it is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from policy.verdict import Sender
from proxy.processes.messages import Sighted

_PERIOD_SECONDS = 60.0
_MOST_PAIRS = 16_384
"""Pairs that are remembered as told; when there are more, all are told again."""


@dataclass
class Sightings:
    """For the event loop's thread."""

    send: Callable[[Sighted], None]
    _told: set[tuple[str, str]] = field(default_factory=set)
    _until: float = 0.0

    def note(self, sender: Sender, identity: str) -> None:
        """Take note of a sender, given its `identity_of`; called for each call that is forwarded."""
        pair = (sender.ip, sender.address)
        if pair in self._told:
            return
        if len(self._told) >= _MOST_PAIRS:
            self._told.clear()
        self._told.add(pair)
        self.send(Sighted(sender.ip, identity, sender.address))

    def renew(self, now: float) -> None:
        """Tell everybody again who is seen from now on, once the time is over; monotonic time in seconds."""
        if now >= self._until:
            self._until = now + _PERIOD_SECONDS
            self._told.clear()
