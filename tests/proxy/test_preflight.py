"""Each problem is found on a real (throw-away) machine that has it, and a sound one has none."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from proxy.firewall.plan import AccessPoint, Plan
from proxy.preflight import bridge_problems, check, forwarding_problems, listening_users, may_administer_network
from tests.network.fixtures import isolated, machine
from tests.network.namespaces import Host
from tests.network.users import SOMEBODY, acting_as

__all__ = ["isolated", "machine"]

ROOT = Path(__file__).parents[2]


def plan(*, ipv4: str = "10.77.2.11", listener: str = "10.77.1.1", interface: str = "iot") -> Plan:
    return Plan(
        access_points=(
            AccessPoint(
                name="agent1",
                ipv4=ipv4,
                ipv6="fd77:2::11",
                port=8443,
                listener_ipv4=listener,
                listener_ipv6="fd77:1::1",
                listener_port=9001,
            ),
        ),
        service_interfaces=(interface,),
    )


def point_of_this_host(ipv4: str = "10.77.1.1") -> AccessPoint:
    return AccessPoint(
        name="agent1", ipv4=ipv4, port=8443, listener_ipv4="10.77.1.1", listener_port=9001, loopback=True
    )


def test_a_sound_machine_has_no_problem_and_is_not_changed(machine: Host) -> None:
    assert check(plan()) == []
    assert check(plan()) == []
    assert machine.run(["nft", "list", "ruleset"]).stdout == ""


@pytest.mark.parametrize("address", ["10.77.1.1", "fd77:1::1"])
def test_a_taken_port(machine: Host, address: str) -> None:
    with machine.listen(address, 9001):
        (problem,) = check(plan())
    assert problem.startswith(f"port 9001 on {address} is taken -- end the other process")


def test_a_taken_port_of_a_later_worker(machine: Host) -> None:
    with machine.listen("10.77.1.1", 9003):
        (problem,) = check(msgspec.structs.replace(plan(), workers=3))
    assert problem.startswith("port 9003 on 10.77.1.1 is taken -- end the other process")


def test_ports_that_the_gateway_itself_has_need_not_be_free(machine: Host) -> None:
    with machine.listen("10.77.1.1", 9001):
        assert check(plan(), ports=False) == []


def test_lingering_connections_of_an_earlier_process_do_not_count(machine: Host) -> None:
    listener = machine.listen("10.77.1.1", 9001)
    with machine.connect("10.77.1.1", 9001) as client:
        accepted, _ = listener.accept()
        listener.close()
        accepted.close()
        client.recv(1)
        assert check(plan()) == []


@pytest.mark.parametrize(
    ("parameter", "version"), [("net/ipv4/ip_forward", 4), ("net/ipv6/conf/all/forwarding", 6)], ids=["IPv4", "IPv6"]
)
def test_forwarding_off(machine: Host, parameter: str, version: int) -> None:
    machine.sysctl(parameter, "0")
    (problem,) = check(plan())
    assert problem.startswith(f"IPv{version} forwarding is off")
    assert problem.endswith(f"sysctl -w {parameter.replace('/', '.')}=1")


def test_a_machine_without_ipv6(tmp_path: Path) -> None:
    (tmp_path / "net/ipv4").mkdir(parents=True)
    (tmp_path / "net/ipv4/ip_forward").write_text("1\n")
    (problem,) = forwarding_problems(plan(), tmp_path)
    assert problem.startswith("IPv6 is not available on this machine")


def test_an_interface_that_does_not_exist(machine: Host) -> None:
    (problem,) = check(plan(interface="iot9"))
    assert problem.startswith("interface iot9 does not exist; there are iot, lo --")


def test_a_listener_address_of_another_machine(machine: Host) -> None:
    (problem,) = check(plan(listener="10.77.1.2"))
    assert problem.startswith("listener address 10.77.1.2 is not on this machine --")


def test_an_access_point_on_the_gateway_itself(machine: Host) -> None:
    (problem,) = check(plan(ipv4="10.77.1.1"))
    assert problem.startswith("access point agent1: 10.77.1.1 is this machine's own address --")


def test_several_problems_are_told_together(machine: Host) -> None:
    machine.forwarding(on=False)
    with machine.listen("fd77:1::1", 9001):
        problems = check(plan(listener="10.77.1.2", interface="iot9"))
    assert len(problems) == 5
    assert all("\n" not in problem and " -- " in problem for problem in problems)


def test_a_missing_capability(machine: Host) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is not installed")
    asking = "from proxy.preflight import check; from tests.proxy.test_preflight import plan; print(*check(plan()))"
    without = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", sys.executable, "-c", asking]
    problems = machine.run(without, cwd=ROOT).stdout
    assert problems.startswith("capability CAP_NET_ADMIN is missing")
    assert problems.count(" -- ") == 1, "one problem alone"


def test_capabilities_are_read_from_the_effective_set() -> None:
    assert may_administer_network("Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t0000000000001000\n")
    assert not may_administer_network("CapPrm:\t0000000000001000\nCapEff:\t0000000000000400\n")
    assert not may_administer_network("")


def test_missing_nftables(machine: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.firewall.nftables.LIBRARY", "libnftables.so.999")
    (problem,) = check(plan())
    assert problem.startswith("nftables can not be used: libnftables.so.999")
    assert problem.endswith("apt-get install libnftables1")


@pytest.fixture
def bridge(machine: Host) -> Host:
    """The machine, with its interface `iot` as a bridge of the ports `port1` and `port2`."""
    for number in (1, 2):
        machine.ip("link", "add", f"port{number}", "type", "veth", "peer", "name", f"peer{number}")
        machine.ip("link", "set", f"port{number}", "master", "iot")
    for protocol in ("iptables", "ip6tables"):
        machine.sysctl(f"net/bridge/bridge-nf-call-{protocol}", "1")
    machine.forwarding(on=False)
    return machine


BRIDGED = msgspec.structs.replace(plan(interface="port1"), access_interfaces=("port2",), bridge="iot")


def test_a_sound_bridge_has_no_problem_and_need_not_forward(bridge: Host) -> None:
    assert check(BRIDGED) == []


def test_a_port_of_no_bridge(bridge: Host) -> None:
    bridge.ip("link", "set", "port2", "nomaster")
    assert check(BRIDGED) == ["interface port2 is no port of iot -- ip link set port2 master iot"]


@pytest.mark.parametrize(("protocol", "version"), [("iptables", 4), ("ip6tables", 6)])
def test_bridged_packets_that_do_not_meet_the_rules(bridge: Host, protocol: str, version: int) -> None:
    bridge.sysctl(f"net/bridge/bridge-nf-call-{protocol}", "0")
    (problem,) = check(BRIDGED)
    assert problem.startswith(f"br_netfilter is off for IPv{version}")
    assert problem.endswith(f"-- sysctl -w net.bridge.bridge-nf-call-{protocol}=1")


def test_a_machine_without_br_netfilter(bridge: Host, tmp_path: Path) -> None:
    problems = bridge_problems(BRIDGED, tmp_path)
    assert [problem.partition(",")[0] for problem in problems] == ["br_netfilter is missing"] * 2
    assert all("-- modprobe br_netfilter && sysctl -w net.bridge" in problem for problem in problems)


ON_THIS_HOST = msgspec.structs.replace(
    plan(ipv4="10.77.1.1"), access_points=(point_of_this_host(),), service_interfaces=(), gateway_user=SOMEBODY
)


def test_a_sound_host_of_access_points_has_no_problem_and_need_not_forward(machine: Host) -> None:
    machine.forwarding(on=False)
    with machine.listen("10.77.1.1", 8443), machine.listen("127.0.0.1", 8443):
        assert check(ON_THIS_HOST) == []


def test_an_access_point_of_another_machine(machine: Host) -> None:
    elsewhere = (point_of_this_host(ipv4="10.77.2.11"),)
    (problem,) = check(msgspec.structs.replace(ON_THIS_HOST, access_points=elsewhere))
    assert problem.startswith("access point agent1: 10.77.2.11 is not on this machine -- correct it")


def test_a_gateway_that_is_root_beside_access_points(machine: Host) -> None:
    (problem,) = check(msgspec.structs.replace(ON_THIS_HOST, gateway_user=0))
    assert problem.startswith("the gateway would run as root: what else root runs would reach access points here")
    assert "-- useradd --system alleyes && chown -R alleyes" in problem


@pytest.mark.parametrize("address", ["10.77.1.1", "::"])
def test_an_access_point_that_runs_as_the_gateway_s_user(machine: Host, address: str) -> None:
    with acting_as(SOMEBODY):
        listener = machine.listen(address, 8443)
    with listener:
        (problem,) = check(ON_THIS_HOST)
    assert problem.startswith(f"access point agent1: port 8443 is served by user {SOMEBODY}, as whom the gateway would")
    assert check(ON_THIS_HOST) == []


def test_a_machine_without_ipv6_has_no_sockets_of_it(tmp_path: Path) -> None:
    assert listening_users([tmp_path / "tcp6"]) == {}
