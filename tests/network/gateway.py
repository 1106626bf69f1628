"""The gateway's share of the kernel in tests: its table on a throw-away host, and readings of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from proxy.firewall.commands import Command, InstallTable, Quarantine
from proxy.firewall.helper import Connector, FirewallHelper
from proxy.firewall.nftables import Applied, Counter, Firewall
from proxy.firewall.plan import AccessPoint, Entry, Plan
from tests.network.namespaces import Host, Topology
from tests.proxy.firewall.served import InThread
from tests.waiting import PATIENCE

CALLED = 8443

PLAN = Plan(
    access_points=tuple(
        AccessPoint(
            name=f"agent{number}",
            ipv4=f"10.77.2.1{number}",
            ipv6=f"fd77:2::1{number}",
            port=CALLED,
            listener_ipv4=Topology.GATEWAY_IPV4,
            listener_ipv6=Topology.GATEWAY_IPV6,
            listener_port=9000 + number,
        )
        for number in (1, 2, 3)
    ),
    service_interfaces=(Topology.IOT_INTERFACE,),
    access_interfaces=(Topology.ACCESS_INTERFACE,),
    protected=("10.77.1.28", "fd77:9::/32"),
)
FAMILIES = pytest.mark.parametrize(
    ("access", "listener", "service"),
    [("10.77.2.11", "10.77.1.1", "10.77.1.10"), ("fd77:2::11", "fd77:1::1", "fd77:1::10")],
    ids=["IPv4", "IPv6"],
)


class Gateway:
    """The gateway's firewall helper, and readings of its table."""

    def __init__(self, host: Host, connector: Connector | None = None) -> None:
        self.host = host
        self.helper = FirewallHelper(connector)
        with host.entered():
            self.helper.start()

    def do(self, command: Command) -> Applied:
        return self.helper.submit(command).result(timeout=PATIENCE)

    def install(self, *entries: Entry, plan: Plan = PLAN) -> None:
        self.do(InstallTable(plan, entries))

    def quarantine(self, ip: str, *, mac: str | None = None, seconds: float | None = 60) -> Entry:
        entry = Entry(ip=ip, mac=mac, until=None if seconds is None else time.time() + seconds)
        assert self.do(Quarantine((entry,))).count == 1
        return entry

    def counters(self) -> dict[str, Counter]:
        return self.helper.counters().result(timeout=PATIENCE)

    def changes(self) -> tuple[str, ...]:
        return self.helper.changes().result(timeout=PATIENCE)

    def entries(self) -> set[tuple[str, str | None]]:
        with self.host.entered():
            return {(entry.ip, entry.mac) for entry in Firewall().entries()}

    def ruleset(self) -> str:
        return self.host.run(["nft", "list", "ruleset"]).stdout


@pytest.fixture
def gateway(topology: Topology) -> Iterator[Gateway]:
    gateway = Gateway(topology.gateway)
    yield gateway
    gateway.helper.close()


@pytest.fixture
def patchable_gateway(topology: Topology) -> Iterator[Gateway]:
    """The same with its helper in this process, so that what a test changes of the module holds there as well."""
    gateway = Gateway(topology.gateway, InThread(Firewall))
    yield gateway
    gateway.helper.close()
