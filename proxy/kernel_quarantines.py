"""What the kernel drops because of quarantines: put in, taken out, and tried again where there is no room.

Nothing here waits for a disk: what a decision costs until the kernel knows it is a matter of milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from proxy.firewall.commands import Quarantine, Release
from proxy.firewall.helper import FirewallHelper, HelperBusyError, HelperLostError
from proxy.firewall.nftables import FirewallError, FullSetError
from proxy.firewall.plan import Entry
from proxy.firewall.ruleset import set_of
from proxy.places import neighbourhood

_SECONDS = 5.0
"""How long the kernel may take; only this bounds the unforeseen."""


@dataclass
class KernelFigures:
    """How well the kernel takes what it is given."""

    full: int = 0
    """Times that a quarantine found its set full."""


@dataclass(frozen=True)
class KernelQuarantines:
    """Kernel entries by identity. Changed on one thread, which waits for the kernel; read on any."""

    firewall: FirewallHelper
    on_full: Callable[[int], None]
    """Called with the number of quarantines that wait for room, whenever another one has to."""
    figures: KernelFigures = field(default_factory=KernelFigures)
    _held: dict[str, Entry] = field(default_factory=dict)
    """What stands there, so that putting it back needs no disk."""
    _waiting: dict[str, Entry] = field(default_factory=dict)
    """What should stand there and does not yet: its set is full, or nobody answered. The proxy refuses it."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What should stand in the kernel."""
        return (*self._held.values(), *self._waiting.values())

    @property
    def waiting(self) -> int:
        """How many wait for their place."""
        return len(self._waiting)

    def restore(self, entries: Mapping[str, Entry]) -> None:
        """Take over, by identity, what an installation of the table puts in."""
        self._held.update(entries)

    def holding(self, identity: str) -> Entry | None:
        """Return what stands in the kernel for an identity."""
        return self._held.get(identity)

    def put(self, identity: str, entry: Entry) -> str:
        """Have an entry dropped, instead of the one before it of the same identity; return in words what came of it."""
        self._waiting.pop(identity, None)
        try:
            self._take_out_another(identity, entry)
            self.firewall.submit(Quarantine((entry,))).result(_SECONDS)
        except FullSetError as error:
            self._wait_for_room(identity, entry)
            return f"none yet, it waits for room: {error}"
        except (HelperLostError, HelperBusyError, TimeoutError) as error:
            self._waiting[identity] = entry
            return f"none yet, it will be tried again: {_in_words(error)}"
        except FirewallError as error:
            return f"none: {error}"
        self._held[identity] = entry
        return entry.ip if entry.mac is None else f"{entry.mac} . {neighbourhood(entry.ip)}"

    def take_out(self, identity: str) -> None:
        """Have nothing dropped because of an identity any more.

        Raises:
            FirewallError: the kernel refuses, or does not answer; the entry ends by itself.
        """
        self._waiting.pop(identity, None)
        entry = self._held.pop(identity, None)
        if entry is None:
            return
        try:
            self.firewall.submit(Release((entry,))).result(_SECONDS)
        except TimeoutError as error:
            raise FirewallError(_in_words(error)) from error

    def forget(self, identity: str) -> None:
        """Note that the kernel's entry has ended by itself."""
        self._held.pop(identity, None)
        self._waiting.pop(identity, None)

    def left_out(self, keys: Iterable[tuple[str, str | None]]) -> None:
        """Note which entries found no room in an installation of the table; they are put in later."""
        keys = frozenset(keys)
        for identity, entry in tuple(self._held.items()):
            if entry.key in keys:
                del self._held[identity]
                self._wait_for_room(identity, entry)

    def try_again(self) -> None:
        """Put in those that wait, the one that has waited longest first, set by set."""
        full: set[str] = set()
        for identity, entry in tuple(self._waiting.items()):
            if set_of(entry) in full:
                continue
            try:
                self.firewall.submit(Quarantine((entry,))).result(_SECONDS)
            except FullSetError:
                full.add(set_of(entry))
            except (FirewallError, TimeoutError):
                # Whatever else is wrong is told by those that watch over the table.
                return
            else:
                del self._waiting[identity]
                self._held[identity] = entry

    def _wait_for_room(self, identity: str, entry: Entry) -> None:
        self.figures.full += 1
        self._waiting[identity] = entry
        self.on_full(len(self._waiting))

    def _take_out_another(self, identity: str, entry: Entry) -> None:
        """Take out what stood there for the same identity at another place, unless it stands for somebody else too."""
        before = self._held.get(identity)
        if before is None or before.key == entry.key:
            return
        del self._held[identity]
        if all(each.key != before.key for each in self._held.values()):
            self.firewall.submit(Release((before,))).result(_SECONDS)


def _in_words(error: Exception) -> str:
    return f"the kernel did not answer within {_SECONDS:g} s" if isinstance(error, TimeoutError) else str(error)
