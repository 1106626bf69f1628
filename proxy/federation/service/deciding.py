"""Accepts candidates that enough origins vouch for, and tells of it: each once, whichever process decides first.

Where a voter is taken out the store withdraws what the others do not carry, in the same transaction. Whatever process
did it, each one notices here, and decides again about what is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import batched

import structlog

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vouched
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
        """Behind everything that is known to be accepted or withdrawn: who has read so far need not ask the store."""

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
            if not await self.accept(self._pools.ballot.decide(self._clock.now(), alone=alone, left=left)):
                await asyncio.sleep(_POLL)
                self._feed.shown.set()

    async def accept(self, vouched: Sequence[Vouched]) -> bool:
        """Store what was decided here; false if the store does not answer, and it is to be decided again.

        It is not kept for later: who vouched may be taken out until then.
        """
        for some in batched(vouched, _AT_ONCE):
            try:
                held = await self._store.accept(some)
            except StoreError as error:
                log.error("acceptances", detail=f"they cannot be stored, which is tried again: {error}")
                for each in vouched:
                    self._pools.ballot.reopen(each.acceptance.candidate)
                return False
            for each, holds in zip(some, held, strict=True):
                if holds:
                    _log("accepted", each.acceptance.candidate)
                else:
                    # Who vouched was taken out: what follows from that is decided as soon as the feed tells it.
                    self._pools.ballot.reopen(each.acceptance.candidate)
        return True

    async def hear(self, accepted: Sequence[Acceptance], withdrawn: Sequence[Candidate]) -> None:
        """Store what the level above accepted or took back; once the store answers."""
        for some in batched(accepted, _AT_ONCE):
            await self._hear(some, ())
            for each in some:
                _log("accepted", each.candidate)
        for gone in batched(withdrawn, _AT_ONCE):
            await self._hear((), gone)

    async def _hear(self, accepted: Sequence[Acceptance], withdrawn: Sequence[Candidate]) -> None:
        while True:
            try:
                await self._store.hear(accepted, withdrawn)
            except StoreError as error:
                log.error("acceptances", detail=f"they cannot be stored, which is tried again: {error}")
                await asyncio.sleep(_POLL)
                continue
            return

    async def follow(self) -> None:
        """Notice what is accepted and withdrawn, by whichever process, until cancelled."""
        known = False
        while True:
            try:
                found, self.newest = await self._store.rulings(self.newest, _AT_ONCE)
            except StoreError:
                await asyncio.sleep(_POLL)  # told by who follows the contributions
                continue
            for each in found:
                if each.withdrawn:
                    self._pools.ballot.reopen(each.candidate)
                    self._feed.shown.set()
                    if known:
                        _log("withdrawn", each.candidate)
            if found:
                self._changes.tell(ACCEPTANCES)
            else:
                known = True
                await asyncio.sleep(_POLL)


def _log(what: str, candidate: Candidate) -> None:
    log.info(what, service_type=candidate.service_type, aspect=candidate.aspect, what=candidate.key)
