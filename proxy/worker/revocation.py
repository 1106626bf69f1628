"""Carries out in a worker what revoked certificates mean there: none is taken any more, and live connections end."""

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

    def replace(self, revocations: Revocations) -> None:
        """Take these for revoked from now on, and no others; end the connections on which one of them was shown."""
        self.in_force.current = revocations
        self._cut()
        asyncio.get_running_loop().call_later(_AGAIN_SECONDS, self._cut)

    def _cut(self) -> None:
        self.abort(self.connections.revoked(self.in_force.current))
