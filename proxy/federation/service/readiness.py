"""Whether the store can be used, asked seldom: anybody may ask the service, and each answer costs a durable write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from proxy.federation.storage.base import Store

KEPT = 2.0
"""Seconds for which an answer holds, a good one and a bad one."""


@dataclass
class Readiness:
    """Of one store. For the event loop's thread."""

    store: Store
    monotonic: Callable[[], float]
    """Time, s."""
    _asked: asyncio.Task[None] | None = None
    _answered: float | None = None
    """When the store answered last; None while it is asked."""

    async def check(self) -> None:
        """Return if the store could be read and written within the last `KEPT` seconds.

        Raises:
            StoreError: it could not.
        """
        if self._asked is None or (self._answered is not None and self.monotonic() - self._answered >= KEPT):
            self._answered = None
            self._asked = asyncio.create_task(self.store.ready())
            self._asked.add_done_callback(self._note)
        # Who goes away does not take the answer from the others that wait for it.
        await asyncio.shield(self._asked)

    def _note(self, asked: asyncio.Task[None]) -> None:
        self._answered = self.monotonic()
        if not asked.cancelled():
            asked.exception()  # told to those who wait; nobody may
