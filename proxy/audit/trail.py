"""What the gateway tells the audit log, in its own terms."""

from __future__ import annotations

from collections.abc import Callable

from policy.quarantine import QuarantineEntry
from policy.verdict import Verdict
from proxy.audit.event import Detail, Kind, Notice, VerdictEvent
from proxy.audit.journal import Journal

_QUARANTINE_KINDS = {
    "added": Kind.QUARANTINE_ADDED,
    "removed": Kind.QUARANTINE_REMOVED,
    "expired": Kind.QUARANTINE_EXPIRED,
    "restored": Kind.QUARANTINE_RESTORED,
}


class AuditTrail:
    """Hands events to the journal. Never waits."""

    def __init__(self, journal: Journal, real_now: Callable[[], float]) -> None:
        """Write to `journal`, with real time from `real_now` (seconds since the epoch)."""
        self._journal = journal
        self._real_now = real_now
        self.forwarded = 0
        """Verdicts recorded that let a call pass."""
        self.refused = 0
        """Verdicts recorded that did not."""

    def record(self, verdict: Verdict) -> None:
        """Record a verdict.

        Raises:
            JournalError: the journal takes no more; the call must be refused.
        """
        self._journal.append(VerdictEvent(verdict=verdict, time=self._real_now()))
        if verdict.forwarded:
            self.forwarded += 1
        else:
            self.refused += 1

    def note(self, kind: Kind, sentence: str, **details: Detail) -> None:
        """Record something that happened to the gateway.

        Raises:
            JournalError: the journal takes no more.
        """
        self._journal.append(Notice(kind=kind, time=self._real_now(), sentence=sentence, details=details))

    def tls_refused(self, ip: str, reason: str) -> None:
        """Record a handshake that failed, on either side."""
        self.note(Kind.TLS_REFUSAL, f"The TLS handshake with {ip} failed: {reason}.", ip=ip, reason=reason)

    def quarantine(self, change: str, entry: QuarantineEntry, kernel: str) -> None:
        """Record a change of a quarantine: `added`, `removed`, `expired` or `restored`."""
        self.note(
            _QUARANTINE_KINDS[change],
            f"Quarantine of {entry.identity} ({entry.ip}) {change}: {entry.reason}. In the kernel: {kernel}.",
            identity=entry.identity,
            ip=entry.ip,
            verdict=entry.verdict,
            since=entry.since,
            until=entry.until,
            kernel=kernel,
        )
