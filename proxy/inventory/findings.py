"""Where the inventory and what is seen of the site do not agree."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.inventory.consistency import indistinguishable
from proxy.inventory.evidence import Evidence
from proxy.registry import agent_of


class FindingKind(StrEnum):
    """What was found."""

    INDISTINGUISHABLE = "indistinguishable"
    """Nothing tells the calls of services with one network address apart."""
    NO_SUCH_ACCESS_POINT = "no-such-access-point"
    """The service belongs to an agent that the gateway does not stand in front of."""
    UNKNOWN_SERVICE = "unknown-service"
    """Its access point does not know it."""
    OTHER_TYPE = "other-type"
    """Its access point knows it as another type."""
    OTHER_MAC = "other-mac"
    """Its network address has another link address by now."""
    OTHER_ADDRESS = "other-address"
    """It was seen at a network address that the inventory does not have for it."""
    NOT_INVENTORIED = "not-inventoried"
    """It was seen, or is known to its access point, but the inventory does not have it."""
    STRANGER = "stranger"
    """Somebody called whom neither a certificate nor the inventory identifies."""


class Finding(msgspec.Struct, frozen=True):
    """One contradiction or gap."""

    kind: FindingKind
    subject: str
    """Service address or network address."""
    text: str
    """In plain words, with the remedy."""


def findings(inventory: InventoryDocument, evidence: Evidence, document: GatewayDocument) -> list[Finding]:
    """Return every contradiction between an inventory and what is seen, the gravest kinds first."""
    return [
        *(
            Finding(FindingKind.INDISTINGUISHABLE, line.split()[0], line)
            for line in indistinguishable(document, inventory)
        ),
        *_macs(inventory, evidence),
        *_services(inventory, evidence, document),
        *_elsewhere(inventory, evidence),
        *_missing(inventory, evidence),
    ]


def _macs(inventory: InventoryDocument, evidence: Evidence) -> Iterator[Finding]:
    told: set[str] = set()
    for service in inventory.services:
        for place in service.places:
            ip = str(place.ip)
            if place.mac is None or ip in told:
                continue
            seen = evidence.neighbours.get(ip)
            leased = {lease.mac for lease in evidence.leases_of(ip) if lease.mac is not None}
            if seen is not None and seen != place.mac:
                told.add(ip)
                yield Finding(
                    FindingKind.OTHER_MAC,
                    service.address,
                    f"{service.address}: {ip} has the link address {seen} now, the inventory says {place.mac}, so its"
                    " packets are dropped -- if the device was replaced, correct the mac; else find out who that is",
                )
            elif seen is None and leased and place.mac not in leased:
                told.add(ip)
                yield Finding(
                    FindingKind.OTHER_MAC,
                    service.address,
                    f"{service.address}: {ip} is leased to {', '.join(sorted(leased))}, the inventory says {place.mac}"
                    " -- fine behind a router; otherwise reserve the address for it at the DHCP server",
                )


def _services(inventory: InventoryDocument, evidence: Evidence, document: GatewayDocument) -> Iterator[Finding]:
    agents = {point.agent for point in document.access_points}
    only_agents = all(point.decoder == "vsl" for point in document.access_points)
    for service in inventory.services:
        agent, known = agent_of(service.address), evidence.types.get(service.address)
        if agent not in agents and only_agents:
            yield Finding(
                FindingKind.NO_SUCH_ACCESS_POINT,
                service.address,
                f"{service.address}: gateway.yaml has no access point {agent} -- correct the address, or remove it",
            )
        elif agent in evidence.asked and known is None:
            yield Finding(
                FindingKind.UNKNOWN_SERVICE,
                service.address,
                f"{service.address}: {agent} does not know it -- correct its spelling (ids are in lower case), or"
                " remove it if it is gone",
            )
        elif known is not None and service.service_type not in {None, known}:
            yield Finding(
                FindingKind.OTHER_TYPE,
                service.address,
                f"{service.address}: the inventory says {service.service_type}, {agent} says {known}, which counts"
                " -- remove its service_type",
            )


def _elsewhere(inventory: InventoryDocument, evidence: Evidence) -> Iterator[Finding]:
    seen = evidence.seen_at
    for service in inventory.services:
        places = {str(place.ip) for place in service.places}
        for ip in seen.get(service.address, ()):
            if places and ip not in places:
                yield Finding(
                    FindingKind.OTHER_ADDRESS,
                    service.address,
                    f"{service.address}: was seen at {ip}, the inventory has it at {', '.join(sorted(places))}"
                    " -- if it has moved, add the address; if not, revoke its certificate",
                )


def _missing(inventory: InventoryDocument, evidence: Evidence) -> Iterator[Finding]:
    listed = {service.address for service in inventory.services}
    ips = {str(place.ip) for service in inventory.services for place in service.places}
    for address in sorted({*evidence.seen_at, *evidence.types} - listed):
        yield Finding(
            FindingKind.NOT_INVENTORIED,
            address,
            f"{address}: is not in the inventory, so its room is not known -- alleyes inventory discover --merge",
        )
    for ip in evidence.strangers:
        if ip not in ips:
            yield Finding(
                FindingKind.STRANGER,
                ip,
                f"{ip}: somebody calls from there whom nothing identifies -- give it a certificate, or enter the"
                " address of its service",
            )
