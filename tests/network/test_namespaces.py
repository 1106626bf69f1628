"""The throw-away hosts themselves."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.network.namespaces import Host, Topology


def greet(server: Host, address: str, client: Host, source: str | None = None) -> tuple[bytes, str]:
    """Return what a client reads from a one-line server, and the address the server saw."""
    with server.listen(address, 8080) as listener, client.connect(address, 8080, source=source) as connection:
        accepted, peer = listener.accept()
        with accepted:
            accepted.sendall(b"hello")
        return connection.recv(16), peer[0]


@pytest.mark.parametrize("address", ["10.77.2.11", "10.77.2.12", "fd77:2::11", "fd77:2::12"])
def test_services_reach_the_access_points_through_the_gateway(topology: Topology, address: str) -> None:
    assert greet(topology.access, address, topology.lan)[0] == b"hello"


@pytest.mark.parametrize(("address", "source"), [("10.77.2.11", "10.77.1.17"), ("fd77:2::11", "fd77:1::17")])
def test_a_service_may_choose_its_address(topology: Topology, address: str, source: str) -> None:
    assert greet(topology.access, address, topology.lan, source)[1] == source


def test_without_forwarding_nothing_passes(topology: Topology) -> None:
    topology.gateway.forwarding(on=False)
    with pytest.raises(OSError, match=r"timed out|unreachable"):
        topology.lan.connect("10.77.2.11", 8080, timeout=0.3)


def test_an_attached_host_has_its_own_link_address(topology: Topology) -> None:
    other = topology.attach("intruder", ["10.77.1.200"], ["fd77:1::200"], mac="02:00:00:00:02:00")
    assert other.mac("eth0") == "02:00:00:00:02:00"
    assert greet(topology.access, "fd77:2::11", other)[1] == "fd77:1::200"
    assert greet(topology.lan, topology.service_ipv4(3), other)[0] == b"hello"


def test_entering_a_host_is_left_again(topology: Topology) -> None:
    def interfaces() -> str:
        return subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout

    before = interfaces()
    with topology.gateway.entered():
        assert "iot@" in interfaces()
    assert interfaces() == before


@pytest.mark.usefixtures("isolated")
def test_closing_a_host_ends_what_runs_on_it() -> None:
    with Topology() as site:
        process = site.lan.popen([sys.executable, "-c", "import time; time.sleep(60)"])
        assert process.poll() is None
    assert process.poll() is not None


@pytest.mark.usefixtures("isolated")
def test_a_site_costs_no_more_commands_for_more_services(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []

    def run(argv: object, **options: Any) -> Any:
        begun.append(argv)
        return command(argv, **options)

    command: Any = subprocess.run
    monkeypatch.setattr(subprocess, "run", run)
    counts = []
    for services in (1, 60):
        with Topology(services=services):
            counts.append(len(begun))
        begun.clear()
    assert counts[0] == counts[1] > 0
