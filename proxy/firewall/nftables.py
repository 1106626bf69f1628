"""Carries out the typed commands in this process; the only module that touches the kernel's rules.

The table is built by libnftables; who is in its quarantine sets is told the kernel directly (`elements`), as a verdict
waits for that. A subprocess of `nft` for each insert would take many times as long as either.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv6Address, IPv6Network
from itertools import batched
from typing import Any

import msgspec
from nftables import Nftables

from proxy.firewall import bridge, elements, ruleset
from proxy.firewall.addresses import own_addresses
from proxy.firewall.commands import MOST_ENTRIES, Alive, Command, InstallTable, Quarantine, Release, Uninstall
from proxy.firewall.netlink import Change, PacketFilter
from proxy.firewall.plan import SENDER_PREFIX, Entry, Plan
from proxy.firewall.structure import BRIDGE, INET, NFTABLES, Structure, read_generation, read_structure
from proxy.firewall.workers import ALIVE_SECONDS

LIBRARY = "libnftables.so.1"
_OWN_SECONDS = 1.0
"""How long this machine is taken to have the addresses that it had."""
FULL = "Too many open files in system"
"""How it is said that a set has reached its size (ENFILE)."""
MISSING = "No such file or directory"
TOO_LONG = "Message too long"
NOT_PERMITTED = "Operation not permitted"


class FirewallError(Exception):
    """The kernel did not do what it was told; the text holds nftables' own words and a remedy where there is one."""


class LibraryMissingError(FirewallError):
    """There is no libnftables on this machine."""


class NotInstalledError(FirewallError):
    """There is no table to change."""


class FullSetError(FirewallError):
    """A quarantine set has reached its size; nothing of the command was done."""


class ProtectedAddressError(FirewallError):
    """A protected address was to be quarantined; nothing of the command was done."""


class _TooLongError(FirewallError):
    """The kernel does not take so much in one transaction."""


class Applied(msgspec.Struct, frozen=True, tag=True):
    """What a command came to."""

    count: int
    """Senders in quarantine after an installation, put there or let through; workers armed; tables removed (0 or 1)."""
    left_out: tuple[Entry, ...] = ()
    """Whom an installation found no room for: the guards matter more than the last quarantine."""
    protected: dict[str, str] = {}
    """Addresses that an installation left out because they are protected now, each with the reason."""


class Counter(msgspec.Struct, frozen=True):
    """One named counter of the table."""

    packets: int
    bytes: int


class Firewall:
    """The table of the network namespace in which the constructor runs. For one thread."""

    def __init__(
        self, *, now: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Open libnftables.

        Args:
            now: real time, seconds since the epoch.
            monotonic: seconds of the clock that never steps.

        Raises:
            LibraryMissingError: when the machine does not have it.
        """
        try:
            ctypes.CDLL(LIBRARY)
        except OSError as error:
            message = f"{LIBRARY} can not be loaded ({error}) -- apt-get install libnftables1"
            raise LibraryMissingError(message) from error
        self._nft = _context()
        self._kernel = _asked(PacketFilter)
        self._now = now
        self._monotonic = monotonic
        self._alive_until: dict[int, float] = {}
        """Of the monotonic clock, by worker; so that an installation does not disarm what is armed."""
        self._own_addresses: frozenset[str] = frozenset()
        self._own_until = -math.inf
        self._plan: Plan | None = None
        self._installed: Structure | None = None
        self._generation: int | None = None
        """Number of the kernel's rules at which everything was as wanted; None: it has to be looked at."""
        self._wanted: dict[str, dict[bytes, float | None]] = {name: {} for name in ruleset.SETS}
        """Who should be in each set, by the kernel's key, until when."""

    def apply(self, command: Command) -> Applied:
        """Carry out one command, all of it or nothing, in one transaction.

        Raises:
            ProtectedAddressError: when an access point, the gateway's own or another protected address is to be
                quarantined. An installation leaves those out instead and says so.
            FullSetError: when there is no room for so many.
            NotInstalledError: when there is no table.
            FirewallError: for everything else, with nftables' own words.
        """
        match command:
            case InstallTable():
                return self._install(command.plan, command.entries)
            case Quarantine():
                return self._quarantine(command.entries)
            case Release():
                return self._release(command.entries)
            case Alive():
                return self._arm(command.workers)
            case Uninstall():
                return self._uninstall()

    def present(self) -> bool:
        """Return whether the table is there, whoever installed it."""
        tables = self._listed(f"list tables {ruleset.FAMILY}", needs_table=False)
        return any(item.get("table", {}).get("name") == ruleset.TABLE for item in tables)

    def entries(self) -> tuple[Entry, ...]:
        """Return who is in quarantine according to the kernel; takes a second for a full set, so not for every call.

        Raises:
            NotInstalledError: when there is no table.
        """
        return tuple(entry for name in ruleset.SETS for entry in self._members(name))

    def changes(self) -> tuple[str, ...]:
        """Return which parts of the table somebody changed since this process installed it: `rules`, `chains`, ...

        `elements` says that somebody who was put into quarantine is not there any more, or not for as long; others may
        be in the sets as well. Takes some tens of microseconds while nobody changes any rules of this machine. After
        that everything is looked at, some microseconds for each quarantine.

        Raises:
            FirewallError: when the kernel does not answer.
        """
        if self._installed is None:
            return ("table",)
        generation = _asked(partial(read_generation, self._kernel))
        if generation == self._generation:
            return ()
        self._generation = None
        parts = self._installed.differences(_structure(self._plan))
        if parts:
            return parts
        if not self._elements_whole():
            return ("elements",)
        self._generation = generation
        return ()

    def counters(self) -> dict[str, Counter]:
        """Return the named counters; they start at zero with each installation.

        Raises:
            NotInstalledError: when there is no table.
        """
        listed = self._listed(f"list counters table {ruleset.FAMILY} {ruleset.TABLE}")
        if self._plan is not None and self._plan.bridge is not None:
            listed += self._listed(f"list counters table {bridge.FAMILY} {ruleset.TABLE}")
        found: dict[str, Counter] = {}
        for item in listed:
            if (counter := item.get("counter")) is not None:
                before = found.get(counter["name"], Counter(0, 0))
                sums = before.packets + counter["packets"], before.bytes + counter["bytes"]
                found[counter["name"]] = Counter(*sums)
        return found

    def _install(self, plan: Plan, entries: tuple[Entry, ...]) -> Applied:
        wanted = [*(self._kept() if self.present() else ()), *entries]
        # The new plan may protect who was in quarantine under the old one; that must not keep the guards away.
        protected = _protections(plan, self._own(), wanted)
        unprotected = (entry for entry in wanted if entry.ip not in protected)
        chosen, left_out = ruleset.fitting(unprotected, plan.quarantine_size)
        try:
            self._run(self._whole(plan, chosen), needs_table=False)
        except _TooLongError:
            self._install_in_parts(plan, chosen)
        self._plan = plan
        self._installed = self._generation = None
        self._wanted = {name: {} for name in ruleset.SETS}
        self._want(chosen)
        with contextlib.suppress(FirewallError):
            # Where it can't be read now, `changes` finds the table changed, and it is installed once more.
            self._installed = _structure(plan)
        return Applied(len(chosen), tuple(left_out), protected)

    def _want(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._wanted[ruleset.set_of(entry)][elements.key_of(entry)] = entry.until

    def _elements_whole(self) -> bool:
        now = self._now()
        for name, wanted in self._wanted.items():
            for key in [key for key, until in wanted.items() if until is not None and until <= now]:
                del wanted[key]
            if wanted and not elements.whole(wanted, _asked(partial(elements.read_elements, name)), now):
                return False
        return True

    def _put(self, changes: Sequence[Change]) -> None:
        """Put into quarantine sets, or take out.

        Raises:
            FirewallError: as `apply`.
        """
        try:
            self._kernel.change(changes, NFTABLES)
        except OSError as error:
            raise _failure(os.strerror(error.errno) if error.errno else str(error)) from error
        self._changed()

    def _changed(self) -> None:
        """Remember the kernel's generation after a change of ours, if nobody else changed anything since."""
        if self._generation is not None:
            before, self._generation = self._generation, None
            with contextlib.suppress(FirewallError):
                after = _asked(partial(read_generation, self._kernel))
                self._generation = after if after == before + 1 else None

    def _whole(self, plan: Plan, entries: Iterable[Entry]) -> str:
        now = self._monotonic()
        left = {worker: until - now for worker, until in self._alive_until.items() if worker < plan.workers}
        text = ruleset.ruleset(plan, entries, now=self._now(), alive_for=left)
        return text if plan.bridge is not None else self._without_bridge() + text

    def _without_bridge(self) -> str:
        """Return the commands that remove the second table if there is one; not every kernel knows its family."""
        tables: list[dict[str, Any]] = []
        with contextlib.suppress(FirewallError):
            tables = self._listed(f"list tables {bridge.FAMILY}", needs_table=False)
        there = any(item.get("table", {}).get("name") == ruleset.TABLE for item in tables)
        return f"{bridge.bridge_removal(ruleset.TABLE)}\n" if there else ""

    def _members(self, name: str) -> list[Entry]:
        now = self._now()
        # While the kernel resizes a set, its listing may name an element twice.
        found: dict[tuple[str, str | None], Entry] = {}
        for item in self._listed(f"list set {ruleset.FAMILY} {ruleset.TABLE} {name}"):
            for element in item.get("set", {}).get("elem", ()):
                entry = _entry(element, now, network=name == "quarantine_net6")
                found[entry.ip, entry.mac] = entry
        return list(found.values())

    def _kept(self) -> list[Entry]:
        """Return who stays in quarantine when the table is replaced.

        Somebody may have removed a set, or put another one in its place; that must not keep the guards away.
        """
        kept: list[Entry] = []
        for name in ruleset.SETS:
            with contextlib.suppress(FirewallError, ValueError, LookupError, TypeError):
                kept += self._members(name)
        return kept

    def _install_in_parts(self, plan: Plan, entries: Sequence[Entry]) -> None:
        """Install with as many quarantines as surely fit one transaction, and add the others at once.

        Inside a user namespace (rootless containers) the kernel bounds a transaction at a few thousand senders.
        """
        self._run(self._whole(plan, entries[:MOST_ENTRIES]), needs_table=False)
        for part in batched(entries[MOST_ENTRIES:], MOST_ENTRIES):
            self._put(elements.insertion(part, self._now()))

    def _quarantine(self, entries: tuple[Entry, ...]) -> Applied:
        if self._plan is None:
            message = "no table was installed by this process, so it is not known which addresses are protected"
            raise NotInstalledError(message)
        protected = _protections(self._plan, self._own(), entries)
        if protected:
            listed = "; ".join(f"{ip}: {reason}" for ip, reason in protected.items())
            message = f"will not be quarantined: {listed}"
            raise ProtectedAddressError(message)
        changes = elements.insertion(entries, self._now())
        if not changes:
            return Applied(0)
        self._put(changes)
        self._want(entries)
        return Applied(len(entries))

    def _own(self) -> frozenset[str]:
        """Return this machine's addresses as of the last second; to ask takes its time with every quarantine.

        Raises:
            FirewallError: when the kernel does not say.
        """
        now = self._monotonic()
        if now >= self._own_until:
            try:
                self._own_addresses = own_addresses()
            except OSError as error:
                message = f"this machine's addresses can not be read: {error}"
                raise FirewallError(message) from error
            self._own_until = now + _OWN_SECONDS
        return self._own_addresses

    def _release(self, entries: tuple[Entry, ...]) -> Applied:
        if entries:
            self._put(elements.removal(entries))
            for entry in entries:
                self._wanted[ruleset.set_of(entry)].pop(elements.key_of(entry), None)
        return Applied(len(entries))

    def _arm(self, workers: tuple[int, ...]) -> Applied:
        if self._plan is None:
            message = "no table was installed by this process, so it is not known how many workers there are"
            raise NotInstalledError(message)
        armed = {worker for worker in workers if worker < self._plan.workers}
        if self._plan.fail_mode == "closed" or not armed:
            return Applied(0)
        until = self._monotonic() + ALIVE_SECONDS
        self._run(ruleset.arming(armed))
        self._changed()
        self._alive_until |= dict.fromkeys(armed, until)
        return Applied(len(armed))

    def _uninstall(self) -> Applied:
        was_there = self.present()
        self._run(self._without_bridge() + ruleset.uninstallation(), needs_table=False)
        self._plan = self._installed = self._generation = None
        return Applied(int(was_there))

    def _run(self, text: str, *, needs_table: bool = True) -> str:
        status, output, error = self._nft.cmd(text)
        if status == 0:
            return str(output)
        # What the kernel had still to say about a failure would be taken for the answer to the next command.
        self._nft = _context()
        raise _failure(error.strip() or "no reason given", needs_table=needs_table)

    def _listed(self, text: str, *, needs_table: bool = True) -> list[dict[str, Any]]:
        output = self._run(text, needs_table=needs_table)
        items: list[dict[str, Any]] = json.loads(output)["nftables"] if output else []
        return items


def _failure(words: str, *, needs_table: bool = True) -> FirewallError:
    """Return what the kernel's refusal means, given its words or libnftables'."""
    if FULL in words:
        return FullSetError(f"a quarantine set is full: {_first_line(words)}")
    if TOO_LONG in words:
        return _TooLongError(f"nftables: {_first_line(words)}")
    if NOT_PERMITTED in words:
        remedy = "needs CAP_NET_ADMIN: run as root or give the capability"
        return FirewallError(f"nftables: {_first_line(words)} -- {remedy}")
    if MISSING in words and needs_table:
        return NotInstalledError(f"nftables: table {ruleset.FAMILY} {ruleset.TABLE} is not there, or not whole")
    return FirewallError(f"nftables: {words}")


def _context() -> Nftables:
    context = Nftables(LIBRARY)
    context.set_json_output(True)
    return context


def _protections(plan: Plan, own: frozenset[str], entries: Iterable[Entry]) -> dict[str, str]:
    """Return the addresses that can not be quarantined, each with the reason."""
    reasons = {ip: _own(ip, own) or plan.protection_of(ip) for ip in {entry.ip for entry in entries}}
    return {ip: reason for ip, reason in sorted(reasons.items()) if reason is not None}


def _own(ip: str, own: frozenset[str]) -> str | None:
    if "/" not in ip:
        return "it is the gateway's own" if ip in own else None
    network = IPv6Network(ip)
    inside = (each for each in own if ":" in each and IPv6Address(each) in network)
    return next((f"the gateway's own {each} is in it" for each in sorted(inside)), None)


def _structure(plan: Plan | None) -> Structure:
    bridged = plan is not None and plan.bridge is not None
    return _asked(partial(read_structure, (INET, BRIDGE) if bridged else (INET,)))


def _asked[Answer](question: Callable[[], Answer]) -> Answer:
    try:
        return question()
    except OSError as error:
        message = f"the structure of the table can not be read: {error}"
        raise FirewallError(message) from error


def _first_line(words: str) -> str:
    return words.splitlines()[0]


def _entry(element: Any, now: float, *, network: bool) -> Entry:
    """Read one element of a set's JSON listing (libnftables-json(5)).

    The kernel's remaining time comes in whole seconds, cut off; a second more keeps nobody out for less than was meant.
    """
    until = None
    if isinstance(element, dict) and "elem" in element:
        until = now + element["elem"]["expires"] + 1 if "expires" in element["elem"] else None
        element = element["elem"]["val"]
    if isinstance(element, dict):
        mac, ip = element["concat"]
        return Entry(ip=ip, mac=mac, until=until)
    return Entry(ip=f"{element}/{SENDER_PREFIX}" if network else element, until=until)
