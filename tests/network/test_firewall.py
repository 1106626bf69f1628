"""The gateway's table, seen by packets."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from proxy.firewall.commands import InstallTable, Quarantine, Release, Uninstall
from proxy.firewall.neighbours import read_neighbours
from proxy.firewall.nftables import Applied, NotInstalledError, ProtectedAddressError
from proxy.firewall.plan import Entry, Plan
from tests.network.gateway import CALLED, FAMILIES, PLAN, Gateway
from tests.network.namespaces import Topology
from tests.network.peers import BRIEF, PATIENCE, EchoServer, datagram_reaches, echoes, pings, reaches
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
OTHER = 8080


@FAMILIES
def test_calls_reach_the_exact_listener_with_their_destination(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    with (
        EchoServer(topology.access, access, CALLED) as access_point,
        EchoServer(topology.gateway, listener, 9001) as first,
        EchoServer(topology.gateway, listener, 9002) as second,
    ):
        assert reaches(topology.lan, access, CALLED)
        assert len(access_point.accepted) == 1

        gateway.install()
        assert reaches(topology.lan, access, CALLED, source=service)
        assert first.accepted == [(service, (access, CALLED))]
        assert second.accepted == []
        assert reaches(topology.lan, access.replace("11", "12"), CALLED, source=service)
        assert second.accepted == [(service, (access.replace("11", "12"), CALLED))]
        assert len(access_point.accepted) == 1
    assert gateway.counters()["redirected"].packets >= 2


@FAMILIES
def test_a_direct_connect_to_the_listener_is_refused(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    elsewhere = Topology.GATEWAY_ACCESS_IPV6 if ":" in access else Topology.GATEWAY_ACCESS_IPV4
    with EchoServer(topology.gateway, "::" if ":" in access else "0.0.0.0", 9001) as proxy:
        assert reaches(topology.lan, listener, 9001)
        gateway.install()
        proxy.accepted.clear()
        for client, address in (
            (topology.lan, listener),
            (topology.lan, elsewhere),
            (topology.access, elsewhere),
            (topology.gateway, listener),
            (topology.gateway, "::1" if ":" in access else "127.0.0.1"),
        ):
            with pytest.raises(ConnectionRefusedError):
                client.connect(address, 9001, source=service if client is topology.lan else None)
        assert proxy.accepted == []
    assert gateway.counters()["direct"].packets >= 5


@FAMILIES
def test_a_listener_takes_only_the_calls_of_its_access_point(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    """Somebody else's redirect on the same machine does not open a way in."""
    gateway.install()
    protocol, target = ("ip6", f"[{listener}]") if ":" in access else ("ip", listener)
    chain = f"type nat hook prerouting priority -100; tcp dport 7777 dnat to {target}:9001"
    topology.gateway.run(["nft", "-f", "-"], input=f"table {protocol} foreign {{ chain c {{ {chain}\n}}\n}}\n")
    with EchoServer(topology.gateway, listener, 9001) as proxy:
        with pytest.raises(ConnectionRefusedError):
            topology.lan.connect(listener, 7777, source=service)
        assert proxy.accepted == []


@FAMILIES
def test_nothing_else_of_an_access_point_can_be_reached(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    with EchoServer(topology.access, access, OTHER) as server:
        assert reaches(topology.lan, access, OTHER)
        assert datagram_reaches(topology.lan, topology.access, access, 5683)
        assert datagram_reaches(topology.lan, topology.access, access, CALLED)
        assert pings(topology.lan, access)

        gateway.install()
        server.accepted.clear()
        assert not reaches(topology.lan, access, OTHER, source=service, timeout=BRIEF)
        assert not datagram_reaches(topology.lan, topology.access, access, 5683, timeout=BRIEF)
        assert not datagram_reaches(topology.lan, topology.access, access, CALLED, timeout=BRIEF)
        assert not pings(topology.lan, access, timeout=BRIEF)
        assert server.accepted == []
    assert gateway.counters()["bypass"].packets >= 4
    assert pings(topology.lan, listener), "the gateway itself is not shut off"


@FAMILIES
def test_the_gateway_itself_calls_the_access_point(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    gateway.install()
    with EchoServer(topology.access, access, CALLED):
        assert reaches(topology.gateway, access, CALLED)


@FAMILIES
def test_an_access_point_may_call_services(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    gateway.install()
    with EchoServer(topology.lan, service, 8080) as callback:
        assert reaches(topology.access, service, 8080, source=access)
        assert callback.accepted == [(access, None)]
    assert datagram_reaches(topology.access, topology.lan, service, 5683)
    assert pings(topology.access, service)
    with pytest.raises(ConnectionRefusedError):
        topology.access.connect(service, 8081)


@FAMILIES
def test_connections_from_before_the_gateway_are_cut(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    """Also when the access point speaks first afterwards, which makes it look like the one who opened it."""
    with topology.access.listen(access, CALLED) as server, topology.lan.connect(access, CALLED) as old:
        accepted, _ = server.accept()
        with accepted:
            gateway.install()
            accepted.sendall(b"are you there?")
            old.settimeout(0.3)
            with pytest.raises(TimeoutError):
                old.recv(16)
            old.sendall(b"yes")
            accepted.settimeout(0.3)
            with pytest.raises(TimeoutError):
                accepted.recv(16)


@FAMILIES
def test_an_access_point_can_not_be_impersonated(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    absent = access.replace("11", "13")
    intruder = topology.attach("intruder", ["10.77.1.200"], ["fd77:1::200"])
    assert pings(intruder, listener), "it knows the gateway's link address"
    intruder.add_addresses("eth0", [f"{absent}/{128 if ':' in access else 32}"])
    assert datagram_reaches(intruder, topology.access, access, 5683, source=absent)
    gateway.install()
    assert not datagram_reaches(intruder, topology.access, access, 5683, source=absent, timeout=BRIEF)
    with pytest.raises(TimeoutError):
        intruder.connect(access, CALLED, source=absent, timeout=0.3)
    assert gateway.counters()["spoofed"].packets >= 2


@FAMILIES
def test_quarantine_cuts_an_established_connection(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    gateway.install()
    healthy = service.replace("10", "11") if ":" in service else "10.77.1.11"
    with (
        EchoServer(topology.gateway, listener, 9001),
        topology.lan.connect(access, CALLED, source=service) as offender,
        topology.lan.connect(access, CALLED, source=healthy) as bystander,
    ):
        assert echoes(offender)
        assert echoes(bystander)
        gateway.quarantine(service)
        assert not echoes(offender, timeout=0.3)
        assert echoes(bystander)
        assert not reaches(topology.lan, access, CALLED, source=service, timeout=BRIEF)
    name = "quarantined6" if ":" in access else "quarantined4"
    assert gateway.counters()[name].packets >= 2


def test_the_cut_takes_effect_at_once(topology: Topology, gateway: Gateway) -> None:
    """What the offender sends once a quarantine is told to be in force gets no answer, in the middle of its calls."""
    gateway.install()
    with EchoServer(topology.gateway, "10.77.1.1", 9001):
        for index in range(5):
            source = topology.service_ipv4(index)
            with topology.lan.connect("10.77.2.11", CALLED, source=source) as offender:
                offender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                answered: list[float] = []

                def call(connection: socket.socket, answered: list[float]) -> None:
                    begun = time.perf_counter()
                    while echoes(connection, b"x", timeout=BRIEF):
                        answered.append(begun)
                        begun = time.perf_counter()

                thread = threading.Thread(target=call, args=(offender, answered))
                thread.start()
                eventually(partial(bool, answered))
                gateway.quarantine(source)
                in_force = time.perf_counter()
                thread.join(timeout=PATIENCE)
                assert not thread.is_alive()
                assert answered[-1] < in_force


def test_a_quarantine_ends_by_itself(topology: Topology, gateway: Gateway) -> None:
    gateway.install()
    with (
        EchoServer(topology.gateway, "10.77.1.1", 9001),
        topology.lan.connect("10.77.2.11", CALLED, source="10.77.1.10") as connection,
    ):
        begun = time.perf_counter()
        gateway.quarantine("10.77.1.10", seconds=2.0)
        assert not reaches(topology.lan, "10.77.2.11", CALLED, source="10.77.1.10", timeout=BRIEF)
        while not reaches(topology.lan, "10.77.2.11", CALLED, source="10.77.1.10", timeout=1.0):
            assert time.perf_counter() - begun < 60
        assert time.perf_counter() - begun > 1.9
        assert echoes(connection)


def test_a_quarantine_is_prolonged_and_shortened(topology: Topology, gateway: Gateway) -> None:
    gateway.install()
    with EchoServer(topology.gateway, "10.77.1.1", 9001):
        gateway.quarantine("10.77.1.10", seconds=0.3)
        gateway.quarantine("10.77.1.10", seconds=60)
        gateway.quarantine("10.77.1.11", seconds=None)
        gateway.quarantine("10.77.1.11", seconds=0.3)
        time.sleep(0.6)
        assert not reaches(topology.lan, "10.77.2.11", CALLED, source="10.77.1.10", timeout=BRIEF)
        assert reaches(topology.lan, "10.77.2.11", CALLED, source="10.77.1.11")


@FAMILIES
def test_a_released_sender_is_heard_again(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    gateway.install()
    with EchoServer(topology.gateway, listener, 9001):
        entry = gateway.quarantine(service)
        assert not reaches(topology.lan, access, CALLED, source=service, timeout=BRIEF)
        gateway.do(Release((entry, Entry(ip="10.77.1.99"))))
        assert reaches(topology.lan, access, CALLED, source=service)


@FAMILIES
def test_link_quarantine_spares_other_hosts_and_of_ipv4_other_addresses(
    topology: Topology, gateway: Gateway, access: str, listener: str, service: str
) -> None:
    gateway.install()
    mac = topology.lan.mac("eth0")
    neighbour = service.replace("10", "11") if ":" in service else "10.77.1.11"
    with EchoServer(topology.gateway, listener, 9001):
        assert reaches(topology.lan, access, CALLED, source=service)
        with topology.gateway.entered():
            assert read_neighbours()[service] == mac
            assert "10.77.1.250" not in read_neighbours()
        gateway.quarantine(service, mac=mac)
        gateway.quarantine(neighbour, mac="02:00:00:00:00:99")
        assert not reaches(topology.lan, access, CALLED, source=service, timeout=BRIEF)
        # Of IPv6 a device has all addresses of its /64.
        spared = ":" not in access
        patience = PATIENCE if spared else BRIEF
        assert reaches(topology.lan, access, CALLED, source=neighbour, timeout=patience) is spared
        other = topology.attach("other", ["10.77.1.200"], ["fd77:1::200"])
        assert reaches(other, access, CALLED)
    name = "quarantined_link6" if ":" in access else "quarantined_link4"
    assert gateway.counters()[name].packets >= 1


@pytest.mark.parametrize(
    ("ip", "reason"),
    [
        ("10.77.2.11", "the access point agent1"),
        ("fd77:2::12", "the access point agent2"),
        ("::ffff:10.77.2.11", "the access point agent1"),
        ("10.77.1.1", "the gateway's own"),
        ("10.77.2.1", "the gateway's own"),
        ("fd77:2::1", "the gateway's own"),
        ("127.0.0.1", "the gateway's own"),
        ("10.77.1.28", "the configuration protects 10.77.1.28"),
        ("fd77:9::8", "the configuration protects fd77:9::/32"),
    ],
)
def test_protected_addresses_are_never_quarantined(gateway: Gateway, ip: str, reason: str) -> None:
    gateway.install()
    for mac in (None, "02:00:00:00:00:01"):
        with pytest.raises(ProtectedAddressError, match=reason):
            gateway.do(Quarantine((Entry(ip="10.77.1.10"), Entry(ip=ip, mac=mac))))
        applied = gateway.do(InstallTable(PLAN, (Entry(ip=ip, mac=mac),)))
        assert applied.count == 0
        assert [reason in told for told in applied.protected.values()] == [True]
    assert gateway.entries() == set()


def test_replacing_the_table_keeps_the_quarantines(topology: Topology, gateway: Gateway) -> None:
    gateway.install()
    mac = topology.lan.mac("eth0")
    gateway.quarantine("10.77.1.10", seconds=None)
    gateway.quarantine("fd77:1::10", mac=mac)
    with EchoServer(topology.gateway, "10.77.1.1", 9001):
        with FreshGateway(topology.gateway) as restarted:
            restarted.install(Entry(ip="10.77.1.12", until=time.time() + 60), Entry(ip="10.77.1.13", until=1.0))
            assert restarted.entries() == {("10.77.1.10", None), ("fd77:1::", mac), ("10.77.1.12", None)}
        for source, through in (("10.77.1.10", False), ("10.77.1.12", False), ("10.77.1.13", True)):
            patience = PATIENCE if through else BRIEF
            assert reaches(topology.lan, "10.77.2.11", CALLED, source=source, timeout=patience) is through


class FreshGateway(Gateway):
    """A second process's view, for the time of a `with`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.helper.close()


def test_a_new_plan_frees_whom_it_protects(gateway: Gateway) -> None:
    gateway.install()
    gateway.quarantine("10.77.1.10")
    gateway.quarantine("10.77.1.11")
    plan = Plan(access_points=PLAN.access_points, protected=("10.77.1.10",))
    applied = gateway.do(InstallTable(plan, (Entry(ip="10.77.1.10"),)))
    assert applied == Applied(1, protected={"10.77.1.10": "the configuration protects 10.77.1.10/32"})
    assert gateway.entries() == {("10.77.1.11", None)}


INSTALLING = """
import sys, time
from proxy.firewall.commands import InstallTable, Quarantine
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.plan import Entry
from tests.network.gateway import PLAN
helper = FirewallHelper()
helper.start()
helper.submit(InstallTable(PLAN)).result()
helper.submit(Quarantine((Entry(ip="10.77.1.10"),))).result()
print("installed", flush=True)
time.sleep(60)
"""


def test_guards_and_quarantines_outlive_a_killed_process(topology: Topology) -> None:
    with EchoServer(topology.access, "10.77.2.11", CALLED) as access_point:
        process = topology.gateway.popen([sys.executable, "-c", INSTALLING], stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        assert process.stdout.readline() == b"installed\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(ConnectionRefusedError):
            topology.lan.connect("10.77.2.11", CALLED, source="10.77.1.11")
        with pytest.raises(TimeoutError):
            topology.lan.connect("10.77.2.11", CALLED, source="10.77.1.10", timeout=0.3)
        with pytest.raises(ConnectionRefusedError):
            topology.lan.connect("fd77:2::11", CALLED)
        assert access_point.received == 0


def test_uninstalling_removes_everything_of_ours_and_nothing_else(topology: Topology, gateway: Gateway) -> None:
    topology.gateway.run(["nft", "add", "table", "inet", "foreign"])
    before = gateway.ruleset()
    gateway.install()
    gateway.quarantine("10.77.1.10")
    assert "table inet alleyes" in gateway.ruleset()
    assert gateway.do(Uninstall()) == Applied(1)
    assert gateway.ruleset() == before
    assert gateway.do(Uninstall()) == Applied(0)
    with EchoServer(topology.access, "10.77.2.11", CALLED):
        assert reaches(topology.lan, "10.77.2.11", CALLED, source="10.77.1.10")
    with pytest.raises(NotInstalledError):
        gateway.quarantine("10.77.1.10")


def test_a_flushed_table_is_told_and_restored(topology: Topology, gateway: Gateway) -> None:
    gateway.install()
    entry = gateway.quarantine("10.77.1.10")
    topology.gateway.run(["nft", "flush", "ruleset"])
    with pytest.raises(NotInstalledError):
        gateway.quarantine("10.77.1.11")
    gateway.install(entry)
    assert gateway.entries() == {("10.77.1.10", None)}


def test_the_machine_outside_is_not_touched(topology: Topology, gateway: Gateway) -> None:
    """The test's own namespace, which stands for the machine, has no table."""
    gateway.install()
    own = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout
    assert own == ""
