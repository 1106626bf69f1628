"""Whom the installation itself protects from quarantine: the gateway, access points, peers, the inventory's."""

from __future__ import annotations

from policy.protection import Protection
from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.peers import known_agents


def fixed_protection(document: GatewayDocument, inventory: InventoryDocument) -> Protection:
    """Return what no policy can take away.

    Where access points are on this machine, services may be there as well: of its addresses nothing follows for them
    then. The kernel never gets those addresses all the same.
    """
    own = [document.listen.ipv4, document.listen.ipv6]
    own += [address for point in document.access_points for address in (point.ipv4, point.ipv6)]
    peers = [address for peer in document.peers for address in peer.addresses]
    every = [*(own if document.topology != "host" else ()), *peers, *inventory.protected]
    agents = [f"/{agent}" for agent in known_agents(document)]
    return Protection.of([*(str(address) for address in every if address is not None), *agents])
