"""A site whose gateway is a transparent bridge: all in one network, services and access points on different ports.

```
lan (10.77.1.10.., fd77:1::10..) ---- iot1 \\                    / access --- access (10.77.1.211, fd77:1::d1)
                                            [gateway: br0]
other (10.77.1.200, fd77:1::200) ---- iot2 /
```
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from proxy.firewall.plan import AccessPoint, Plan
from tests.network.gateway import CALLED
from tests.network.namespaces import Host, isolate, link

BRIDGE = "br0"
GATEWAY_IPV4, GATEWAY_IPV6 = "10.77.1.1", "fd77:1::1"
ACCESS_IPV4, ACCESS_IPV6 = "10.77.1.211", "fd77:1::d1"
UNDECLARED_IPV4, UNDECLARED_IPV6 = "10.77.1.220", "fd77:1::dd"
"""Further addresses on the access point's side."""
OTHER_IPV4, OTHER_IPV6 = "10.77.1.200", "fd77:1::200"

PLAN = Plan(
    access_points=(
        AccessPoint(
            name="agent1",
            ipv4=ACCESS_IPV4,
            ipv6=ACCESS_IPV6,
            port=CALLED,
            listener_ipv4=GATEWAY_IPV4,
            listener_ipv6=GATEWAY_IPV6,
            listener_port=9001,
        ),
    ),
    service_interfaces=("iot1", "iot2"),
    access_interfaces=("access",),
    bridge=BRIDGE,
)


class BridgedSite:
    """Hosts and their links; br_netfilter is on for the gateway alone."""

    def __init__(self) -> None:
        """Describe it; entering the context builds it."""
        self._closing = ExitStack()
        self.gateway: Host
        self.lan: Host
        self.other: Host
        self.access: Host

    def __enter__(self) -> Self:
        """Build it."""
        isolate()
        try:
            self._build()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the hosts."""
        self._closing.close()

    def filtering(self, *, on: bool) -> None:
        """Let bridged packets pass through the rules of the family inet, or not."""
        for protocol in ("iptables", "ip6tables"):
            self.gateway.sysctl(f"net/bridge/bridge-nf-call-{protocol}", "1" if on else "0")

    def _host(self, name: str) -> Host:
        host = Host(name)
        self._closing.callback(host.close)
        return host

    def _build(self) -> None:
        self.gateway = self._host("gateway")
        self.gateway.ip("link", "add", BRIDGE, "type", "bridge", "stp_state", "0")
        self.gateway.ip("link", "set", BRIDGE, "up")
        self.gateway.add_addresses(BRIDGE, [f"{GATEWAY_IPV4}/24", f"{GATEWAY_IPV6}/64"])
        self.filtering(on=True)
        lan = [f"10.77.1.{10 + n}/24" for n in range(4)] + [f"fd77:1::{10 + n}/64" for n in range(4)]
        self.lan = self._attach("lan", "iot1", lan)
        self.other = self._attach("other", "iot2", [f"{OTHER_IPV4}/24", f"{OTHER_IPV6}/64"])
        declared = [f"{ACCESS_IPV4}/24", f"{ACCESS_IPV6}/64"]
        self.access = self._attach("access", "access", [*declared, f"{UNDECLARED_IPV4}/24", f"{UNDECLARED_IPV6}/64"])

    def _attach(self, name: str, port: str, addresses: list[str]) -> Host:
        host = self._host(name)
        link(self.gateway, port, host, "eth0")
        self.gateway.ip("link", "set", port, "master", BRIDGE)
        host.add_addresses("eth0", addresses)
        return host
