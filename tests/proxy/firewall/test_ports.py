from __future__ import annotations

from proxy.firewall.ports import ports_of
from tests.network.namespaces import Host


def test_ports_are_those_of_the_bridge_that_is_asked_for(machine: Host) -> None:
    machine.ip("link", "add", "br1", "type", "bridge")
    for number, bridge in ((1, "iot"), (2, "iot"), (3, "br1")):
        machine.ip("link", "add", f"port{number}", "type", "veth", "peer", "name", f"peer{number}")
        machine.ip("link", "set", f"port{number}", "master", bridge)
    assert ports_of("iot") == {"port1", "port2"}
    assert ports_of("br1") == {"port3"}
    assert ports_of("lo") == frozenset()
    assert ports_of("nowhere") == frozenset()
