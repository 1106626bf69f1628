from __future__ import annotations

from proxy.firewall.addresses import own_addresses
from tests.network.namespaces import Host


def test_addresses_of_all_interfaces_are_found(machine: Host) -> None:
    machine.ip("link", "add", "second", "type", "bridge")
    machine.add_addresses("second", ["10.77.9.1/24", "10.77.9.2/32", "fd77:9::1/64"])
    assert {"127.0.0.1", "::1", "10.77.1.1", "fd77:1::1", "10.77.9.1", "10.77.9.2", "fd77:9::1"} <= own_addresses()


def test_the_far_end_of_a_point_to_point_link_is_not_ours(machine: Host) -> None:
    machine.ip("addr", "add", "10.88.0.1", "peer", "10.88.0.2", "dev", "iot")
    assert "10.88.0.1" in own_addresses()
    assert "10.88.0.2" not in own_addresses()
