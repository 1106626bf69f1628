"""Notices when somebody removed or changed the gateway's table in the kernel, and puts it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from proxy.firewall.commands import InstallTable
from proxy.firewall.helper import FirewallHelper, HelperClosedError

_PERIOD_SECONDS = 0.25


@dataclass(frozen=True)
class TableWatch:
    """Asks the kernel four times a second, off the hot path; the answer takes a fraction of a millisecond."""

    firewall: FirewallHelper
    installation: Callable[[], InstallTable]
    """What is to be installed: the plan, and who is in quarantine now."""
    on_restored: Callable[[tuple[str, ...]], None]
    """Called with the parts of the table that had been changed: `table`, `chains`, `rules`, `sets`, `counters`."""
    on_problem: Callable[[str], None]
    """Called with one line where the table cannot be looked at or put back."""

    async def forever(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(_PERIOD_SECONDS)
            await self.once()

    async def once(self) -> None:
        """Look once; install the table again if anything of it is gone or different.

        Raises:
            HelperClosedError: there is no helper any more, and only a restart of the gateway brings another.
        """
        try:
            changed = await asyncio.wrap_future(self.firewall.changes())
            if changed:
                await asyncio.wrap_future(self.firewall.submit(self.installation()))
                self.on_restored(changed)
        except HelperClosedError:
            raise
        except Exception as error:  # noqa: BLE001 -- a gateway that ended just when its table is gone would help nobody
            self.on_problem(f"{type(error).__name__}: {error}")
