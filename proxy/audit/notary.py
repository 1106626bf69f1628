"""Signs the heads of all chains while the gateway runs, and tells when one is not what it was when it was signed.

Who rewrites or cuts a chain, be it with the rights of a worker, cannot make the signature anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from proxy.audit import signed_heads
from proxy.audit.chained_file import JournalError
from proxy.audit.event import Kind, rfc3339
from proxy.audit.head import Head, read_head
from proxy.audit.keys import SigningKey
from proxy.audit.layout import JOURNAL_FILE, SIGNED_FILE, chains, name_of_chain
from proxy.audit.statement import Signed, Statement
from proxy.audit.trail import Notes

INTERVAL = 2.0
"""Seconds between signatures, where something was written."""
RECORD_INTERVAL = 600.0
"""Seconds between statements that are put into the supervisor's chain too, where something was written: they stay."""

log = structlog.get_logger("alleyes")


class Notary:
    """For one thread at a time, not the event loop's: it waits for the disk."""

    def __init__(
        self,
        directory: Path,
        key: SigningKey,
        notes: Notes,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Go on after what was signed last.

        Args:
            directory: Of the audit log; the supervisor's journal is open there.
            key: Signs.
            notes: The supervisor's trail.
            clock: Real time, seconds since the epoch.
            monotonic: Seconds.

        Raises:
            OSError: what was signed last cannot be read.
        """
        self._directory = directory
        self._key = key
        self._notes = notes
        self._clock = clock
        self._monotonic = monotonic
        self._looked = self._recorded = -float("inf")
        self._problem: str | None = None
        self._signed: Signed | None = None
        self._heads: Mapping[str, Head] = {}
        self._number = 0
        before = signed_heads.read(directory / SIGNED_FILE)
        if before is not None and key.public.signed(before):
            statement = Statement.parse(before.statement)
            self._signed, self._heads, self._number = before, statement.heads, statement.number

    @property
    def problem(self) -> str | None:
        """Why the latest attempt to sign failed; None while it works."""
        return self._problem

    def due(self) -> bool:
        """Tell whether it is time to sign again; cheap to ask often."""
        now = self._monotonic()
        if now - self._looked < INTERVAL:
            return False
        self._looked = now
        return True

    def sign(self) -> None:
        """Sign the heads if they moved. What goes wrong is told, and tried again."""
        try:
            self._sign()
        except (OSError, JournalError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            if self._problem is None:
                log.error("the heads of the audit log cannot be signed", reason=reason)
            self._problem = f"heads are not signed: {reason}"
        else:
            self._problem = None

    def _sign(self) -> None:
        found = {name_of_chain(self._directory, each): _durable(each) for each in chains(self._directory)}
        heads = {name: head for name, head in found.items() if head is not None}
        for name, signed in self._heads.items():
            now = heads.get(name)
            if now is None or now.sequence < signed.sequence or _differ(now, signed):
                self._alarm(name, signed, now)
        if heads == self._heads and self._signed is not None:
            return
        statement = Statement(
            key=self._key.public.name, number=self._number + 1, time=rfc3339(self._clock()), heads=heads
        )
        signed_statement = self._key.sign(statement)
        signed_heads.write(self._directory, signed_statement)
        self._signed, self._heads, self._number = signed_statement, heads, statement.number
        moment = self._monotonic()
        if moment - self._recorded >= RECORD_INTERVAL:
            self._recorded = moment
            self._note(Kind.HEADS, f"The heads of {len(heads)} chains were signed, number {statement.number}.")

    def _alarm(self, name: str, signed: Head, found: Head | None) -> None:
        if found is None:
            text = f"The chain of {name} is gone: {signed.sequence} records of it had been signed."
        elif found.sequence < signed.sequence:
            text = f"The chain of {name} ends with record {found.sequence}: {signed.sequence} had been signed."
        else:
            text = f"Record {signed.sequence} of the chain of {name} is not the one that had been signed."
        log.error("somebody changed the audit log", detail=text)
        self._note(Kind.TAMPERED, text, chain=name)

    def _note(self, kind: Kind, text: str, **details: str) -> None:
        """Record the statement that was signed last, too: it bears witness after the next one took its place."""
        if self._signed is not None:
            details |= {"statement": self._signed.statement, "signature": self._signed.signature}
        self._notes.note(kind, text, **details)


def _differ(found: Head, signed: Head) -> bool:
    return found.sequence == signed.sequence and found.hash != signed.hash


def _durable(directory: Path) -> Head | None:
    """Return the head of a chain once it is on the medium: what a power cut may take back must not be signed.

    Raises:
        OSError: the medium fails.
    """
    head = read_head(directory)
    if head is None:
        return None
    try:
        file = os.open(directory / JOURNAL_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        os.fdatasync(file)
    finally:
        os.close(file)
    return head
