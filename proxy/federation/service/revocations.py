"""Whose certificates count no more: followed in the store, so that every process knows within a second.

What was learnt is kept for longer than a connection goes on without asking the store (`LOOK_UP`), by a clock that never
steps: what real time is, and whether the certificate has expired, plays no part.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence

import structlog

from proxy.federation.service.problem import unavailable
from proxy.federation.storage.base import Cursor, Revocation, Store, StoreError

POLL = 0.5
"""Seconds between two looks."""
STALE = 10.0
"""Seconds without a successful look after which nobody is let in: who was revoked meanwhile is not known."""
LOOK_UP = 3600.0
"""Seconds after which the store is asked again whether a certificate counts, on a connection that is kept."""
_KEPT = 2 * LOOK_UP
"""Seconds for which a revocation is kept: by then every connection has asked the store, which knows it for good."""
_AT_ONCE = 1000

log = structlog.get_logger("alleyes")


class Revocations:
    """What was revoked lately, by serial number. For the event loop's thread."""

    def __init__(self, store: Store, monotonic: Callable[[], float]) -> None:
        """Begin with not knowing.

        Args:
            store: What is followed.
            monotonic: A clock that never steps, s.
        """
        self._store = store
        self._monotonic = monotonic
        self._learnt: OrderedDict[str, float] = OrderedDict()
        """When each was learnt; those of the longest ago first."""
        self._cursor = Cursor()
        self._looked: float | None = None
        self._lock = asyncio.Lock()

    def __contains__(self, serial: str) -> bool:
        return serial in self._learnt

    def __len__(self) -> int:
        return len(self._learnt)

    @property
    def fresh(self) -> bool:
        """Whether it is known who is revoked."""
        return self._looked is not None and self._monotonic() - self._looked <= STALE

    def require_fresh(self) -> None:
        """Check that it is known who is revoked.

        Raises:
            Failure: it is not (503).
        """
        if not self.fresh:
            raise unavailable("revocations", "the database has not been read for too long")

    async def look(self) -> list[Revocation]:
        """Read what is new, and return it.

        Raises:
            StoreError: the store does not answer.
        """
        found: list[Revocation] = []
        async with self._lock:
            began = self._monotonic()
            while True:
                some, self._cursor = await self._store.revocations(self._cursor, _AT_ONCE)
                if not some:
                    break
                found += [each for each in some if each.serial not in self._learnt]
                for each in some:
                    self._learnt[each.serial] = self._monotonic()
                    self._learnt.move_to_end(each.serial)
            self._looked = began
            self._forget()
        return found

    async def follow(self, tell: Callable[[Sequence[Revocation]], None]) -> None:
        """Go on looking until cancelled; `tell` is given what is new."""
        broken = False
        while True:
            await asyncio.sleep(POLL)
            try:
                found = await self.look()
            except StoreError as error:
                if not broken:
                    log.error("revocations", detail=f"they cannot be read: {error}")
                broken = True
                continue
            broken = False
            if found:
                tell(found)

    def _forget(self) -> None:
        long_ago = self._monotonic() - _KEPT
        while self._learnt and next(iter(self._learnt.values())) < long_ago:
            self._learnt.popitem(last=False)
