"""The access points of a worker: where they are called, and what decodes calls there."""

from __future__ import annotations

from pathlib import Path

from proxy.configuration import InventoryDocument, load_gateway
from proxy.registry import SiteRegistry
from proxy.worker.access_points import AccessPoints
from tests.proxy.parts import plain_point, plain_settings, write_settings


def test_every_address_of_an_access_point_is_a_destination(tmp_path: Path) -> None:
    settings = plain_settings(
        listen={"ipv4": "10.77.1.1", "ipv6": "fd77:1::1"}, access_points=[plain_point(ipv6="FD77:2:0::11")]
    )
    document = load_gateway(write_settings(tmp_path, settings))
    registry = SiteRegistry(InventoryDocument(), frozenset({"agent1"}))
    assert set(AccessPoints(document, registry, {}).by_place) == {("10.77.2.11", 8081), ("fd77:2::11", 8081)}
    own = settings | {"topology": "host", "interfaces": None, "access_points": [plain_point(ipv4="10.77.1.1")]}
    document = load_gateway(write_settings(tmp_path, own))
    assert set(AccessPoints(document, registry, {}).by_place) == {("10.77.1.1", 8081), ("127.0.0.1", 8081)}
