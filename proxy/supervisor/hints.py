"""Looks for what is known of network addresses beside their calls: host names of leases, and link addresses.

Only where a rule of the inventory asks for it (`proxy.inference`). Files and kernel are waited for in a thread; what
cannot be read is told once, and leaves what was known before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from proxy.configuration import InventoryDocument
from proxy.firewall.neighbours import read_neighbours
from proxy.inference import Hint
from proxy.inventory.leases import USUAL_PLACES, LeaseFileError, read_leases

PERIOD_SECONDS = 5.0
MOST_ADDRESSES = 16_384

log = structlog.get_logger("alleyes")


class HintWatch:
    """For the event loop's thread."""

    def __init__(
        self,
        inventory: InventoryDocument,
        real_now: Callable[[], float],
        on_change: Callable[[Mapping[str, Hint]], None],
    ) -> None:
        self._wanted = any(each.host_name is not None or each.mac_prefix is not None for each in inventory.inference)
        self._files = tuple(inventory.leases)
        self._real_now = real_now
        self._on_change = on_change
        self._told: str = ""
        self.current: Mapping[str, Hint] = {}
        """By network address."""

    async def forever(self) -> None:
        """Look now and then until cancelled; tell what changed."""
        while True:
            if self._wanted:
                await self.look()
            await asyncio.sleep(PERIOD_SECONDS)

    async def look(self) -> None:
        """Look once."""
        try:
            found = await asyncio.to_thread(self._found)
        except (LeaseFileError, OSError) as error:
            if str(error) != self._told:
                self._told = str(error)
                log.warning("types are inferred by what was known before", detail=self._told)
            return
        self._told = ""
        if found != self.current:
            self.current = found
            self._on_change(found)

    def _found(self) -> dict[str, Hint]:
        files = self._files or tuple(each for each in USUAL_PLACES if each.exists())
        leases = {lease.ip: lease for file in files for lease in read_leases(file, self._real_now())}
        macs = {ip: lease.mac for ip, lease in leases.items() if lease.mac is not None} | read_neighbours()
        names = {ip: lease.name.lower() for ip, lease in leases.items() if lease.name is not None}
        addresses = sorted(macs.keys() | names.keys())[:MOST_ADDRESSES]
        return {ip: Hint(names.get(ip, ""), macs.get(ip, "")) for ip in addresses}
