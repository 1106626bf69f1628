"""Notices when somebody flushed the kernel's rules, and puts the gateway's table back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from proxy.firewall.commands import InstallTable
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import FirewallError, NotInstalledError

_PERIOD_SECONDS = 1.0


@dataclass(frozen=True)
class TableWatch:
    """Asks the kernel once a second, off the hot path."""

    firewall: FirewallHelper
    installation: Callable[[], InstallTable]
    """What is to be installed: the plan, and who is in quarantine now."""
    on_restored: Callable[[], None]
    on_problem: Callable[[str], None]
    """Called with one line where the table is gone and cannot be put back."""

    async def forever(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(_PERIOD_SECONDS)
            await self.once()

    async def once(self) -> None:
        """Look once; install the table again if it is gone."""
        try:
            try:
                await asyncio.wrap_future(self.firewall.counters())
            except NotInstalledError:
                await asyncio.wrap_future(self.firewall.submit(self.installation()))
                self.on_restored()
        except FirewallError as error:
            self.on_problem(str(error))
