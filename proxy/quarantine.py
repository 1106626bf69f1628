"""Carries a quarantine out: on disk, and in the kernel where nobody healthy is at the sender's address.

A quarantine is first a state of an identity in the judge, and on its connections (`proxy.worker.quarantine`); that
holds at once. What is here follows, in the supervisor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol

from policy.escalation import PastQuarantine
from policy.quarantine import QuarantineEntry, QuarantineRegister
from policy.verdict import Strength
from proxy.carriers import Carriers
from proxy.firewall.commands import Quarantine, Release
from proxy.firewall.helper import FirewallHelper, HelperLostError
from proxy.firewall.nftables import Applied, FirewallError, FullSetError
from proxy.firewall.plan import Entry
from proxy.firewall.ruleset import set_of
from proxy.places import Place, Places, neighbourhood
from proxy.processes.messages import Sighted
from proxy.storage.quarantine_store import QuarantineStore

_KERNEL_SECONDS = 5.0


class QuarantineLog(Protocol):
    """Where changes of quarantines are recorded."""

    def quarantine(self, change: str, entry: QuarantineEntry, kernel: str, *, by: str = "", why: str = "") -> None:
        """Record a change: `added`, `changed` (in the kernel), `removed`, `restored` or `expired`.

        Args:
            change: which.
            entry: the quarantine.
            kernel: what stands in the kernel.
            by: who did it by hand.
            why: what they said of it.
        """
        ...


@dataclass
class KernelFigures:
    """How well the kernel takes what it is given."""

    full: int = 0
    """Times that a quarantine found its set full."""


@dataclass(frozen=True)
class QuarantineKeeper:
    """Keeps disk and kernel in step with the register. Called on the event loop's thread."""

    register: QuarantineRegister
    store: QuarantineStore
    firewall: FirewallHelper
    log: QuarantineLog
    background: Executor
    """One thread, so that changes reach disk and kernel in their order."""
    carriers: Carriers
    """Who is where."""
    places: Places
    """What the kernel would drop of whom."""
    on_broken: Callable[[str, BaseException], None]
    on_full: Callable[[int], None]
    """Called with the number of quarantines that wait for room in the kernel, whenever another one has to."""
    figures: KernelFigures = field(default_factory=KernelFigures)
    _wanted: dict[str, Place | None] = field(default_factory=dict)
    """What the kernel is to drop of each quarantined identity. For the event loop's thread, as the next."""
    _near: dict[str, set[str]] = field(default_factory=dict)
    """Quarantined identities by the neighbourhood of their addresses."""
    _in_kernel: dict[str, Entry] = field(default_factory=dict)
    """What stands in the kernel for each quarantined identity, so that putting it back needs no disk."""
    _waiting: dict[str, Entry] = field(default_factory=dict)
    """What should stand there and does not yet: its set is full, or the helper died over it. The proxy refuses it."""

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
            self.log.quarantine("restored", entry, "as before")
        held = {entry.identity for entry in restored}
        for each in stored:
            if each.kernel is not None:
                self._in_kernel[str(each.entry["identity"])] = each.kernel
        for entry in restored:
            kernel = self._in_kernel.get(entry.identity)
            self._keep(entry, None if kernel is None else Place(kernel.ip, kernel.mac))
        return tuple(entry for identity, entry in self._in_kernel.items() if identity in held)

    def kernel_entries(self) -> tuple[Entry, ...]:
        """Return what should stand in the kernel for the quarantines that hold now."""
        return (*self._in_kernel.values(), *self._waiting.values())

    @property
    def waiting(self) -> int:
        """How many quarantines wait for their place in the kernel."""
        return len(self._waiting)

    def installed(self, applied: Applied) -> None:
        """Take note of what an installation of `kernel_entries` came to; who found no room is put in later."""
        left_out = {entry.key for entry in applied.left_out}
        if left_out:
            self.background.submit(self._note_left_out, left_out)

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
        place = self._place_of(entry, now)
        self._keep(entry, place)
        self.background.submit(self._project, entry, place)
        self._reconsider(entry.ip, now, but=entry.identity)
        return entry

    def sighted(self, sighting: Sighted, now: float) -> None:
        """Note that somebody is at an address; if the kernel drops it because of somebody else, it no longer does."""
        ip = sighting.ip
        link = self.places.link(ip) if ":" in ip else None
        self.carriers.see(ip, sighting.identity, now, address=sighting.address, link=link)
        self._reconsider(ip, now)

    def expire(self, now: float) -> None:
        """Let senders through again whose time has come; the kernel's entries end by themselves.

        Likewise those that the register let go of its own accord.
        """
        gone = (*self.register.take_evicted(), *self.register.expire(now))
        for entry in gone:
            self.background.submit(self._forget if entry.until <= now else self._release, entry)
        self._drop(gone, now)
        if self._waiting:
            self.background.submit(self._try_again)

    def release(self, entry: QuarantineEntry, now: float, *, by: str = "", why: str = "") -> None:
        """Let a sender through again that has left the register before its time, and forget that it was there.

        Args:
            entry: its quarantine.
            now: Real time, seconds since the epoch.
            by: who ended it by hand.
            why: what they said of it.
        """
        self.background.submit(self._release, entry, by, why, forgiven=True)
        self._drop([entry], now)

    def in_kernel(self, identity: str) -> bool:
        """Tell whether the kernel is to drop what comes from the sender's address."""
        return self._wanted.get(identity) is not None

    def _keep(self, entry: QuarantineEntry, place: Place | None) -> None:
        self._wanted[entry.identity] = place
        if entry.ip:
            self._near.setdefault(neighbourhood(entry.ip), set()).add(entry.identity)

    def _drop(self, entries: Sequence[QuarantineEntry], now: float) -> None:
        """Forget entries; whoever shares an address with them is healthy again."""
        for entry in entries:
            self._wanted.pop(entry.identity, None)
            near = neighbourhood(entry.ip)
            if (identities := self._near.get(near)) is not None:
                identities.discard(entry.identity)
                if not identities:
                    del self._near[near]
        for entry in entries:
            self._reconsider(entry.ip, now)

    def _place_of(self, entry: QuarantineEntry, now: float) -> Place | None:
        """Return what the kernel is to drop; None where that would hit somebody healthy, or the address is not known.

        Others that the gateway has let go by are healthy; who is in quarantine as well is not. Where a peer vouches for
        the sender, the address is the peer's, who calls for many.
        """
        if not entry.ip or entry.strength is Strength.VOUCHED:
            return None
        place = self._wanted.get(entry.identity) or self.places.of(entry.ip)
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
            if (place is None) != (self._wanted[identity] is None):
                self._wanted[identity] = place
                self.background.submit(self._move, entry, place)

    def _project(self, entry: QuarantineEntry, place: Place | None) -> None:
        try:
            # The kernel first: a full disk must not keep a sender out of it.
            kernel = _kernel_entry(entry, place)
            outcome = self._into_kernel(entry, kernel)
            self.log.quarantine("added", entry, outcome, by=entry.by)
            self.store.put(entry, kernel)
            if entry.verdict:
                self.store.remember(PastQuarantine(identity=entry.identity, times=entry.times, until=entry.until))
        except Exception as error:  # noqa: BLE001 -- the identity stays refused; the operator must hear of the rest
            self.on_broken("quarantine", error)

    def _move(self, entry: QuarantineEntry, place: Place | None) -> None:
        """Put a quarantine that holds into the kernel after all, or take it out."""
        try:
            kernel = _kernel_entry(entry, place)
            if kernel is None:
                self._out_of_kernel(entry.identity)
            self.log.quarantine("changed", entry, self._into_kernel(entry, kernel))
            self.store.put(entry, kernel)
        except Exception as error:  # noqa: BLE001 -- the identity stays refused; the operator must hear of the rest
            self.on_broken("quarantine", error)

    def _out_of_kernel(self, identity: str) -> None:
        kernel = self._in_kernel.pop(identity, None)
        self._waiting.pop(identity, None)
        if kernel is not None:
            self.firewall.submit(Release((kernel,))).result(_KERNEL_SECONDS)

    def _into_kernel(self, entry: QuarantineEntry, kernel: Entry | None) -> str:
        identity = entry.identity
        if kernel is None:
            return "none: other senders share the address" if entry.ip else "none: its address is not known"
        try:
            self.firewall.submit(Quarantine((kernel,))).result(_KERNEL_SECONDS)
        except FullSetError as error:
            self._wait_for_room(identity, kernel)
            return f"none yet, it waits for room: {error}"
        except HelperLostError as error:
            self._waiting[identity] = kernel
            return f"none yet, it will be tried again: {error}"
        except FirewallError as error:
            return f"none: {error}"
        self._in_kernel[identity] = kernel
        if kernel.mac is None:
            return kernel.ip
        return f"{kernel.mac} . {neighbourhood(kernel.ip)}"

    def _wait_for_room(self, identity: str, kernel: Entry) -> None:
        self.figures.full += 1
        self._waiting[identity] = kernel
        self.on_full(len(self._waiting))

    def _note_left_out(self, left_out: set[tuple[str, str | None]]) -> None:
        for identity, kernel in tuple(self._in_kernel.items()):
            if kernel.key in left_out:
                del self._in_kernel[identity]
                self._wait_for_room(identity, kernel)

    def _try_again(self) -> None:
        """Put in those that wait for room, the one that has waited longest first, set by set."""
        full: set[str] = set()
        for identity, kernel in tuple(self._waiting.items()):
            if set_of(kernel) in full:
                continue
            try:
                self.firewall.submit(Quarantine((kernel,))).result(_KERNEL_SECONDS)
            except FullSetError:
                full.add(set_of(kernel))
            except (FirewallError, TimeoutError):
                # Whatever else is wrong is told by those that watch over the table.
                return
            else:
                del self._waiting[identity]
                self._in_kernel[identity] = kernel

    def _release(self, entry: QuarantineEntry, by: str = "", why: str = "", *, forgiven: bool = False) -> None:
        try:
            self.store.remove(entry.identity)
            if forgiven:
                self.store.forget(entry.identity)
            self._out_of_kernel(entry.identity)
            self.log.quarantine("removed", entry, "removed", by=by, why=why)
        except Exception as error:  # noqa: BLE001 -- the kernel's entry ends by itself; the operator must hear of it
            self.on_broken("quarantine", error)

    def _forget(self, entry: QuarantineEntry) -> None:
        self._in_kernel.pop(entry.identity, None)
        self._waiting.pop(entry.identity, None)
        try:
            self.store.remove(entry.identity)
            self.log.quarantine("expired", entry, "ended")
        except Exception as error:  # noqa: BLE001 -- it is forgotten again at the next start
            self.on_broken("quarantine", error)


def _kernel_entry(entry: QuarantineEntry, place: Place | None) -> Entry | None:
    return None if place is None else Entry(ip=place.ip, mac=place.mac, until=entry.until)
