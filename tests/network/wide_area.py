"""A network that joins the gateways of several sites with the machine of a federation service."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from tests.network.namespaces import Host, Topology, isolate, link


class WideArea:
    """What lies between sites; enter it before the first of them joins.

    ```
    service (10.77.9.1) --- switch --- uplink [gateway of a site] (10.77.9.11)
                                 \\---- uplink [gateway of another] (10.77.9.12)
    ```
    """

    SERVICE_IPV4 = "10.77.9.1"
    UPLINK = "uplink"
    """Interface of every gateway that joined. Not one of the services' side: what they send never goes there."""

    def __init__(self) -> None:
        """Describe it; entering the context builds it."""
        self._closing = ExitStack()
        self._ports = 0
        self.service: Host
        self._switch: Host

    def __enter__(self) -> Self:
        """Build it.

        Raises:
            IsolationError: with the reason, where this machine does not allow it.
        """
        isolate()
        try:
            self._build()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what runs on the service's machine and let go of it."""
        self._closing.close()

    def _build(self) -> None:
        self._switch, self.service = Host("wide-area"), Host("federation")
        for host in (self._switch, self.service):
            self._closing.callback(host.close)
        self._switch.ip("link", "add", "wan", "type", "bridge", "stp_state", "0")
        self._switch.ip("link", "set", "wan", "up")
        self._plug(self.service, "eth0", self.SERVICE_IPV4)

    def _plug(self, host: Host, interface: str, address: str) -> None:
        port = f"port{self._ports}"
        self._ports += 1
        link(self._switch, port, host, interface)
        self._switch.ip("link", "set", port, "master", "wan")
        host.add_addresses(interface, [f"{address}/24"])

    def attach(self, name: str) -> Host:
        """Return another machine out there, interface `eth0`."""
        host = Host(name)
        self._closing.callback(host.close)
        self._plug(host, "eth0", self._next_address())
        return host

    def join(self, site: Topology) -> str:
        """Give a site's gateway a link of its own; return its address there."""
        address = self._next_address()
        self._plug(site.gateway, self.UPLINK, address)
        return address

    def _next_address(self) -> str:
        return f"10.77.9.{10 + self._ports}"

    def cut(self) -> None:
        """Take the service's link down: packets get lost, nobody is told."""
        self.service.ip("link", "set", "eth0", "down")

    def mend(self) -> None:
        """Take it up again."""
        self.service.ip("link", "set", "eth0", "up")
        for host, interface in ((self.service, "eth0"), (self._switch, "port0")):
            host.await_link(interface)
