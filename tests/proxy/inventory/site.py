"""Evidence of a small site, for several tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.inventory.evidence import Evidence
from proxy.inventory.leases import Lease
from tests.proxy.parts import plain_point, plain_settings

LEASES = Path("/var/lib/misc/dnsmasq.leases")
DOCUMENT = GatewayDocument.model_validate(
    plain_settings(
        access_points=[
            plain_point(tls="required"),
            plain_point(agent="agent3", ipv4="10.77.2.13", listen_port=9103),
        ],
        tls={
            "site_ca": "ca.pem",
            "towards_services": {"certificate": "a.pem", "key": "a.key"},
            "towards_access_points": {"certificate": "a.pem", "key": "a.key"},
        },
    )
)


def evidence(**changes: Any) -> Evidence:
    """A light with two addresses, two services on one host, a lock that was never seen, and a stranger."""
    parts: dict[str, Any] = {
        "traffic": {
            "192.0.2.10": ["/agent1/light1"],
            "2001:db8::10": ["/agent1/light1"],
            "192.0.2.11": ["/agent1/tv1", "/agent1/tv2"],
            "192.0.2.40": ["ip:192.0.2.40"],
        },
        "writes": {"192.0.2.40": {"/agent3/boiler": 42, "/agent1/light1": 1}},
        "registered": {"192.0.2.40": "/boilerControl"},
        "leases": [
            Lease("192.0.2.10", "02:00:5e:00:53:01", "light-kitchen", LEASES),
            Lease("192.0.2.40", "02:00:5e:00:53:40", "pump", LEASES),
        ],
        "neighbours": {"192.0.2.10": "02:00:5e:00:53:01", "192.0.2.40": "02:00:5e:00:53:99"},
        "types": {"/agent1/light1": "/lightControler", "/agent1/lock1": "/doorLock", "/agent3/pump": "/pumpControl"},
        "asked": frozenset({"agent1", "agent3"}),
    }
    return Evidence(**(parts | changes))


def inventory(*services: Mapping[str, object]) -> InventoryDocument:
    """An inventory of these services."""
    return InventoryDocument.model_validate({"services": list(services)})
