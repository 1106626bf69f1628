"""Who is behind a connection, by the strongest evidence."""

from __future__ import annotations

import pytest

from policy.verdict import Sender, Strength
from proxy.configuration import AccessPoint, InventoryDocument
from proxy.connections import ConnectionTable, Destination, TooManyConnections
from proxy.decoders.vsl import VslDecoder
from proxy.http1.deadlines import Phase
from proxy.identity import Identity
from proxy.registry import AgentStructure, SiteRegistry
from tests.proxy.parts import live, plain_point


@pytest.fixture
def registry() -> SiteRegistry:
    listed = [{"address": "/agent1/boiler", "ip": "192.0.2.40", "service_type": "/boilerControl"}]
    registry = SiteRegistry(InventoryDocument.model_validate({"services": listed}), frozenset({"agent1"}))
    registry.replace_agent("agent1", AgentStructure(types={"/agent1/light1": "/lightControler"}, children={}))
    return registry


@pytest.fixture
def destination(registry: SiteRegistry) -> Destination:
    decoder = VslDecoder(agent="agent1", authority="10.77.2.11:8081", registry=registry, most_accesses=4)
    return Destination(AccessPoint.model_validate(plain_point()), decoder)


def test_a_credential_is_that_of_whoever_is_known_now(registry: SiteRegistry, destination: Destination) -> None:
    connection = live("192.0.2.40", destination)
    by_address = connection.sender(registry)
    assert connection.delegation(by_address) == Identity("boiler", ("boiler",)).delegation()
    connection.identity = Identity("light1", ("light1", "hall"))
    assert connection.delegation(by_address) == connection.identity.delegation(), "before the sender is asked for again"
    assert connection.delegation(connection.sender(registry)) == connection.identity.delegation()
    stranger = live("192.0.2.99", destination)
    assert stranger.delegation(stranger.sender(registry)) is None


def test_a_certificate_weighs_more_than_the_inventory(registry: SiteRegistry, destination: Destination) -> None:
    certified = live("192.0.2.40", destination, identity=Identity("light1", ("light1",)))
    assert certified.sender(registry) == Sender(
        address="/agent1/light1",
        service_type="/lightControler",
        strength=Strength.CERTIFICATE,
        ip="192.0.2.40",
        client_id="light1",
    )


def test_without_a_certificate_the_inventory_tells(registry: SiteRegistry, destination: Destination) -> None:
    assert live("192.0.2.40", destination).sender(registry) == Sender(
        address="/agent1/boiler", service_type="/boilerControl", strength=Strength.IP, ip="192.0.2.40"
    )


def test_an_address_that_is_bound_to_its_link_weighs_more(destination: Destination) -> None:
    boiler = {"address": "/agent1/boiler", "ip": "192.0.2.40", "mac": "02:00:5e:00:53:01"}
    registry = SiteRegistry(InventoryDocument.model_validate({"services": [boiler]}), frozenset({"agent1"}))
    assert live("192.0.2.40", destination).sender(registry).strength is Strength.MAC_AND_IP


def test_a_sender_is_known_anew_when_its_access_point_or_its_certificate_says_more(
    registry: SiteRegistry, destination: Destination
) -> None:
    connection = live("192.0.2.40", destination)
    assert connection.sender(registry).strength is Strength.IP
    connection.identity = Identity("light1", ("light1",))
    assert connection.sender(registry).service_type == "/lightControler"
    registry.replace_agent("agent1", AgentStructure(types={"/agent1/light1": "/doorLock"}, children={}))
    assert connection.sender(registry).service_type == "/doorLock"


def test_nobody_knows_the_rest(registry: SiteRegistry, destination: Destination) -> None:
    assert live("192.0.2.41", destination).sender(registry) == Sender(
        address="ip:192.0.2.41", service_type=None, strength=Strength.UNKNOWN, ip="192.0.2.41"
    )


def test_connections_above_the_cap_are_refused_until_one_closes(destination: Destination) -> None:
    table = ConnectionTable(most=2, most_of_one=2)
    for name in ("a", "b"):
        table.open(name, live("192.0.2.9", destination))
    with pytest.raises(TooManyConnections, match="2 connections are open"):
        table.open("c", live("192.0.2.9", destination))
    table.close("a")
    table.close("never opened")
    table.open("c", live("192.0.2.10", destination))
    assert len(table) == 2
    assert table["c"].ip == "192.0.2.10"


def test_all_connections_of_an_identity_are_found(registry: SiteRegistry, destination: Destination) -> None:
    table = ConnectionTable(most=10, most_of_one=10)
    light = Identity("light1", ("light1",))
    table.open("first", live("192.0.2.9", destination, identity=light))
    table.open("second", live("192.0.2.10", destination, identity=light))
    table.open("boiler", live("192.0.2.40", destination))
    assert table.of_identity("certificate:light1", registry) == ["first", "second"]


def test_one_address_cannot_take_all_connections(destination: Destination) -> None:
    table = ConnectionTable(most=10, most_of_one=1)
    table.open("first", live("192.0.2.9", destination))
    with pytest.raises(TooManyConnections, match=r"1 connections of 192\.0\.2\.9"):
        table.open("second", live("192.0.2.9", destination))
    table.open("third", live("192.0.2.10", destination))
    table.close("first")
    table.open("second", live("192.0.2.9", destination))


def test_a_device_has_all_addresses_of_its_ipv6_network(destination: Destination) -> None:
    table = ConnectionTable(most=10, most_of_one=1)
    table.open("first", live("2001:db8::1", destination))
    with pytest.raises(TooManyConnections):
        table.open("second", live("2001:db8::2", destination))
    table.open("third", live("2001:db8:0:1::1", destination))


def test_connections_that_should_have_gone_on_are_found_with_what_they_wait_for(destination: Destination) -> None:
    table = ConnectionTable(most=10, most_of_one=10)
    silent, busy = live("192.0.2.9", destination), live("192.0.2.9", destination)
    busy.deadline.enter(Phase.ANSWER)
    table.open("silent", silent)
    table.open("busy", busy)
    assert table.overdue(silent.deadline.at - 1) == []
    assert table.overdue(silent.deadline.at + 1) == [("silent", Phase.HANDSHAKE)]
    assert len(table.overdue(busy.deadline.at + 1)) == 2
