"""Ends in a worker the connections whose certificates are good no more: revoked, or expired since the handshake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from proxy.connections import ConnectionTable
from proxy.revocation import Revocations, RevocationsInForce

_AGAIN_SECONDS = 2.0
"""Handshakes that were verified before and are noted after a change have been noted by then."""


@dataclass(frozen=True)
class WorkerRevocation:
    """For the event loop's thread."""

    in_force: RevocationsInForce
    """What new connections are checked by."""
    connections: ConnectionTable
    abort: Callable[[Iterable[str]], None]
    on_expiry: Callable[[str, str], None]
    """Called with network address and reason for each connection that ends because a certificate has expired."""

    def replace(self, revocations: Revocations) -> None:
        """Take these for revoked from now on, and no others; end the connections on which one of them was shown."""
        self.in_force.current = revocations
        self._cut()
        asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._cut)

    def expire(self, now: float) -> None:
        """End the connections with a certificate that is out of date at real time `now`, seconds since the epoch."""
        for client_id in self.connections.expired(now):
            ip = self.connections[client_id].ip
            self.abort([client_id])
            self.on_expiry(ip, "a certificate of a connection that was open has expired")

    def _cut(self) -> None:
        self.abort(self.connections.revoked(self.in_force.current))
