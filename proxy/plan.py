"""From the configuration to what the kernel is to enforce."""

from __future__ import annotations

from proxy import privileges
from proxy.configuration import AccessPoint as DeclaredPoint
from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.firewall.plan import LOOPBACK_IPV4, LOOPBACK_IPV6, AccessPoint, Binding, Plan, SenderLimits


def firewall_plan(document: GatewayDocument, inventory: InventoryDocument) -> Plan:
    """Return the plan for the table of nftables.

    With `topology: host` the state directory is looked at, as its owner is the user that the gateway runs as.
    """
    interfaces = document.interfaces
    return Plan(
        access_points=tuple(
            AccessPoint(
                name=point.agent,
                port=point.port,
                listener_port=point.listen_port,
                ipv4=_text(point.ipv4),
                ipv6=_text(point.ipv6),
                listener_ipv4=_text(document.listen.ipv4) if point.ipv4 is not None else None,
                listener_ipv6=_text(document.listen.ipv6) if point.ipv6 is not None else None,
                certificates=point.wants_certificates,
                loopback=called_by_loopback(document, point),
            )
            for point in document.access_points
        ),
        service_interfaces=tuple(interfaces.services) if interfaces is not None else (),
        access_interfaces=tuple(interfaces.access_points) if interfaces is not None else (),
        bridge=interfaces.bridge if interfaces is not None else None,
        gateway_user=privileges.user_for(document.state_directory) if document.topology == "host" else None,
        reachable=tuple(str(network) for network in document.reachable),
        protected=(
            *(str(address) for address in inventory.protected),
            *(str(address) for peer in document.peers for address in peer.addresses),
        ),
        bindings=_bindings(document, inventory),
        limits=SenderLimits(
            packets_per_second=document.limits.sender_packets_per_second,
            new_connections_per_second=document.limits.sender_new_connections_per_second,
            connections=document.limits.sender_connections,
        ),
        fail_mode=document.fail_mode,
        workers=document.workers,
    )


def called_by_loopback(document: GatewayDocument, point: DeclaredPoint) -> bool:
    """Return whether what local programs call on the loopback is this access point: on this machine, its port alone."""
    return document.topology == "host" and [other.port for other in document.access_points].count(point.port) == 1


def called_at(document: GatewayDocument, point: DeclaredPoint) -> tuple[str, ...]:
    """Return the addresses at which an access point is called, IPv4 first."""
    by_loopback = called_by_loopback(document, point)
    found: dict[str, None] = {}
    for address, loopback in ((point.ipv4, LOOPBACK_IPV4), (point.ipv6, LOOPBACK_IPV6)):
        if address is not None:
            found |= dict.fromkeys((str(address), loopback) if by_loopback else (str(address),))
    return tuple(found)


def _bindings(document: GatewayDocument, inventory: InventoryDocument) -> tuple[Binding, ...]:
    """Return each pair once: services of one host have the same."""
    places = [(place.ip, place.mac) for service in inventory.services for place in service.places]
    places += [(address, peer.mac) for peer in document.peers for address in peer.addresses]
    return tuple(dict.fromkeys(Binding(ip=str(ip), mac=mac) for ip, mac in places if mac is not None))


def _text(address: object | None) -> str | None:
    return None if address is None else str(address)
