"""The live connections of services: where each goes and who is behind it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from policy.verdict import Refusal, Sender, Strength
from proxy.configuration import AccessPoint
from proxy.decoders.base import Decoder
from proxy.identity import Identity
from proxy.registry import SiteRegistry


@dataclass(frozen=True)
class Destination:
    """An access point with all that is needed to judge calls to it."""

    point: AccessPoint
    decoder: Decoder


@dataclass
class Connection:
    """One connection of a service."""

    ip: str
    destination: Destination
    identity: Identity | None = None
    """Set once a client certificate has been verified."""
    identity_problem: Refusal | None = None
    """Why the certificate that was shown establishes no identity."""

    def sender(self, registry: SiteRegistry) -> Sender:
        """Return who is calling, by the strongest evidence there is."""
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
        inventoried = registry.service_at(self.ip)
        if inventoried is not None:
            return Sender(
                address=inventoried,
                service_type=registry.service_type(inventoried),
                strength=Strength.IP,
                ip=self.ip,
            )
        return Sender(address=f"ip:{self.ip}", service_type=None, strength=Strength.UNKNOWN, ip=self.ip)

    def delegation(self, sender: Sender) -> str | None:
        """Return the credential with which the access point takes the call for the sender's; None for a stranger."""
        if self.identity is not None:
            return self.identity.delegation()
        if sender.strength is Strength.UNKNOWN:
            return None
        client_id = sender.address.rpartition("/")[2]
        return Identity(client_id=client_id, access_ids=(client_id,)).delegation()


class TooManyConnections(Exception):
    """The cap on connections is reached."""


@dataclass
class ConnectionTable:
    """All live connections, by mitmproxy's id of the client; and which senders an address has carried."""

    most: int
    _connections: dict[str, Connection] = field(default_factory=dict)
    _senders_by_ip: OrderedDict[str, set[str]] = field(default_factory=OrderedDict)

    _MOST_ADDRESSES = 65_536
    _MOST_SENDERS = 64

    def open(self, client_id: str, connection: Connection) -> None:
        """Add a connection.

        Raises:
            TooManyConnections: the cap is reached.
        """
        if len(self._connections) >= self.most:
            raise TooManyConnections(f"{self.most} connections are open")
        self._connections[client_id] = connection

    def close(self, client_id: str) -> None:
        """Forget a connection; unknown ids are ignored."""
        self._connections.pop(client_id, None)

    def __getitem__(self, client_id: str) -> Connection:
        return self._connections[client_id]

    def __len__(self) -> int:
        return len(self._connections)

    def note(self, sender: Sender) -> None:
        """Remember that a sender was seen at its network address; the longest unseen address is forgotten first."""
        senders = self._senders_by_ip.setdefault(sender.ip, set())
        if len(senders) < self._MOST_SENDERS:
            senders.add(sender.address)
        self._senders_by_ip.move_to_end(sender.ip)
        if len(self._senders_by_ip) > self._MOST_ADDRESSES:
            self._senders_by_ip.popitem(last=False)

    def shared(self, sender_address: str, ip: str) -> bool:
        """Tell whether a network address carries another sender besides this one."""
        return bool(self._senders_by_ip.get(ip, set()) - {sender_address})

    def of_sender(self, address: str, registry: SiteRegistry) -> list[str]:
        """Return the ids of a sender's live connections."""
        return [
            client_id
            for client_id, connection in self._connections.items()
            if connection.sender(registry).address == address
        ]
