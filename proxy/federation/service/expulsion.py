"""Takes an origin out: its certificates count no more, and nothing that it contributed does.

Another process learns within a second that the certificates are revoked, and may take in a contribution until then. So
whoever learns of a revocation takes the origin's contributions out once more, when all have learnt of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from proxy.federation.service.feed import Feed
from proxy.federation.service.revocations import POLL, Revocations
from proxy.federation.service.waiting import Changes
from proxy.federation.storage.base import Revocation, Store, StoreError

_ALL_KNOW = 6 * POLL
"""Seconds after which each process has looked, or lets nobody in that it does not know of."""
_RECENT = 600.0
"""Seconds for which what was revoked before this process started may be unfinished: another that ended had the rest."""
_NEWS = 86_400.0
"""The same for what it learns of later, which is news whatever the clock says of who revoked it. What is older was read
again, as from a backup: who came back since keeps what it contributed."""
_AGAIN = 1.0

log = structlog.get_logger("alleyes")


class Expelled(NamedTuple):
    """What was done."""

    certificates: int
    invitations: int
    topics: int

    def __bool__(self) -> bool:
        return any(self)


class Expulsion:
    """For the event loop's thread."""

    def __init__(
        self, store: Store, revocations: Revocations, feed: Feed, changes: Changes, now: Callable[[], float]
    ) -> None:
        """Take nobody out yet; `now` is real time, s."""
        self._store = store
        self._revocations = revocations
        self._feed = feed
        self._changes = changes
        self._now = now
        self._queue: asyncio.Queue[tuple[float, str]] = asyncio.Queue()

    async def expel(self, origin: str) -> Expelled:
        """Take an origin out.

        Raises:
            StoreError: the store does not answer; it may have been done in part, and can be done again.
        """
        revoked = await self._store.revoke(origin, int(self._now() * 1000))
        self.tell(await self._revocations.look())
        topics = await self._store.remove(origin)
        self._feed.stored()
        return Expelled(*revoked, topics)

    def resume(self, found: Sequence[Revocation]) -> None:
        """Take note of what was revoked before this process started."""
        self._note(found, _RECENT)

    def tell(self, found: Sequence[Revocation]) -> None:
        """Take note of certificates that were revoked since, here or by another process."""
        self._note(found, _NEWS)

    def _note(self, found: Sequence[Revocation], seconds: float) -> None:
        now = self._now()
        recent = {each.origin for each in found if abs(now - each.revoked / 1000) < seconds}
        loop = asyncio.get_running_loop()
        for origin in recent:
            self._queue.put_nowait((loop.time() + _ALL_KNOW, origin))
        if recent:
            # Some of those that wait may wait no more.
            self._changes.tell_all()

    async def follow(self) -> None:
        """Take origins out once more when it is time, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due, origin = await self._queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            try:
                topics = await self._store.remove(origin)
            except StoreError:
                self._queue.put_nowait((loop.time() + _AGAIN, origin))
                continue
            if topics:
                log.info("origin taken out", origin=origin, detail="it contributed while it was revoked", topics=topics)
                self._feed.stored()
