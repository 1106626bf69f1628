"""The Knowledge Agents that may call access points for their own services, through this gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

from cryptography import x509

from proxy.configuration import GatewayDocument, Peer, TlsMode
from proxy.identity import IdentityError, agent_name, is_knowledge_agent


class NotAPeerError(IdentityError):
    """The certificate is a Knowledge Agent's that `peers` does not have, or not from there."""


class StructureSource(Protocol):
    """Where the structure of an agent is asked for."""

    @property
    def agent(self) -> str:
        """Its name, the CN of its certificate."""
        ...

    @property
    def ipv4(self) -> IPv4Address | None:
        """Its address; one of the two is there."""
        ...

    @property
    def ipv6(self) -> IPv6Address | None:
        """The other."""
        ...

    @property
    def port(self) -> int:
        """Where it answers."""
        ...

    @property
    def tls(self) -> TlsMode:
        """Whether it speaks TLS there."""
        ...


@dataclass(frozen=True)
class _PeerStructure:
    """The same of a peer that has a port."""

    agent: str
    ipv4: IPv4Address | None
    ipv6: IPv6Address | None
    port: int
    tls: TlsMode


class Peers:
    """The peers of a gateway, by what they are recognised by."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        """Take them from the configuration."""
        self._by_agent: Mapping[str, Peer] = {peer.agent: peer for peer in peers}
        self._by_ip: Mapping[str, Peer] = {str(ip): peer for peer in peers for ip in peer.addresses}

    def of_certificate(self, certificate: x509.Certificate, ip: str) -> Peer | None:
        """Return the peer that a verified certificate, shown from network address `ip`, belongs to.

        None where it is not marked as a Knowledge Agent's: then it is a service's.

        Raises:
            NotAPeerError: it is another Knowledge Agent's, or the peer's is shown from elsewhere.
            IdentityError: it does not establish whose it is.
        """
        if not is_knowledge_agent(certificate):
            return None
        name = agent_name(certificate)
        peer = self._by_agent.get(name)
        if peer is None:
            raise NotAPeerError(
                f"it is the Knowledge Agent {name!r}'s, which may act for any service, and `peers` does not have it"
            )
        if peer.addresses and ip_address(ip.partition("%")[0]) not in peer.addresses:
            listed = " or ".join(map(str, peer.addresses))
            raise NotAPeerError(f"it is that of the peer {name!r}, which calls from {listed}, not from {ip}")
        return peer

    def at(self, ip: str) -> Peer | None:
        """Return the peer that calls access points without TLS from a network address."""
        return self._by_ip.get(ip)


def structure_sources(document: GatewayDocument) -> dict[str, StructureSource]:
    """Return where the structures of all agents are asked for that tell it: Knowledge Agents, and peers with a port."""
    peers: dict[str, StructureSource] = {
        peer.agent: _PeerStructure(peer.agent, peer.ipv4, peer.ipv6, peer.port, peer.tls)
        for peer in document.peers
        if peer.port is not None
    }
    return peers | {point.agent: point for point in document.access_points if point.decoder == "vsl"}


def known_agents(document: GatewayDocument) -> frozenset[str]:
    """Return the names of all agents that the configuration has."""
    return frozenset([*(point.agent for point in document.access_points), *(peer.agent for peer in document.peers)])
