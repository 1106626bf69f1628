"""From the configuration to what the kernel is to enforce."""

from __future__ import annotations

from proxy.configuration import GatewayDocument, InventoryDocument, TlsMode
from proxy.firewall.plan import AccessPoint, Binding, Plan, SenderLimits


def firewall_plan(document: GatewayDocument, inventory: InventoryDocument) -> Plan:
    """Return the plan for the table of nftables."""
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
                certificates=point.tls is TlsMode.REQUIRED,
            )
            for point in document.access_points
        ),
        service_interfaces=tuple(document.interfaces.services),
        access_interfaces=tuple(document.interfaces.access_points),
        bridge=document.interfaces.bridge,
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


def _bindings(document: GatewayDocument, inventory: InventoryDocument) -> tuple[Binding, ...]:
    """Return each pair once: services of one host have the same."""
    places = [(place.ip, place.mac) for service in inventory.services for place in service.places]
    places += [(address, peer.mac) for peer in document.peers for address in peer.addresses]
    return tuple(dict.fromkeys(Binding(ip=str(ip), mac=mac) for ip, mac in places if mac is not None))


def _text(address: object | None) -> str | None:
    return None if address is None else str(address)
