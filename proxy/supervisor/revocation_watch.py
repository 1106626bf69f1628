"""Watches the revocation lists: a changed file is read, checked, and in force everywhere within seconds, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from proxy.audit.chained_file import JournalError
from proxy.audit.event import Kind
from proxy.audit.trail import Notes
from proxy.revocation import RevocationsInForce
from proxy.revocation_lists import (
    RevocationFiles,
    RevocationListError,
    RevocationLists,
    Stamp,
    own_certificate_problems,
    read_lists,
    stamp_of,
)

_PERIOD_SECONDS = 1.0
"""A file that changed is read once it has stayed the same for so long: whoever writes it may not have finished."""
_REMIND_SECONDS = 24 * 3600.0
"""How often an alarm is repeated."""

log = structlog.get_logger("alleyes")


@dataclass
class RevocationWatch:
    """For the event loop's thread; disks are waited for in another."""

    files: RevocationFiles
    lists: RevocationLists
    """As they were read at the start."""
    in_force: RevocationsInForce
    notes: Notes
    real_now: Callable[[], float]
    on_change: Callable[[], None]
    """Called once other certificates are revoked than before."""
    problem: str | None = None
    """Why the files as they are now are not in force; None while they are."""
    _told: dict[str, float] = field(default_factory=dict)
    """Real time at which each alarm was raised last."""
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.in_force.current = self.lists.revocations

    @property
    def alarms(self) -> list[str]:
        """What an operator should know of the lists, one line each."""
        problem = [] if self.problem is None else [self.problem]
        return problem + self.lists.warnings(datetime.fromtimestamp(self.real_now(), UTC))

    async def forever(self) -> None:
        """Watch until cancelled."""
        seen = in_use = self.lists.stamp
        while True:
            self._raise_alarms()
            await asyncio.sleep(_PERIOD_SECONDS)
            if not self.files.lists:
                continue
            stamp = await self._stamp()
            if stamp == seen and stamp != in_use:
                in_use = stamp
                await self.reload()
            seen = stamp

    async def _stamp(self) -> Stamp:
        return await asyncio.to_thread(stamp_of, self.files.lists)

    async def reload(self) -> None:
        """Read the lists again; broken ones change nothing. One reload after the other."""
        if not self.files.lists:
            return
        async with self._one_at_a_time:
            try:
                lists = await asyncio.to_thread(read_lists, self.files)
            except RevocationListError as error:
                self._refuse(error)
                return
            own = await asyncio.to_thread(own_certificate_problems, self.files, lists.revocations)
            self.problem = "; ".join(own) or None
            changed = lists.revocations != self.lists.revocations
            renewed = lists != self.lists
            self.lists = lists
            if changed:
                self.in_force.current = lists.revocations
                self.on_change()
            if renewed:
                self._tell_renewed()
            self._raise_alarms()

    def _refuse(self, error: RevocationListError) -> None:
        for problem in error.problems:
            log.error("revocation lists not reloaded", detail=problem)
        self.problem = f"the revocation lists are broken, those read before stay: {error.problems[0]}"
        self._note("The new revocation lists are broken; those in force stay.", problems=error.problems)

    def _tell_renewed(self) -> None:
        count, issuers = len(self.lists.revocations), sorted({each.issuer for each in self.lists.lists})
        log.info("revocation lists reloaded", certificates=count, issuers=issuers)
        self._note(
            f"Other revocation lists are in force: {count} certificates of {', '.join(issuers)} are revoked.",
            certificates=count,
            issuers=issuers,
        )

    def _raise_alarms(self) -> None:
        now = self.real_now()
        alarms = self.alarms
        self._told = {alarm: told for alarm, told in self._told.items() if alarm in alarms}
        for alarm in alarms:
            if now - self._told.get(alarm, -_REMIND_SECONDS) >= _REMIND_SECONDS:
                self._told[alarm] = now
                log.error("revocation lists", detail=alarm)
                self._note(f"Revocation lists: {alarm}.")

    def _note(self, sentence: str, **details: str | int | list[str]) -> None:
        try:
            self.notes.note(Kind.REVOCATION, sentence, **details)
        except JournalError as error:
            # A log that takes no more must not end who keeps revoked certificates out.
            log.error("not recorded", detail=sentence, reason=str(error))
