"""Carries a quarantine out: on disk, and in the kernel where the address is the sender's own.

A quarantine is first a state of an identity in the judge, and on its connections (`proxy.worker.quarantine`); that
holds at once. What is here follows, in the supervisor.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol

from policy.escalation import PastQuarantine
from policy.quarantine import QuarantineEntry, QuarantineRegister
from proxy.firewall.commands import Quarantine, Release
from proxy.firewall.helper import FirewallHelper, HelperLostError
from proxy.firewall.neighbours import mac_of
from proxy.firewall.nftables import Applied, FirewallError, FullSetError
from proxy.firewall.plan import Entry
from proxy.firewall.ruleset import set_of
from proxy.storage.quarantine_store import QuarantineStore

_KERNEL_SECONDS = 5.0


class QuarantineLog(Protocol):
    """Where changes of quarantines are recorded."""

    def quarantine(self, change: str, entry: QuarantineEntry, kernel: str) -> None:
        """Record a change: `added`, `removed`, `restored` or `expired`; `kernel` says what stands in the kernel."""
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
    on_broken: Callable[[str, BaseException], None]
    on_full: Callable[[int], None]
    """Called with the number of quarantines that wait for room in the kernel, whenever another one has to."""
    figures: KernelFigures = field(default_factory=KernelFigures)
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
        left_out = {(entry.ip, entry.mac) for entry in applied.left_out}
        if left_out:
            self.background.submit(self._note_left_out, left_out)

    def enter(self, entry: QuarantineEntry, now: float, *, owns_address: bool) -> None:
        """Carry out a quarantine of a worker's.

        Args:
            entry: The quarantine.
            now: Real time, seconds since the epoch.
            owns_address: Whether no other sender has the network address, so that the kernel may drop it.

        Raises:
            ProtectedError: the sender is protected by now.
        """
        self.register.add(entry, now=now)
        self.background.submit(self._project, entry, owns=owns_address)

    def expire(self, now: float) -> None:
        """Let senders through again whose time has come; the kernel's entries end by themselves.

        Likewise those that the register let go of its own accord.
        """
        for entry in (*self.register.take_evicted(), *self.register.expire(now)):
            self.background.submit(self._forget if entry.until <= now else self._release, entry)
        if self._waiting:
            self.background.submit(self._try_again)

    def release(self, entry: QuarantineEntry) -> None:
        """Let a sender through again that has left the register before its time, and forget that it was there."""
        self.background.submit(self._release, entry, forgiven=True)

    def _project(self, entry: QuarantineEntry, *, owns: bool) -> None:
        try:
            # The kernel first: a full disk must not keep a sender out of it.
            kernel = _kernel_entry(entry) if owns else None
            outcome = self._into_kernel(entry.identity, kernel)
            self.log.quarantine("added", entry, outcome)
            self.store.put(entry, kernel)
            if entry.verdict:
                self.store.remember(PastQuarantine(identity=entry.identity, times=entry.times, until=entry.until))
        except Exception as error:  # noqa: BLE001 -- the identity stays refused; the operator must hear of the rest
            self.on_broken("quarantine", error)

    def _into_kernel(self, identity: str, kernel: Entry | None) -> str:
        if kernel is None:
            return "none: other senders share the address"
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
        return f"{kernel.mac} . {kernel.ip}" if kernel.mac else kernel.ip

    def _wait_for_room(self, identity: str, kernel: Entry) -> None:
        self.figures.full += 1
        self._waiting[identity] = kernel
        self.on_full(len(self._waiting))

    def _note_left_out(self, left_out: set[tuple[str, str | None]]) -> None:
        for identity, kernel in tuple(self._in_kernel.items()):
            if (kernel.ip, kernel.mac) in left_out:
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

    def _release(self, entry: QuarantineEntry, *, forgiven: bool = False) -> None:
        try:
            kernel = self._in_kernel.pop(entry.identity, None)
            self._waiting.pop(entry.identity, None)
            self.store.remove(entry.identity)
            if forgiven:
                self.store.forget(entry.identity)
            if kernel is not None:
                self.firewall.submit(Release((kernel,))).result(_KERNEL_SECONDS)
            self.log.quarantine("removed", entry, "removed")
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


def _kernel_entry(entry: QuarantineEntry) -> Entry:
    """Return what the kernel is to drop: link and network address where the link address is known.

    The zone of a link-local address is of no account there: the link address says which link.
    """
    ip = entry.ip.partition("%")[0]
    return Entry(ip=ip, mac=mac_of(ip), until=entry.until)
