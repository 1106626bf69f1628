"""Accepts candidates that enough origins vouch for, and tells of it: each once, whichever process decides first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from models.exchange.showings import Acceptance
from proxy.clocks import EventClock
from proxy.federation.service.feed import Feed
from proxy.federation.service.pools import Pools
from proxy.federation.service.waiting import Changes
from proxy.federation.storage.base import Cursor, Store, StoreError

ACCEPTANCES = "acceptances"
"""What those wait for who want to know of them."""
_POLL = 0.5
"""Seconds between two looks at what other processes accepted."""
_AT_ONCE = 500

log = structlog.get_logger("alleyes")


class Decisions:
    """What is accepted. For the event loop's thread."""

    def __init__(self, store: Store, feed: Feed, pools: Pools, changes: Changes, clock: EventClock) -> None:
        """Decide nothing yet."""
        self._store = store
        self._feed = feed
        self._pools = pools
        self._changes = changes
        self._clock = clock
        self.newest = Cursor()
        """Behind everything that is known to be accepted: who has read so far need not ask the store."""

    async def decide(self, left: Callable[[str], bool], *, alone: bool) -> None:
        """Go on deciding until cancelled.

        Args:
            left: Tells of a service type whether the level above decides about it: what was shown of it waits.
            alone: Whether the origins are the nodes of one site, and not sites.
        """
        await self._feed.loaded.wait()
        while True:
            await self._feed.shown.wait()
            self._feed.shown.clear()
            await self.accept(self._pools.ballot.decide(self._clock.now(), alone=alone, left=left))

    async def accept(self, acceptances: Sequence[Acceptance]) -> None:
        """Store what was accepted, here or by the level above; once the store answers."""
        waiting = list(acceptances)
        while waiting:
            some = waiting[:_AT_ONCE]
            try:
                await self._store.accept(some)
            except StoreError as error:
                log.error("acceptances", detail=f"they cannot be stored, which is tried again: {error}")
                await asyncio.sleep(_POLL)
                continue
            del waiting[: len(some)]
            for each in some:
                candidate = each.candidate
                log.info("accepted", service_type=candidate.service_type, aspect=candidate.aspect, what=candidate.key)

    async def follow(self) -> None:
        """Notice what is accepted, by whichever process, until cancelled."""
        while True:
            try:
                accepted, self.newest = await self._store.acceptances(self.newest, _AT_ONCE)
            except StoreError:
                accepted = []  # told by who follows the contributions
            if accepted:
                self._changes.tell(ACCEPTANCES)
            else:
                await asyncio.sleep(_POLL)
