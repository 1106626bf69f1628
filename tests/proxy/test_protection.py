from __future__ import annotations

from pathlib import Path

import pytest

from proxy.configuration import InventoryDocument, load_gateway
from proxy.protection import fixed_protection
from tests.proxy.parts import plain_point, plain_settings, write_settings

PEER = {"agent": "agent3", "ipv4": "10.77.1.31"}


@pytest.mark.parametrize(
    "ip", ["10.77.1.1", "10.77.2.11", "10.77.1.254", "10.77.1.31"], ids=["gateway", "access point", "inventory", "peer"]
)
def test_the_installation_can_never_be_quarantined(tmp_path: Path, ip: str) -> None:
    document = load_gateway(write_settings(tmp_path, plain_settings(peers=[PEER])))
    protection = fixed_protection(document, InventoryDocument.model_validate({"protected": ["10.77.1.254"]}))
    assert protection.covers("/agent1/a", ip)
    assert not protection.covers("/agent1/a", "10.77.1.9")
    assert protection.covers("/agent1", "10.77.1.9")
    assert protection.covers("/agent3", "10.77.1.9")


def test_services_on_the_host_of_the_access_points_have_no_protection_from_its_addresses(tmp_path: Path) -> None:
    settings = plain_settings(topology="host", interfaces=None, access_points=[plain_point(ipv4="10.77.1.1")])
    protection = fixed_protection(load_gateway(write_settings(tmp_path, settings)), InventoryDocument())
    assert not protection.covers("/agent1/a", "10.77.1.1")
    assert protection.covers("/agent1", "10.77.1.1")
