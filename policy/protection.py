"""Who can never be quarantined: access points, gateway, router, name servers, operators."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

type Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Protection:
    """A set of service addresses and of networks."""

    services: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Protection:
        """Build from text: an entry that starts with `/` is a service address, any other a network or an address.

        Raises:
            ValueError: for an entry that is neither.
        """
        services: set[str] = set()
        networks: list[Network] = []
        for entry in entries:
            if entry.startswith("/"):
                services.add(entry)
            else:
                networks.append(ip_network(entry))
        return cls(frozenset(services), tuple(networks))

    def covers(self, service: str, ip: str) -> bool:
        """Whether the service or the network address is protected; an unreadable address is covered by no network."""
        if service in self.services:
            return True
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address.version == network.version and address in network for network in self.networks)

    def __or__(self, other: Protection) -> Protection:
        """Return what either protects."""
        return Protection(self.services | other.services, self.networks + other.networks)
