"""A kernel in memory: what stands in the quarantine sets, and what it answers when it does not do as it is told."""

from __future__ import annotations

from collections.abc import Callable

from proxy.firewall.commands import Command, Quarantine, Release
from proxy.firewall.nftables import Applied, Firewall, FirewallError, FullSetError


class Kernel(Firewall):
    """Takes commands and keeps what would stand in the kernel."""

    def __init__(self) -> None:
        self.held: set[tuple[str, str | None]] = set()
        self.problem: FirewallError | None = None
        self.size = 100
        self.dies: Callable[[], None] | None = None
        """Called once, instead of carrying a command out."""

    def apply(self, command: Command) -> Applied:
        if self.dies is not None:
            dies, self.dies = self.dies, None
            dies()
            return Applied(0)
        if self.problem is not None:
            raise self.problem
        assert isinstance(command, Quarantine | Release)
        if isinstance(command, Quarantine) and len(self.held) >= self.size:
            raise FullSetError("a quarantine set is full")
        named = {(entry.ip, entry.mac) for entry in command.entries}
        self.held = self.held | named if isinstance(command, Quarantine) else self.held - named
        return Applied(len(named))
