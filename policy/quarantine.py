"""Senders that are shut out: a state of an identity, which the firewall then projects into the kernel where safe."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from policy.escalation import History, PastQuarantine
from policy.protection import Protection
from policy.verdict import Sender, Strength

CAPACITY = 4096
"""Most entries at a time; the one that expires first gives way."""


class ProtectedError(ValueError):
    """The sender is protected and cannot be quarantined."""


class QuarantineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One sender's quarantine."""

    identity: str
    """What calls are matched by: `identity_of` the sender."""
    address: str
    """Service instance address of the sender, or `ip:<network address>`."""
    ip: str
    """Network address of the call that led here."""
    strength: Strength
    reason: str
    """In plain words."""
    verdict: str
    """Id of the verdict that led here; empty for an entry by hand."""
    since: float
    """Real time, seconds since the epoch."""
    until: float
    """Real time, seconds since the epoch."""
    times: int = 1
    """The how manieth quarantine of this identity in a row it is (`policy.escalation`)."""
    by: str = ""
    """Who entered it by hand, e.g. `alice (uid 1000)`; empty where a verdict did."""


def identity_of(sender: Sender) -> str:
    """Return what a quarantine of the sender is bound to.

    A certificate is the same service wherever it is shown: at another access point, over IPv6, from another address. A
    claimed service address without any proof is nobody's: whoever claims it would shut out the service that owns it.
    So the quarantine of an unknown sender is of its network address.
    """
    if sender.strength is Strength.CERTIFICATE and sender.client_id is not None:
        return f"certificate:{sender.client_id}"
    return f"ip:{sender.ip}" if sender.strength is Strength.UNKNOWN else sender.address


def _own_ip(strength: Strength, ip: str) -> str:
    """Return the sender's own network address, empty where the one of a call is that of whoever vouches for it."""
    return "" if strength is Strength.VOUCHED else ip


class QuarantineRegister:
    """All quarantines of a node. Pure state; not thread-safe; real time is given in with each call.

    `revision` grows with every change, so that a projection knows when it is behind. Protected are the senders that
    `fixed` (the installation: access points, gateway, router) or the policy names; see `protect`.
    """

    def __init__(self, *, capacity: int = CAPACITY, fixed: Protection | None = None) -> None:
        """Start empty.

        Raises:
            ValueError: if the capacity is below 1.
        """
        if capacity < 1:
            raise ValueError(f"capacity of the quarantine register must be at least 1, not {capacity}")
        self._capacity = capacity
        self._fixed = fixed or Protection()
        self._protection = self._fixed
        self._entries: dict[str, QuarantineEntry] = {}
        self.revision = 0
        self.evictions = 0
        """Entries that gave way, before their time, because the register was full."""
        self._evicted: dict[str, QuarantineEntry] = {}
        self.history = History()
        """Who was quarantined by a verdict, and how many times in a row."""

    def __len__(self) -> int:
        """Return the number of entries, expired ones that `expire` has not removed yet included."""
        return len(self._entries)

    @property
    def entries(self) -> tuple[QuarantineEntry, ...]:
        """All entries, by identity; may include expired ones until the next `expire`."""
        return tuple(sorted(self._entries.values(), key=lambda entry: entry.identity))

    def holding(self, identity: str, now: float) -> QuarantineEntry | None:
        """Return the entry that shuts the identity out at `now`, if any."""
        entry = self._entries.get(identity)
        return entry if entry is not None and entry.until > now else None

    def shuts_out(self, sender: Sender, identity: str, now: float) -> bool:
        """Tell whether a sender, and what `identity_of` it is, must not call at `now`.

        Who shows a certificate here and was shut out must not come in by way of another access point either, nor in the
        frames of this one, which name no client. The other way round nobody is shut out by what somebody else says.
        """
        if self.holding(identity, now) is not None:
            return True
        if sender.strength is not Strength.VOUCHED:
            return False
        client_id = sender.client_id or sender.address.rpartition("/")[2]
        return self.holding(f"certificate:{client_id}", now) is not None

    def protects(self, address: str, ip: str, strength: Strength = Strength.UNKNOWN) -> bool:
        """Whether the sender can never be quarantined."""
        return self._protection.covers(address, _own_ip(strength, ip))

    def protect(self, protection: Protection) -> tuple[QuarantineEntry, ...]:
        """Set what the policy protects, and release whom it covers.

        Returns:
            The released entries.
        """
        self._protection = self._fixed | protection
        released = [entry for entry in self.entries if self._protected(entry)]
        self._drop(released)
        for entry in released:
            self.history.forget(entry.identity)
        return tuple(released)

    def add(self, entry: QuarantineEntry, *, now: float) -> None:
        """Quarantine a sender; of two entries for one identity the one that ends later stays.

        If the register is full, the entry that ends first gives way, which can be the new one (`take_evicted`).

        Raises:
            ProtectedError: if the sender is protected.
        """
        if self._protected(entry):
            raise ProtectedError(f"{entry.identity} ({entry.ip}) is protected and cannot be quarantined")
        if entry.verdict:
            self.history.note(PastQuarantine(identity=entry.identity, times=entry.times, until=entry.until))
        present = self._entries.get(entry.identity)
        if present is not None and present.until >= entry.until:
            return
        self._entries[entry.identity] = entry
        self._evicted.pop(entry.identity, None)
        self.revision += 1
        if len(self._entries) > self._capacity:
            first = min(self._entries.values(), key=lambda each: (each.until, each.since, each.identity))
            self._drop([first])
            self._evict(first)
            self.evictions += first.until > now

    def take_evicted(self) -> tuple[QuarantineEntry, ...]:
        """Return, once, the entries that nobody was told of when they went, so that their traces can be removed.

        They gave way in a full register, or `restore` did not take them back; some have ended, some have not. Who was
        quarantined again since is not among them. Of more than the register's capacity the latest are kept.
        """
        evicted = tuple(self._evicted.values())
        self._evicted.clear()
        return evicted

    def release(self, identity: str) -> QuarantineEntry | None:
        """End a quarantine before its time, and forget that it was; return it, or None where there is none."""
        entry = self._entries.get(identity)
        if entry is not None:
            self._drop([entry])
        # Also where it has just ended by itself: who ended it by hand took it for a mistake.
        self.history.forget(identity)
        return entry

    def expire(self, now: float) -> tuple[QuarantineEntry, ...]:
        """Remove and return the entries that have ended."""
        ended = [entry for entry in self.entries if entry.until <= now]
        self._drop(ended)
        return tuple(ended)

    def restore(self, stored: Iterable[Mapping[str, object]], *, now: float) -> tuple[QuarantineEntry, ...]:
        """Take back stored entries, each as plain data by the names of its fields.

        Ended entries and those of senders protected by now are left out (`take_evicted`).

        Returns:
            The entries that were taken back.

        Raises:
            ValueError: if the data is not that of entries; nothing is restored then.
        """
        try:
            entries = [msgspec.convert(dict(each), QuarantineEntry) for each in stored]
        except (msgspec.ValidationError, TypeError) as error:
            raise ValueError(f"stored quarantines are damaged: {error}") from error
        if any(not (math.isfinite(entry.since) and math.isfinite(entry.until)) for entry in entries):
            raise ValueError("stored quarantines are damaged: a time is not finite")
        for entry in entries:
            if entry.until > now and not self._protected(entry):
                self.add(entry, now=now)
            else:
                self._evict(entry)
        return tuple(entry for entry in entries if self._entries.get(entry.identity) == entry)

    def _protected(self, entry: QuarantineEntry) -> bool:
        return self.protects(entry.address, entry.ip, entry.strength)

    def _evict(self, entry: QuarantineEntry) -> None:
        self._evicted[entry.identity] = entry
        if len(self._evicted) > self._capacity:
            del self._evicted[next(iter(self._evicted))]

    def _drop(self, entries: Iterable[QuarantineEntry]) -> None:
        for entry in entries:
            del self._entries[entry.identity]
            self.revision += 1
