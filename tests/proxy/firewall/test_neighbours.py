from __future__ import annotations

from proxy.firewall.neighbours import read_neighbours
from tests.network.namespaces import Host

MAC = "02:00:5e:00:53:01"
OTHER = "02:00:5e:00:53:02"


def neighbour(machine: Host, ip: str, mac: str, interface: str = "iot", state: str = "reachable") -> None:
    machine.ip("neigh", "replace", ip, "lladdr", mac, "dev", interface, "nud", state)


def test_ipv4_and_ipv6_neighbours_are_known(machine: Host) -> None:
    neighbour(machine, "10.77.1.10", MAC)
    neighbour(machine, "fd77:1:0::10", MAC, state="stale")
    table = read_neighbours()
    assert (table["10.77.1.10"], table["fd77:1::10"]) == (MAC, MAC)


def test_who_does_not_answer_is_not_known(machine: Host) -> None:
    neighbour(machine, "10.77.1.10", MAC, state="failed")
    assert "10.77.1.10" not in read_neighbours()


def test_an_address_behind_two_interfaces_tells_nobody_apart(machine: Host) -> None:
    machine.ip("link", "add", "second", "type", "bridge")
    machine.ip("link", "set", "second", "up")
    neighbour(machine, "fe80::10", MAC)
    neighbour(machine, "fe80::10", OTHER, interface="second")
    neighbour(machine, "fe80::11", MAC)
    neighbour(machine, "fe80::11", MAC, interface="second")
    table = read_neighbours()
    assert "fe80::10" not in table
    assert table["fe80::11"] == MAC


def test_a_large_table_is_read_whole(machine: Host) -> None:
    batch = "".join(
        f"neigh replace 10.77.1.{n} lladdr 02:00:00:00:00:{n:02x} dev iot nud stale\n" for n in range(2, 250)
    )
    machine.run(["ip", "-batch", "-"], input=batch)
    table = read_neighbours()
    assert {ip: table[ip] for ip in ("10.77.1.2", "10.77.1.249")} == {
        "10.77.1.2": "02:00:00:00:00:02",
        "10.77.1.249": "02:00:00:00:00:f9",
    }
    assert len([ip for ip in table if ip.startswith("10.77.1.")]) == 248
