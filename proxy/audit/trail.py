"""What the gateway tells the audit log, in its own terms."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

from policy.quarantine import QuarantineEntry
from policy.verdict import Sender, Verdict
from proxy.audit.event import Detail, Kind, Notice, VerdictEvent
from proxy.audit.journal import Journal
from proxy.audit.sampling import Sampling
from proxy.inference import Otherwise

_QUARANTINE_KINDS = {
    "added": Kind.QUARANTINE_ADDED,
    "changed": Kind.QUARANTINE_CHANGED,
    "removed": Kind.QUARANTINE_REMOVED,
    "expired": Kind.QUARANTINE_EXPIRED,
    "restored": Kind.QUARANTINE_RESTORED,
}
_QUIET_SECONDS = 10.0
"""Of one kind and origin, one notice in this time is written; the next one tells how many there were in between."""
_MOST_ORIGINS = 1024


class Notes(Protocol):
    """Where whatever happens to the gateway is recorded."""

    def note(self, kind: Kind, sentence: str, **details: Detail) -> None:
        """Record something that happened to the gateway."""
        ...


class QuarantineChange(NamedTuple):
    """What became of a quarantine."""

    change: str
    """`added`, `changed` in the kernel, `removed`, `expired` or `restored`."""
    entry: QuarantineEntry
    kernel: str
    """What stands in the kernel."""
    by: str = ""
    """Who did it by hand."""
    why: str = ""
    """What they said of it."""


class AuditTrail:
    """Hands events to the journal. Never waits."""

    def __init__(self, journal: Journal, real_now: Callable[[], float], *, every: int = 1) -> None:
        """Write to `journal`, with real time from `real_now` (seconds since the epoch).

        Of normal calls, only every `every`-th of a kind has a record of its own; the others are counted.
        """
        self._journal = journal
        self._sampling = Sampling(every) if every > 1 else None
        self._real_now = real_now
        self._recent: OrderedDict[tuple[Kind, str], tuple[float, int]] = OrderedDict()
        self.forwarded = 0
        """Verdicts recorded, or counted, that let a call pass."""
        self.refused = 0
        """Verdicts recorded that did not."""

    def record(self, verdict: Verdict) -> None:
        """Record a verdict.

        Raises:
            JournalError: the journal takes no more; the call must be refused.
        """
        now = self._real_now()
        if self._sampling is None or not self._sampling.passes_over(verdict, now):
            self._journal.append(VerdictEvent(verdict=verdict, time=now))
        if verdict.forwarded:
            self.forwarded += 1
        else:
            self.refused += 1

    def count(self, *, all_of_it: bool = False) -> None:
        """Record once a minute how many calls went without a record of their own; `all_of_it`: at once.

        Raises:
            JournalError: the journal takes no more; they are counted on.
        """
        now = self._real_now()
        if self._sampling is None or not (all_of_it or self._sampling.due(now)):
            return
        notice = self._sampling.notice(now)
        if notice is not None:
            self._journal.append(notice)
            self._sampling.recorded()

    def note(self, kind: Kind, sentence: str, **details: Detail) -> None:
        """Record something that happened to the gateway.

        Raises:
            JournalError: the journal takes no more.
        """
        self._journal.append(Notice(kind=kind, time=self._real_now(), sentence=sentence, details=details))

    def tls_refused(self, ip: str, reason: str) -> None:
        """Record a handshake that failed, on either side; a flood of them, which anybody can cause, is only counted."""
        before = self._counted(Kind.TLS_REFUSAL, ip)
        if before is not None:
            text = f"The TLS handshake with {ip} failed: {reason}."
            self.note(Kind.TLS_REFUSAL, text + _more(before), ip=ip, reason=reason, more=before)

    def identity_conflict(self, sender: Sender, places: list[str]) -> None:
        """Record a certificate that was shown from elsewhere than the inventory has it; a flood is only counted."""
        before = self._counted(Kind.IDENTITY_CONFLICT, sender.address)
        if before is not None:
            where = f"has it at {', '.join(places)}" if places else "has another service there"
            text = (
                f"{sender.address} shows its certificate at {sender.ip}, but the inventory {where}:"
                " it has moved, or somebody else has its key."
            )
            self.note(
                Kind.IDENTITY_CONFLICT,
                text + _more(before),
                address=sender.address,
                ip=sender.ip,
                inventoried=places,
                more=before,
            )

    def inferred_otherwise(self, sender: Sender, found: Otherwise) -> None:
        """Record that a sender fits another rule of inference than before; a flood of it is only counted."""
        before = self._counted(Kind.INFERENCE, sender.address)
        if before is not None:
            then = "that is its type from now on" if found.taken else "it keeps its type"
            text = (
                f"{sender.address} was taken for {found.had}, and by {found.why} it is {found.fits}: {then}. It may be"
                " another device, or one that tries what others are let do."
            )
            details: dict[str, Detail] = {"had": found.had, "fits": found.fits, "taken": found.taken, "more": before}
            self.note(Kind.INFERENCE, text + _more(before), address=sender.address, ip=sender.ip, **details)

    def rolled_back(self, root: str, verdict: Verdict) -> None:
        """Record that the gateway rolls a transaction back of its own accord, after the refusal of its commit.

        Raises:
            JournalError: the journal takes no more.
        """
        address = verdict.call.sender.address
        self.note(
            Kind.ROLLBACK,
            f"The gateway rolls back the transaction of {address} on {root}: the call that would have committed it was"
            f" refused ({verdict.id}).",
            address=address,
            node=root,
            verdict=verdict.id,
        )

    def crowded(self, reason: str) -> None:
        """Record that a connection was refused because there are too many; a flood of them is only counted."""
        before = self._counted(Kind.CROWDED, reason)
        if before is not None:
            text = f"A connection was refused: {reason}."
            self.note(Kind.CROWDED, text + _more(before), reason=reason, more=before)

    def kernel_full(self, waiting: int) -> None:
        """Record that quarantines wait for room in the kernel; a flood of them is only counted."""
        before = self._counted(Kind.KERNEL_FULL, "")
        if before is not None:
            text = f"A quarantine set in the kernel is full: {waiting} wait for room, refused by the gateway alone."
            self.note(Kind.KERNEL_FULL, text + _more(before), waiting=waiting, more=before)

    def quarantine(self, changed: QuarantineChange) -> None:
        """Record a change of a quarantine."""
        change, entry, kernel, by, why = changed
        whom = f"{entry.address} ({entry.ip})" if entry.ip else entry.address
        hand = f" by {by}" if by else ""
        said = f" {why[:1].upper()}{why[1:]}." if why else ""
        details: dict[str, Detail] = {"by": by} if by else {}
        if why:
            details["why"] = why
        self.note(
            _QUARANTINE_KINDS[change],
            f"Quarantine of {whom} {change}{hand}: {entry.reason}. In the kernel: {kernel}.{said}",
            address=entry.address,
            identity=entry.identity,
            ip=entry.ip,
            verdict=entry.verdict,
            since=entry.since,
            until=entry.until,
            kernel=kernel,
            **details,
        )

    def _counted(self, kind: Kind, origin: str) -> int | None:
        """Return how many went unwritten before this one, None where this one is not to be written either."""
        now = self._real_now()
        written, unwritten = self._recent.get((kind, origin), (-_QUIET_SECONDS, 0))
        if 0 <= now - written < _QUIET_SECONDS:
            self._recent[(kind, origin)] = (written, unwritten + 1)
            return None
        self._recent[(kind, origin)] = (now, 0)
        self._recent.move_to_end((kind, origin))
        if len(self._recent) > _MOST_ORIGINS:
            self._recent.popitem(last=False)
        return unwritten


def _more(count: int) -> str:
    return f" So did {count} more like it." if count else ""
