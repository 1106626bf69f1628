"""Which services nothing tells apart."""

from __future__ import annotations

import pytest

from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.inventory.consistency import indistinguishable
from tests.proxy.parts import plain_point, plain_settings

POINTS = [plain_point(), plain_point(agent="agent2", ipv4="10.77.2.12", listen_port=9102)]


def told(*services: dict[str, object]) -> list[str]:
    document = GatewayDocument.model_validate(plain_settings(access_points=POINTS))
    inventory = InventoryDocument.model_validate({"services": list(services)})
    return list(indistinguishable(document, inventory))


def test_one_address_for_two_services_of_a_plain_access_point() -> None:
    (line,) = told(
        {"address": "/agent1/tv1", "ip": "192.0.2.50"},
        {"address": "/agent1/tv2", "ip": "192.0.2.51", "addresses": [{"ip": "192.0.2.50"}]},
    )
    assert line.startswith("192.0.2.50 is the address of /agent1/tv1 and of /agent1/tv2, and agent1 speaks no TLS")
    assert " -- give each an address of its own" in line


@pytest.mark.parametrize(
    "services",
    [
        ({"address": "/agent1/tv1", "ip": "192.0.2.50"}, {"address": "/agent2/tv2", "ip": "192.0.2.50"}),
        ({"address": "/agent3/tv1", "ip": "192.0.2.50"}, {"address": "/agent3/tv2", "ip": "192.0.2.50"}),
        ({"address": "/agent1/tv1", "ip": "192.0.2.50", "addresses": [{"ip": "192.0.2.50"}]},),
        ({"address": "/agent1/tv1"}, {"address": "/agent1/tv2"}),
    ],
    ids=["of two access points", "of one that is not here", "one service twice", "no addresses"],
)
def test_what_is_told_apart(services: tuple[dict[str, object], ...]) -> None:
    assert told(*services) == []
