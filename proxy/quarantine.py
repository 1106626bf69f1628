"""Carries a quarantine out: on disk, on live connections, and in the kernel where the address is the sender's own.

A quarantine is first a state of an identity in the judge; that holds at once. What is here follows, off the hot path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol

from policy.quarantine import QuarantineEntry, QuarantineRegister, identity_of
from policy.verdict import Verdict
from proxy.connections import ConnectionTable
from proxy.firewall.commands import Quarantine, Release
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.neighbours import mac_of
from proxy.firewall.nftables import FirewallError
from proxy.firewall.plan import Entry
from proxy.registry import SiteRegistry
from proxy.storage.quarantine_store import QuarantineStore

_KERNEL_SECONDS = 5.0
_ANSWER_FIRST_SECONDS = 0.2
"""The refused caller gets its answer before its connections are cut."""


class QuarantineLog(Protocol):
    """Where changes of quarantines are recorded."""

    def quarantine(self, change: str, entry: QuarantineEntry, kernel: str) -> None:
        """Record a change: `added`, `removed`, `restored` or `expired`; `kernel` says what stands in the kernel."""
        ...


@dataclass(frozen=True)
class QuarantineKeeper:
    """Keeps disk, kernel and connections in step with the register. Called on the event loop's thread."""

    register: QuarantineRegister
    store: QuarantineStore
    firewall: FirewallHelper
    connections: ConnectionTable
    registry: SiteRegistry
    log: QuarantineLog
    abort: Callable[[Iterable[str]], None]
    background: Executor
    """One thread, so that changes reach disk and kernel in their order."""
    on_broken: Callable[[str, BaseException], None]
    _in_kernel: dict[str, Entry] = field(default_factory=dict)
    """What stands in the kernel for each quarantined identity, so that putting it back needs no disk."""

    def restore(self, now: float) -> tuple[Entry, ...]:
        """Take stored quarantines back into the register; return their kernel entries for the installation.

        Those that are not taken back are removed with the first `expire`, when there is a table to release them from.

        Raises:
            QuarantineStoreError: the stored quarantines are damaged.
            ValueError: likewise.
        """
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
        return tuple(self._in_kernel.values())

    def enter(self, verdict: Verdict) -> None:
        """Carry out a verdict that quarantined its sender."""
        sender = verdict.call.sender
        entry = next((e for e in self.register.entries if e.identity == identity_of(sender)), None)
        if entry is None:
            return
        owns = self._owns_address(entry)
        loop = asyncio.get_running_loop()
        self.background.submit(self._project, entry, owns=owns)
        loop.call_later(_ANSWER_FIRST_SECONDS, self._cut, entry.identity)

    def expire(self, now: float) -> None:
        """Let senders through again whose time has come; the kernel's entries end by themselves.

        Likewise those that the register let go of its own accord.
        """
        for entry in (*self.register.take_evicted(), *self.register.expire(now)):
            self.background.submit(self._forget if entry.until <= now else self._release, entry)

    def release(self, entry: QuarantineEntry) -> None:
        """Let a sender through again that has left the register before its time."""
        self.background.submit(self._release, entry)

    def _owns_address(self, entry: QuarantineEntry) -> bool:
        inventoried = self.registry.service_at(entry.ip)
        return not self.connections.shared(entry.address, entry.ip) and inventoried in {None, entry.address}

    def _cut(self, identity: str) -> None:
        self.abort(self.connections.of_identity(identity, self.registry))

    def _project(self, entry: QuarantineEntry, *, owns: bool) -> None:
        try:
            # The kernel first: a full disk must not keep a sender out of it.
            kernel = _kernel_entry(entry) if owns else None
            outcome = self._into_kernel(entry.identity, kernel)
            self.log.quarantine("added", entry, outcome)
            self.store.put(entry, kernel)
        except Exception as error:  # noqa: BLE001 -- the identity stays refused; the operator must hear of the rest
            self.on_broken("quarantine", error)

    def _into_kernel(self, identity: str, kernel: Entry | None) -> str:
        if kernel is None:
            return "none: other senders share the address"
        try:
            self.firewall.submit(Quarantine((kernel,))).result(_KERNEL_SECONDS)
        except FirewallError as error:
            return f"none: {error}"
        self._in_kernel[identity] = kernel
        return f"{kernel.mac} . {kernel.ip}" if kernel.mac else kernel.ip

    def _release(self, entry: QuarantineEntry) -> None:
        try:
            kernel = self._in_kernel.pop(entry.identity, None)
            self.store.remove(entry.identity)
            if kernel is not None:
                self.firewall.submit(Release((kernel,))).result(_KERNEL_SECONDS)
            self.log.quarantine("removed", entry, "removed")
        except Exception as error:  # noqa: BLE001 -- the kernel's entry ends by itself; the operator must hear of it
            self.on_broken("quarantine", error)

    def _forget(self, entry: QuarantineEntry) -> None:
        self._in_kernel.pop(entry.identity, None)
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
