"""Carries a quarantine out: in the kernel where nobody healthy is at the sender's address, and on disk.

A quarantine is first a state of an identity in the judge, and on its connections (`proxy.worker.quarantine`); that
holds at once. What is here follows, in the supervisor: first the kernel, on a thread that waits for nothing else, then
the audit log and the disk, on another one. A disk that is slow or full keeps nobody out of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import NamedTuple

from policy.escalation import PastQuarantine
from policy.quarantine import QuarantineEntry, QuarantineRegister
from policy.verdict import Strength
from proxy.audit.trail import QuarantineChange
from proxy.carriers import Carriers
from proxy.firewall.nftables import Applied
from proxy.firewall.plan import Entry
from proxy.kernel_quarantines import KernelQuarantines
from proxy.places import Place, Places, neighbourhood
from proxy.processes.messages import Sighted
from proxy.storage.quarantine_store import QuarantineStore

_MOST_UNLINKED = 1024
"""Whoever is seen beyond that is asked for when it is seen again."""
_SHARED = "none: other senders share the address"
_NOWHERE = "none: its address is not known"


class _Wanted(NamedTuple):
    """What the kernel is to drop of a quarantined identity."""

    ip: str
    """Where it was when that was decided."""
    place: Place | None


@dataclass(frozen=True)
class QuarantineKeeper:
    """Keeps kernel and disk in step with the register. Called on the event loop's thread."""

    register: QuarantineRegister
    kernel: KernelQuarantines
    store: QuarantineStore
    log: Callable[[QuarantineChange], None]
    """Records what became of a quarantine."""
    kernel_thread: Executor
    """One thread for the kernel alone, so that changes reach it in their order and wait for nothing else."""
    background: Executor
    """One thread, so that changes reach the disk in their order. Its tasks come from the other one: it ends last."""
    carriers: Carriers
    """Who is where."""
    places: Places
    """What the kernel would drop of whom."""
    on_broken: Callable[[str, BaseException], None]
    _wanted: dict[str, _Wanted] = field(default_factory=dict)
    """By quarantined identity. For the event loop's thread, as the next."""
    _near: dict[str, set[str]] = field(default_factory=dict)
    """Quarantined identities by the neighbourhood of their addresses."""
    _unlinked: set[str] = field(default_factory=set)
    """IPv6 addresses whose link address is asked for with the next look at the neighbours."""

    def restore(self, now: float) -> tuple[Entry, ...]:
        """Take stored quarantines back into the register; return their kernel entries for the installation.

        Those that are not taken back are removed with the first `expire`, when there is a table to release them from.

        Raises:
            QuarantineStoreError: the stored quarantines are damaged.
            ValueError: likewise.
        """
        for past in self.store.history():
            self.register.history.note(past)
        stored = self.store.all()
        restored = self.register.restore((each.entry for each in stored), now=now)
        for entry in restored:
            self.log(QuarantineChange("restored", entry, "as before"))
        held = {entry.identity for entry in restored}
        kernel = {str(each.entry["identity"]): each.kernel for each in stored if each.kernel is not None}
        self.kernel.restore(kernel)
        for entry in restored:
            stands = kernel.get(entry.identity)
            self._keep(entry, None if stands is None else Place(stands.ip, stands.mac))
        return tuple(entry for identity, entry in kernel.items() if identity in held)

    def installed(self, applied: Applied) -> None:
        """Take note of what an installation of the table came to; who found no room is put in later."""
        left_out = {entry.key for entry in applied.left_out}
        if left_out:
            self.kernel_thread.submit(self.kernel.left_out, left_out)

    def enter(self, entry: QuarantineEntry, now: float) -> QuarantineEntry:
        """Carry out a quarantine.

        Args:
            entry: The quarantine.
            now: Real time, seconds since the epoch.

        Returns:
            The quarantine that holds: another one where the sender was in quarantine for longer already.

        Raises:
            ProtectedError: the sender is protected by now.
        """
        self.register.add(entry, now=now)
        held = self.register.holding(entry.identity, now)
        if held is not None and held != entry:
            return held
        before = self._wanted.get(entry.identity)
        # It is decided by who has which link address now, not a moment ago.
        if ":" in entry.ip or self.places.link(entry.ip) is None:
            self.places.renew()
        self._complete_links(now)
        place = self._place_of(entry, now)
        self._keep(entry, place)
        self.kernel_thread.submit(self._carry_out, "added", entry, place)
        self._reconsider(entry.ip, now, but=entry.identity)
        if before is not None and before.ip != entry.ip:
            self._reconsider(before.ip, now)
        return entry

    def sighted(self, sighting: Sighted, now: float) -> None:
        """Note that somebody is at an address; if the kernel drops it because of somebody else, it no longer does."""
        ip = sighting.ip
        link = self.places.link(ip) if ":" in ip else None
        self.carriers.see(ip, sighting.identity, now, address=sighting.address, link=link)
        if ":" in ip and link is None and len(self._unlinked) < _MOST_UNLINKED:
            self._unlinked.add(ip)
        self._reconsider(ip, now)

    def expire(self, now: float) -> None:
        """Let senders through again whose time has come; the kernel's entries end by themselves.

        Likewise those that the register let go of its own accord.
        """
        if self.places.due:
            self._complete_links(now)
        gone = (*self.register.take_evicted(), *self.register.expire(now))
        for entry in gone:
            self.kernel_thread.submit(self._forget if entry.until <= now else self._release, entry)
        self._drop(gone, now)
        if self.kernel.waiting:
            self.kernel_thread.submit(self.kernel.try_again)

    def release(self, entry: QuarantineEntry, now: float, *, by: str = "", why: str = "") -> None:
        """Let a sender through again that has left the register before its time, and forget that it was there.

        Args:
            entry: its quarantine.
            now: Real time, seconds since the epoch.
            by: who ended it by hand.
            why: what they said of it.
        """
        self.kernel_thread.submit(self._release, entry, by, why, forgiven=True)
        self._drop([entry], now)

    def _complete_links(self, now: float) -> None:
        """Take the link addresses that the kernel had not told when somebody was seen; it is asked once for all."""
        unlinked = tuple(self._unlinked)
        self._unlinked.clear()
        for ip in unlinked:
            link = self.places.link(ip)
            if link is not None:
                self.carriers.link(ip, link)
                self._reconsider(ip, now)

    def in_kernel(self, identity: str) -> bool:
        """Tell whether the kernel is to drop what comes from the sender's address."""
        wanted = self._wanted.get(identity)
        return wanted is not None and wanted.place is not None

    def _keep(self, entry: QuarantineEntry, place: Place | None) -> None:
        self._take_away(entry.identity)
        self._wanted[entry.identity] = _Wanted(entry.ip, place)
        if entry.ip:
            self._near.setdefault(neighbourhood(entry.ip), set()).add(entry.identity)

    def _take_away(self, identity: str) -> None:
        wanted = self._wanted.pop(identity, None)
        if wanted is None or not wanted.ip:
            return
        near = neighbourhood(wanted.ip)
        self._near[near].discard(identity)
        if not self._near[near]:
            del self._near[near]

    def _drop(self, entries: Sequence[QuarantineEntry], now: float) -> None:
        """Forget entries; whoever shares an address with them is healthy again."""
        for entry in entries:
            self._take_away(entry.identity)
        for entry in entries:
            self._reconsider(entry.ip, now)

    def _place_of(self, entry: QuarantineEntry, now: float) -> Place | None:
        """Return what the kernel is to drop; None where that would hit somebody healthy, or the address is not known.

        Others that the gateway has let go by are healthy; who is in quarantine as well is not. Where a peer vouches for
        the sender, the address is the peer's, who calls for many.
        """
        if not entry.ip or entry.strength is Strength.VOUCHED:
            return None
        wanted = self._wanted.get(entry.identity)
        # The same address again keeps its place: the kernel may know the link address behind it no more.
        stays = wanted is not None and wanted.ip == entry.ip
        place = (wanted.place if wanted is not None and stays else None) or self.places.of(entry.ip)
        others = self.carriers.behind(place, now) - {entry.identity, entry.address}
        return place if all(self._is_quarantined(each, now) for each in others) else None

    def _is_quarantined(self, identity: str, now: float) -> bool:
        # The inventory's name of a service that shows a certificate.
        certificate = f"certificate:{identity.rpartition('/')[2]}" if identity.startswith("/") else identity
        holding = self.register.holding
        return holding(identity, now) is not None or holding(certificate, now) is not None

    def _reconsider(self, ip: str, now: float, but: str = "") -> None:
        """Decide again about the quarantines near an address, as somebody came or went there."""
        for identity in tuple(self._near.get(neighbourhood(ip), ())):
            entry = self.register.holding(identity, now)
            if entry is None or identity == but:
                continue
            place = self._place_of(entry, now)
            wanted = self._wanted[identity]
            if (place is None) != (wanted.place is None):
                self._wanted[identity] = wanted._replace(place=place)
                self.kernel_thread.submit(self._carry_out, "changed", entry, place)

    # On the kernel's thread.

    def _carry_out(self, change: str, entry: QuarantineEntry, place: Place | None) -> None:
        """Have the kernel drop what it should, or nothing any more; then tell, and store."""
        kernel = None
        try:
            kernel = None if place is None else Entry(ip=place.ip, mac=place.mac, until=entry.until)
            outcome = self._into_kernel(entry, kernel)
        except Exception as error:  # noqa: BLE001 -- the identity stays refused; the operator must hear of the rest
            self.on_broken("quarantine", error)
            outcome = f"not as it should be: {error}"
        self.background.submit(self._store, change, entry, kernel, outcome)

    def _into_kernel(self, entry: QuarantineEntry, kernel: Entry | None) -> str:
        if kernel is not None:
            return self.kernel.put(entry.identity, kernel)
        self.kernel.take_out(entry.identity)
        return _SHARED if entry.ip else _NOWHERE

    def _release(self, entry: QuarantineEntry, by: str = "", why: str = "", *, forgiven: bool = False) -> None:
        outcome = "removed"
        try:
            self.kernel.take_out(entry.identity)
        except Exception as error:  # noqa: BLE001 -- the kernel's entry ends by itself; the operator must hear of it
            self.on_broken("quarantine", error)
            outcome = f"not removed: {error}"
        self.background.submit(
            self._remove, QuarantineChange("removed", entry, outcome, by=by, why=why), forgiven=forgiven
        )

    def _forget(self, entry: QuarantineEntry) -> None:
        self.kernel.forget(entry.identity)
        self.background.submit(self._remove, QuarantineChange("expired", entry, "ended"))

    # On the disk's thread.

    def _store(self, change: str, entry: QuarantineEntry, kernel: Entry | None, outcome: str) -> None:
        try:
            self.log(QuarantineChange(change, entry, outcome, by=entry.by if change == "added" else ""))
            self.store.put(entry, kernel)
            if entry.verdict:
                self.store.remember(PastQuarantine(identity=entry.identity, times=entry.times, until=entry.until))
        except Exception as error:  # noqa: BLE001 -- the identity stays refused; the operator must hear of the rest
            self.on_broken("quarantine", error)

    def _remove(self, change: QuarantineChange, *, forgiven: bool = False) -> None:
        identity = change.entry.identity
        try:
            self.store.remove(identity)
            if forgiven:
                self.store.forget(identity)
            self.log(change)
        except Exception as error:  # noqa: BLE001 -- at the next start it is back; the operator must hear of it
            self.on_broken("quarantine", error)
