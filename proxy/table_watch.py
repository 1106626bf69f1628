"""Notices when somebody removed or changed the gateway's table in the kernel, and puts it back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.firewall.commands import InstallTable
from proxy.firewall.helper import FirewallHelper, HelperClosedError
from proxy.firewall.nftables import Applied

_PERIOD_SECONDS = 0.25


@dataclass
class Gaps:
    """For how long the table was not as wanted: upper bounds, as it is not known when within two looks it changed."""

    whole_at: float
    """Monotonic time, in seconds, at which it was last known to be whole."""
    restorations: int = 0
    helpers: int = 0
    """Helpers that died, as far as what should be in quarantine was given to the next one again."""
    latest: float = 0.0
    """Seconds from when it was last known to be whole until it was put back."""
    longest: float = 0.0

    def end(self, now: float) -> None:
        """Note that it was put back."""
        self.restorations += 1
        self.latest = now - self.whole_at
        self.longest = max(self.longest, self.latest)


@dataclass(frozen=True)
class TableWatch:
    """Asks the kernel four times a second, off the hot path; the answer takes a fraction of a millisecond."""

    firewall: FirewallHelper
    installation: Callable[[], InstallTable]
    """What is to be installed: the plan, and who is in quarantine now."""
    on_restored: Callable[[tuple[str, ...], Applied], None]
    """Called with the parts of the table that had been changed, `table`, `chains`, `rules`, `sets`, `counters` or the
    `elements` of the quarantine sets, and with what the installation came to."""
    on_problem: Callable[[str], None]
    """Called with one line where the table cannot be looked at or put back."""
    monotonic: Callable[[], float] = time.monotonic
    gaps: Gaps = field(init=False)

    def __post_init__(self) -> None:
        """Take the table for whole."""
        object.__setattr__(self, "gaps", Gaps(self.monotonic()))

    async def forever(self) -> None:
        """Watch until cancelled, from the installation of the table on."""
        self.gaps.whole_at = self.monotonic()
        while True:
            await asyncio.sleep(_PERIOD_SECONDS)
            await self.once()

    async def once(self) -> None:
        """Look once; install the table again if anything of it is gone or different.

        Raises:
            HelperClosedError: there is no helper any more, and only a restart of the gateway brings another.
        """
        try:
            if self.firewall.restarts > self.gaps.helpers:
                await self._after_restart()
            begun = self.monotonic()
            changed = await asyncio.wrap_future(self.firewall.changes())
            applied = Applied(0)
            if changed:
                begun = self.monotonic()
                applied = await asyncio.wrap_future(self.firewall.submit(self.installation()))
                self.gaps.end(self.monotonic())
            # Before it was looked at, or put back: changed since then, it would be seen changed.
            self.gaps.whole_at = begun
            if changed:
                self.on_restored(changed, applied)
        except HelperClosedError:
            raise
        except Exception as error:  # noqa: BLE001 -- a gateway that ended just when its table is gone would help nobody
            self.on_problem(f"{type(error).__name__}: {error}")

    async def _after_restart(self) -> None:
        """Install again: what the helper died over, or was done to the sets meanwhile, the next one does not know."""
        restarts = self.firewall.restarts
        await asyncio.wrap_future(self.firewall.submit(self.installation()))
        self.gaps.helpers = restarts
        self.on_problem("the firewall helper died; another one took its place")
