"""The live connections of services: where each goes and who is behind it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv6Network
from typing import NamedTuple

from policy.quarantine import identity_of
from policy.verdict import Refusal, Sender, Strength
from proxy.client_certificates import ShownCertificate
from proxy.configuration import AccessPoint, Peer, TlsMode
from proxy.decoders.base import Decoder
from proxy.http1.deadlines import Deadline, Phase
from proxy.http1.request_reader import RequestReader
from proxy.identity import SYSTEM, Identity
from proxy.registry import SiteRegistry
from proxy.revocation import CertificateKey, Revocations


@dataclass(frozen=True)
class Destination:
    """An access point with all that is needed to judge calls to it."""

    point: AccessPoint
    decoder: Decoder


class _Known(NamedTuple):
    """Who is behind a connection, and what that was told from."""

    revision: int
    """Of the registry."""
    identity: Identity | None
    sender: Sender
    delegation: str | None
    """The sender's credential (`Connection.delegation`)."""


@dataclass
class Connection:
    """One connection of a service."""

    ip: str
    destination: Destination
    deadline: Deadline
    """What it waits for, and until when."""
    identity: Identity | None = None
    """Set once a client certificate has been verified, at a Knowledge Agent."""
    certified: ShownCertificate | None = None
    """The same at an access point with `tls: server`."""
    identity_problem: Refusal | None = None
    """Why the certificate that was shown establishes no identity."""
    peer: Peer | None = None
    """Set where it is a peer Knowledge Agent's: it calls for its services."""
    misplaced: Refusal | None = None
    """Why a service whose identity is established may not act from where it is."""
    valid_until: float = math.inf
    """Real time, seconds since the epoch, at which the first certificate of those chains expires."""
    certificates: tuple[CertificateKey, ...] = ()
    """Of the verified chains of the service and of its access point; empty where nothing speaks TLS."""
    requests: RequestReader | None = None
    """What reads its requests, once it speaks HTTP."""
    channel: bool = False
    """Whether it is an open callback channel, or has had an answer that lasts: what was let open by a policy."""
    channel_of: str = ""
    """Whose that is, as quarantines name senders; the connection may be a peer's, or nobody's but for a token."""
    _known: _Known | None = None

    def certify(self, shown: ShownCertificate) -> None:
        """Take who is behind it from a verified certificate, from now on."""
        self.certified = shown
        self._known = None

    def sender(self, registry: SiteRegistry) -> Sender:
        """Return who is calling, by the strongest evidence there is; kept while the registry stays as it is."""
        known = self._known
        if known is None or known.revision != registry.revision or known.identity is not self.identity:
            sender = self._find_sender(registry)
            known = self._known = _Known(registry.revision, self.identity, sender, self._delegation(sender))
        return known.sender

    def _find_sender(self, registry: SiteRegistry) -> Sender:
        if self.peer is not None:
            return self._peer_itself(self.peer, registry)
        if self.certified is not None:
            return self._by_certificate(self.certified, registry)
        agent = self.destination.point.agent
        if self.identity is not None:
            address = f"/{agent}/{self.identity.client_id}"
            return Sender(
                address=address,
                service_type=registry.service_type(address),
                strength=Strength.CERTIFICATE,
                ip=self.ip,
                client_id=self.identity.client_id,
            )
        return self.at_address(registry)

    def _by_certificate(self, shown: ShownCertificate, registry: SiteRegistry) -> Sender:
        """Return the service that a certificate is of; whoever shows somebody else's is not who the address says.

        Without a client id a quarantine is the service's, by whatever it is known the next time.
        """
        service = shown.service
        if service is None:
            return Sender(address=f"ip:{self.ip}", service_type=None, strength=Strength.UNKNOWN, ip=self.ip)
        known = registry.service_type(service)
        return Sender(
            address=service,
            service_type=known,
            strength=Strength.CERTIFICATE,
            ip=self.ip,
            client_id=shown.client_id,
        )

    def at_address(self, registry: SiteRegistry) -> Sender:
        """Return the service that the network address stands for, whatever else the connection is."""
        inventoried = registry.service_at(self.ip, self.destination.point.agent)
        if inventoried is None and self.destination.decoder.agency is None:
            inventoried = registry.only_service_at(self.ip)
        if inventoried is not None:
            return Sender(
                address=inventoried,
                service_type=registry.service_type(inventoried),
                strength=Strength.MAC_AND_IP if registry.is_bound(self.ip) else Strength.IP,
                ip=self.ip,
            )
        return Sender(address=f"ip:{self.ip}", service_type=None, strength=Strength.UNKNOWN, ip=self.ip)

    def _peer_itself(self, peer: Peer, registry: SiteRegistry) -> Sender:
        by_address = Strength.MAC_AND_IP if peer.mac is not None else Strength.IP
        secured = self.destination.point.tls is TlsMode.REQUIRED
        address = f"/{peer.agent}"
        return Sender(
            address=address,
            service_type=registry.service_type(address),
            strength=Strength.CERTIFICATE if secured else by_address,
            ip=self.ip,
            client_id=peer.agent,
        )

    def delegation(self, sender: Sender) -> str | None:
        """Return the credential with which the access point takes the call for the sender's; None for a stranger.

        None, too, where access points take nobody's word for who calls.
        """
        known = self._known
        if known is not None and known.sender is sender and known.identity is self.identity:
            return known.delegation
        return self._delegation(sender)

    def _delegation(self, sender: Sender) -> str | None:
        if self.destination.decoder.agency is None:
            return None
        if self.peer is not None and sender.client_id == self.peer.agent:
            return Identity(client_id=self.peer.agent, access_ids=(SYSTEM,), agent=True).delegation()
        if self.identity is not None:
            return self.identity.delegation()
        if sender.strength is Strength.UNKNOWN:
            return None
        client_id = sender.address.rpartition("/")[2]
        return Identity(client_id=client_id, access_ids=(client_id,)).delegation()


def _device(ip: str) -> str:
    """Return what counts as one device: an IPv4 address, or a /64, of which a device has all addresses."""
    if ":" not in ip:
        return ip
    return str(IPv6Network((ip.partition("%")[0], 64), strict=False))


class TooManyConnections(Exception):
    """A cap on connections is reached; the text says which."""


@dataclass
class ConnectionTable:
    """All live connections, by mitmproxy's id of the client."""

    most: int
    most_of_one: int
    """Most of one network address, so that one device cannot take all of them."""
    _by_device: Counter[str] = field(default_factory=Counter)
    _connections: dict[str, Connection] = field(default_factory=dict)

    def open(self, client_id: str, connection: Connection) -> None:
        """Add a connection.

        Raises:
            TooManyConnections: the cap is reached.
        """
        if len(self._connections) >= self.most:
            raise TooManyConnections(f"{self.most} connections are open")
        one = _device(connection.ip)
        if self._by_device[one] >= self.most_of_one:
            raise TooManyConnections(f"{self.most_of_one} connections of {connection.ip} are open")
        self._connections[client_id] = connection
        self._by_device[one] += 1

    def close(self, client_id: str) -> None:
        """Forget a connection; unknown ids are ignored."""
        connection = self._connections.pop(client_id, None)
        if connection is None:
            return
        one = _device(connection.ip)
        self._by_device[one] -= 1
        if not self._by_device[one]:
            del self._by_device[one]

    def __getitem__(self, client_id: str) -> Connection:
        return self._connections[client_id]

    def overdue(self, now: float) -> list[tuple[str, Phase]]:
        """Return the ids of connections that should have gone on by monotonic time `now`, and what they wait for."""
        return [
            (client_id, connection.deadline.phase)
            for client_id, connection in self._connections.items()
            if now > connection.deadline.at
        ]

    def __len__(self) -> int:
        return len(self._connections)

    def channels(self) -> list[str]:
        """Return the ids of the open callback channels, and of the connections with an answer that lasts."""
        return [client_id for client_id, connection in self._connections.items() if connection.channel]

    def expired(self, now: float) -> list[str]:
        """Return the ids of the live connections with a certificate that is out of date at real time `now`."""
        return [client_id for client_id, connection in self._connections.items() if now > connection.valid_until]

    def of_agent(self, agent: str) -> list[str]:
        """Return the ids of the live connections to one access point."""
        return [
            client_id
            for client_id, connection in self._connections.items()
            if connection.destination.point.agent == agent
        ]

    def revoked(self, revocations: Revocations) -> list[str]:
        """Return the ids of the live connections on either side of which a revoked certificate stands."""
        return [
            client_id
            for client_id, connection in self._connections.items()
            if revocations.name_any(connection.certificates)
        ]

    def of_identity(self, identity: str, registry: SiteRegistry) -> list[str]:
        """Return the ids of the live connections that a quarantine of `identity` concerns."""
        return [
            client_id
            for client_id, connection in self._connections.items()
            if identity in {connection.channel_of, identity_of(connection.sender(registry))}
        ]
