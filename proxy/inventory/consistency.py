"""Does the inventory tell services apart at the access points that there are?"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.client_certificates import same_file
from proxy.configuration import GatewayDocument, InventoryDocument, TlsMode, client_ca_of
from proxy.registry import agent_of


def indistinguishable(document: GatewayDocument, inventory: InventoryDocument) -> Iterator[str]:
    """Yield one line, with the remedy, for each network address that stands for several services of a plain agent.

    With certificates they are told apart, so that services of one host may share its address. Before other middleware
    than the VSL they may be told apart by tokens; one that has none counts as a stranger there.
    """
    plain = {point.agent for point in document.access_points if point.tls is TlsMode.PLAIN and point.decoder == "vsl"}
    found: dict[tuple[str, str], list[str]] = {}
    for service in inventory.services:
        for ip in dict.fromkeys(str(place.ip) for place in service.places):
            found.setdefault((agent_of(service.address), ip), []).append(service.address)
    for (agent, ip), services in found.items():
        if agent in plain and len(services) > 1:
            yield (
                f"{ip} is the address of {' and of '.join(services)}, and {agent} speaks no TLS, so that nothing tells"
                " their calls apart -- give each an address of its own, or give them certificates and let the access"
                " point speak TLS, or keep one of them here that speaks for the whole host"
            )


def useless_certificates(document: GatewayDocument, inventory: InventoryDocument) -> Iterator[str]:
    """Yield one line, with the remedy, for each certificate of a service that says nothing.

    No access point could ever verify it, or another service has the same name under the same CA, spelt in another way.
    """
    authorities = {client_ca_of(point, document.tls) for point in document.access_points} - {None}
    known = {same_file(authority) for authority in authorities if authority is not None}
    default = None if document.tls is None else document.tls.site_ca
    taken: dict[tuple[str, str], str] = {}
    for service in inventory.services:
        for each in service.certificates:
            authority = each.ca or default
            if not known:
                yield (
                    f"{service.address} has certificates, but no access point with `tls: server` has a CA that verifies"
                    " them -- give it a `client_ca`, or `tls.site_ca`; before Knowledge Agents leave `certificates` out"
                )
                break
            if each.name is not None and (authority is None or same_file(authority) not in known):
                told = f"of {authority}" if authority is not None else "of no CA"
                yield (
                    f"{service.address} has the certificate {each.name!r} {told}, which is the CA of services at no"
                    f" access point -- write as `ca` one of them: {', '.join(sorted(known))}"
                )
            elif each.name is not None and authority is not None:
                owner = taken.setdefault((same_file(authority), each.name), service.address)
                if owner != service.address:
                    yield (
                        f"{service.address} has the certificate {each.name!r} of {authority}, which is that of {owner}"
                        " -- a certificate identifies one service: give each its own"
                    )
