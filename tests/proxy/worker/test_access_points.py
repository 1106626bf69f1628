"""The access points of a worker: where they are called, and what decodes calls there."""

from __future__ import annotations

from pathlib import Path

from policy.verdict import Sender, Strength
from proxy.configuration import GatewayDocument, InventoryDocument, load_gateway
from proxy.connections import ConnectionTable
from proxy.decoders.base import Request
from proxy.mappings import find_mappings
from proxy.registry import SiteRegistry
from proxy.worker.access_points import AccessPoints
from tests.proxy.parts import live, plain_point, plain_settings, write_settings
from tests.proxy.test_mappings import LAMP


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


def things(tmp_path: Path) -> GatewayDocument:
    points = [
        plain_point(),
        plain_point(agent="lamps", port=80, listen_port=9102, ipv6="FD77:2:0::11", decoder={"mapping": "lamp.yaml"}),
    ]
    (tmp_path / "lamp.yaml").write_text(LAMP)
    listen = {"ipv4": "10.77.1.1", "ipv6": "fd77:1::1"}
    return load_gateway(write_settings(tmp_path, plain_settings(listen=listen, access_points=points)))


def test_an_access_point_without_a_mapping_is_nowhere_until_it_has_one(tmp_path: Path) -> None:
    document = things(tmp_path)
    registry = SiteRegistry(InventoryDocument(), frozenset({"agent1", "lamps"}))
    points = AccessPoints(document, registry, {})
    seen = points.by_place
    assert set(seen) == {("10.77.2.11", 8081)}
    points.replace("lamps", find_mappings(document).usable["lamps"], ConnectionTable(4, 4), lambda _: None)
    assert set(seen) == {("10.77.2.11", 8081), ("10.77.2.11", 80), ("fd77:2::11", 80)}


def test_another_mapping_holds_for_new_connections_and_ends_those_to_its_access_point(tmp_path: Path) -> None:
    document = things(tmp_path)
    registry = SiteRegistry(InventoryDocument(), frozenset({"agent1", "lamps"}))
    mapping = find_mappings(document).usable["lamps"]
    points = AccessPoints(document, registry, {"lamps": mapping})
    place = ("10.77.2.11", 80)
    connections = ConnectionTable(4, 4)
    connections.open("to the lamp", live("192.0.2.1", points.by_place[place]))
    connections.open("to the agent", live("192.0.2.1", points.by_place["10.77.2.11", 8081]))
    cut: list[str] = []
    asked = Request("GET", "/lamp/status", (("host", "lamp"),), b"")
    sender = Sender(address="/rooms/wall", service_type="/panel", strength=Strength.IP, ip="192.0.2.1")
    assert points.by_place[place].decoder.decode(asked, sender, 0, None).refusal is not None
    points.replace("lamps", mapping.replace(b"/lamp/state", b"/lamp/status"), connections, cut.extend)
    assert points.by_place[place].decoder.decode(asked, sender, 0, None).refusal is None
    assert cut == ["to the lamp"]


def test_host_says_the_name_that_is_asked_for_in_the_handshake(tmp_path: Path) -> None:
    (tmp_path / "lamp.yaml").write_text(LAMP)
    own = {"certificate": "own.pem", "key": "own.key"}
    hosts = []
    for port, trust in (
        (443, {"ca": "ca.pem", "name": "lamp.house"}),
        (8443, {"ca": "ca.pem", "name": "lamp.house"}),
        (443, {"ca": "ca.pem", "name": "10.77.2.11"}),
        (443, {"fingerprint": f"sha256:{'00' * 32}"}),
    ):
        point = plain_point(tls="server", port=port, decoder={"mapping": "lamp.yaml"}, towards_access_point=trust)
        settings = plain_settings(access_points=[point | {"towards_services": dict(own)}])
        document = load_gateway(write_settings(tmp_path, settings))
        registry = SiteRegistry(InventoryDocument(), frozenset({"agent1"}))
        points = AccessPoints(document, registry, find_mappings(document).usable)
        asked = Request("GET", "/lamp/status", (("host", "door.house"),), b"")
        sender = Sender(address="/a/b", service_type="/c", strength=Strength.IP, ip="192.0.2.1")
        outbound = points.by_place["10.77.2.11", port].decoder.decode(asked, sender, 0, None).outbound
        assert outbound is not None
        hosts.append(dict(outbound.headers)["host"])
    assert hosts == ["lamp.house", "lamp.house:8443", "10.77.2.11:443", "10.77.2.11:443"]
