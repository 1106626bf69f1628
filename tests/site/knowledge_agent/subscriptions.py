"""Who wants to hear of which node (source: vsl-rest, section 4.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Subscription:
    """One service's wish."""

    client_id: str
    address: str
    callback_id: str
    depth: int

    def covers(self, node: str) -> bool:
        """Whether a write to this node is to be told."""
        if node == self.address:
            return True
        below = node.removeprefix(f"{self.address}/")
        return below != node and (self.depth < 0 or below.count("/") < self.depth)


class SubscriptionTable:
    """All subscriptions of one agent: one per service and address."""

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: dict[tuple[str, str], Subscription] = {}

    def add(self, subscription: Subscription) -> None:
        """Take a subscription; it replaces the same service's earlier one for the address."""
        self._entries[subscription.client_id, subscription.address] = subscription

    def remove(self, client_id: str, address: str, depth: int) -> None:
        """End a service's subscriptions at an address and down to `depth` levels of letters and digits below it."""
        levels = "*" if depth < 0 else f"{{0,{depth}}}"
        pattern = re.compile(re.escape(address) + f"(/[A-Za-z0-9]+){levels}")
        for key in [key for key in self._entries if key[0] == client_id and pattern.fullmatch(key[1])]:
            del self._entries[key]

    def of(self, node: str) -> Iterator[Subscription]:
        """Yield the subscriptions that a change of this node concerns."""
        for entry in tuple(self._entries.values()):
            if entry.covers(node):
                yield entry
