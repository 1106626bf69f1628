"""How services appear on a node: whether they register before they act, as is usual where a middleware demands it.

It concerns one node and stays there: where a gateway was put before services that had run for long, none of them
registers, and what is usual on other nodes says nothing about it.
"""

from __future__ import annotations

import msgspec

MOST = 25.0
"""Where the term ends."""
MAX_TYPES = 256
"""As many as there may be models."""
_WEIGHT = 5
"""How quickly it becomes usual to act unregistered, as with relationships."""


class Arrivals(msgspec.Struct, array_like=True):
    """Service instances by how they became known on a node."""

    registered: int = 0
    """They registered, or the access point named them."""
    unregistered: int = 0
    """They just acted, and that was accepted."""
    types: set[str] = msgspec.field(default_factory=set)
    """Service types of those that registered, at most `MAX_TYPES`."""

    def register(self, service_type: str) -> None:
        """Note that an instance registered before anything it did was accepted."""
        self.registered += 1
        if len(self.types) < MAX_TYPES:
            self.types.add(service_type)

    def registers(self, service_type: str) -> bool:
        """Whether instances of a type registered here."""
        return service_type in self.types

    def appear(self) -> None:
        """Note that something was accepted of an instance that did not register."""
        self.unregistered += 1

    def forget(self) -> None:
        """Note that an instance is no longer remembered: should it come back, it will not register again."""
        self.unregistered += 1

    @property
    def novelty(self) -> float:
        """How unusual it is to act here unregistered, 0 to 25.

        (2 * registered + 1) / (1 + 5 * unregistered): it reaches 7 once three have registered, and all did. Nodes
        are small, and the middleware demands it: more witnesses would leave most of them without.
        """
        return min(MOST, (2 * self.registered + 1) / (1 + _WEIGHT * self.unregistered))
