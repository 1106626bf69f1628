"""Follows what is stored, by whichever process, into the sums of this one."""

from __future__ import annotations

import asyncio

import structlog

from proxy.federation.service.pools import Pools
from proxy.federation.storage.base import Cursor, Store, StoreError

POLL = 0.25
"""Seconds between two looks while nothing was stored here."""
_TOGETHER = 0.05
"""Seconds for which changes are left to gather."""
_AT_ONCE = 500
_BREATH = 25
"""Rows after which others have their turn."""

log = structlog.get_logger("alleyes")


class Feed:
    """The changes of a store."""

    def __init__(self, store: Store, pools: Pools) -> None:
        """Begin at the beginning."""
        self._store = store
        self._pools = pools
        self._cursor = Cursor()
        self._stored = asyncio.Event()
        self.loaded = asyncio.Event()
        """Set once everything that was stored when this process started is in the sums."""
        self.shown = asyncio.Event()
        """Set when somebody may have shown candidates."""

    def stored(self) -> None:
        """Say that something was stored here: there is no need to wait."""
        self._stored.set()

    async def follow(self) -> None:
        """Go on until cancelled."""
        broken = False
        while True:
            try:
                rows, cursor = await self._store.changes(self._cursor, _AT_ONCE)
            except StoreError as error:
                if not broken:
                    log.error("federation store", detail=f"changes cannot be read: {error}")
                broken = True
                await asyncio.sleep(POLL)
                continue
            if broken:
                log.info("federation store", detail="it answers again")
            broken = False
            if cursor.lost(self._cursor):
                log.warning("federation store", detail="it has less than before, as a backup would: all is read again")
                self._pools.begin_again()
                self._cursor = Cursor()
                continue
            self._cursor = cursor
            for number, row in enumerate(rows):
                self._pools.apply(row)
                if number % _BREATH == _BREATH - 1:
                    await asyncio.sleep(0)
            if rows:
                self.shown.set()
                if not self.loaded.is_set() or self._pools.read_again:
                    continue
                await asyncio.sleep(_TOGETHER)
                continue
            self._complete()
            await self._quiet()

    def _complete(self) -> None:
        """Note that everything was read that there is."""
        if self._pools.read_again:
            self._pools.end_again()
            self.shown.set()
        self.loaded.set()

    async def _quiet(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._stored.wait()
        except TimeoutError:
            return
        finally:
            self._stored.clear()
        await asyncio.sleep(_TOGETHER)
