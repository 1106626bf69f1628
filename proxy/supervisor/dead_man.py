"""Fail mode open: keeps the kernel from letting calls pass unjudged, and puts on record when it does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from proxy.audit.chained_file import JournalError
from proxy.audit.event import Kind
from proxy.audit.trail import Notes
from proxy.firewall.commands import Alive
from proxy.firewall.helper import FirewallHelper, HelperBusyError
from proxy.firewall.nftables import FirewallError
from proxy.firewall.workers import ALIVE_SECONDS

_PERIOD_SECONDS = 0.25
COUNTER = "unjudged"
"""Name of the kernel's counter of what passed."""

log = structlog.get_logger("alleyes")


@dataclass
class DeadMan:
    """Says several times a second which workers serve; silence opens the way for the senders of the others."""

    firewall: FirewallHelper
    workers: int
    alive: Callable[[], tuple[int, ...]]
    """Returns the numbers of the workers that serve."""
    notes: Notes
    unjudged: int = 0
    """Packets that passed unjudged, since the table was put in place last."""
    _armed: dict[int, float] = field(default_factory=dict)
    """Monotonic time at which the kernel was told last, by worker."""
    _open: set[int] = field(default_factory=set)
    _problem: str | None = None

    async def forever(self) -> None:
        """Keep saying it until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(_PERIOD_SECONDS)

    async def once(self) -> None:
        """Say who lives, and note what changed."""
        alive = self.alive()
        try:
            if alive:
                await asyncio.wrap_future(self.firewall.submit(Alive(alive)))
                self._armed |= dict.fromkeys(alive, time.monotonic())
            counters = await asyncio.wrap_future(self.firewall.counters())
        except HelperBusyError:
            return  # said again long before it is over
        except FirewallError as error:
            self._fail(str(error))
        else:
            self.unjudged = counters[COUNTER].packets if COUNTER in counters else self.unjudged
            self._problem = None
        self._note_changes()

    def _fail(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            log.error("fail mode open: the kernel cannot be told who lives, so calls pass unjudged", reason=problem)

    def _note_changes(self) -> None:
        now = time.monotonic()
        held = {number for number, told in self._armed.items() if now - told < ALIVE_SECONDS}
        silent = set(range(self.workers)) - held
        for number in sorted(silent - self._open):
            log.error("calls pass unjudged", worker=number)
            self._note(
                number,
                f"Calls of the senders of worker {number} pass unjudged: it does not serve, and fail_mode is open.",
            )
        for number in sorted(self._open - silent):
            self._note(
                number,
                f"Calls of the senders of worker {number} are judged again.",
            )
        self._open = silent

    def _note(self, number: int, sentence: str) -> None:
        try:
            self.notes.note(Kind.UNJUDGED, sentence, worker=number, unjudged_packets=self.unjudged)
        except JournalError as error:
            # A log that takes no more must not be what lets calls pass.
            log.error("not recorded", detail=sentence, reason=str(error))
