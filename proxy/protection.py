"""Whom the installation itself protects from quarantine: the gateway, the access points, what the inventory names."""

from __future__ import annotations

from policy.protection import Protection
from proxy.configuration import GatewayDocument, InventoryDocument


def fixed_protection(document: GatewayDocument, inventory: InventoryDocument) -> Protection:
    """Return what no policy can take away."""
    own = [document.listen.ipv4, document.listen.ipv6]
    points = [address for point in document.access_points for address in (point.ipv4, point.ipv6)]
    return Protection.of([str(address) for address in [*own, *points, *inventory.protected] if address is not None])
