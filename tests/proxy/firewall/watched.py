"""A firewall that a test holds up, and whose transactions it counts."""

from __future__ import annotations

import threading

from proxy.firewall.commands import Command
from proxy.firewall.nftables import Applied, Firewall
from proxy.firewall.plan import AccessPoint, Entry, Plan

PLAN = Plan(
    access_points=(
        AccessPoint(name="agent1", ipv4="10.77.2.11", port=8443, listener_ipv4="10.77.1.1", listener_port=9001),
    )
)


def sender(number: int) -> Entry:
    return Entry(ip=f"10.77.1.{number}")


class Watched(Firewall):
    """A firewall that waits for its gate before each command, and counts its transactions."""

    def __init__(self, *, gate: threading.Event) -> None:
        super().__init__()
        self.gate = gate
        self.started = threading.Event()
        self.commands: list[Command] = []

    def apply(self, command: Command) -> Applied:
        self.started.set()
        assert self.gate.wait(10)
        self.commands.append(command)
        return super().apply(command)


class Opening:
    """Opens a watched firewall and keeps hold of it."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.firewall: Watched

    def __call__(self) -> Firewall:
        self.firewall = Watched(gate=self.gate)
        return self.firewall
