"""What is known of addresses: the access point's types before the inventory's."""

from __future__ import annotations

import pytest

from proxy.configuration import InventoryDocument
from proxy.registry import AgentStructure, Node, SiteRegistry, Whereabouts, service_of

STRUCTURE = AgentStructure(
    types={
        "/agent1": "/treeRoot",
        "/agent1/light1": "/lightControler",
        "/agent1/light1/lightOn": "/derived/boolean",
    },
    children={
        "/agent1": ("/agent1/light1", "/agent1/boiler"),
        "/agent1/light1": ("/agent1/light1/lightOn", "/agent1/light1/brightness"),
    },
)


@pytest.fixture
def registry() -> SiteRegistry:
    inventory = InventoryDocument.model_validate(
        {
            "services": [
                {"address": "/agent1/light1", "location": "kitchen", "service_type": "/somethingElse"},
                {"address": "/agent1/boiler", "service_type": "/boilerControl", "ip": "2001:DB8::40"},
                {
                    "address": "/agent1/pump",
                    "ip": "192.0.2.41",
                    "mac": "02-00-5E-00-53-01",
                    "addresses": [{"ip": "2001:db8::41", "mac": "02:00:5e:00:53:01"}, {"ip": "192.0.2.42"}],
                },
                {"address": "/agent1/tv1", "ip": "192.0.2.50", "only_here": True},
                {"address": "/agent1/tv2", "ip": "192.0.2.50"},
                {"address": "/agent2/tv3", "ip": "192.0.2.50"},
            ]
        }
    )
    registry = SiteRegistry(inventory, frozenset({"agent1"}))
    registry.replace_agent("agent1", STRUCTURE)
    return registry


@pytest.mark.parametrize(
    ("node", "service"),
    [
        ("/agent1/light1/lightOn", "/agent1/light1"),
        ("/agent1/light1", "/agent1/light1"),
        ("/agent1", "/agent1"),
        ("/agent1/light1/a/b/c", "/agent1/light1"),
    ],
)
def test_the_owner_of_a_node(node: str, service: str) -> None:
    assert service_of(node) == service


def test_types(registry: SiteRegistry) -> None:
    assert registry.data_type("/agent1/light1/lightOn") == "/derived/boolean"
    assert registry.data_type("/agent1/light1/brightness") is None
    assert registry.data_type("/agent9/light1/lightOn") is None
    assert registry.service_type("/agent1/light1") == "/lightControler"
    assert registry.service_type("/agent1/boiler") == "/boilerControl"
    assert registry.service_type("/agent1/stranger") is None


def test_the_inventory_stands_in_while_an_access_point_has_not_been_read() -> None:
    inventory = InventoryDocument.model_validate(
        {"services": [{"address": "/agent1/light1", "service_type": "/lightControler"}]}
    )
    registry = SiteRegistry(inventory, frozenset({"agent1"}))
    assert not registry.knows_agent("agent1")
    assert registry.service_type("/agent1/light1") == "/lightControler"


def test_a_new_structure_replaces_the_old_one(registry: SiteRegistry) -> None:
    assert registry.knows_agent("agent1")
    registry.replace_agent("agent1", AgentStructure(types={"/agent1/lock1": "/doorLock"}, children={}))
    assert registry.service_type("/agent1/lock1") == "/doorLock"
    assert registry.data_type("/agent1/light1/lightOn") is None


def test_locations_and_network_addresses_are_the_inventory_s(registry: SiteRegistry) -> None:
    assert registry.location("/agent1/light1") == "kitchen"
    assert registry.location("/agent1/boiler") is None
    assert registry.service_at("2001:db8::40", "agent1") == "/agent1/boiler"
    assert registry.service_at("2001:db8::44", "agent1") is None
    assert registry.is_bound("192.0.2.41")
    assert not registry.is_bound("2001:db8::40")


@pytest.mark.parametrize(
    ("ip", "bound"), [("192.0.2.41", True), ("2001:db8::41", True), ("192.0.2.42", False)], ids=str
)
def test_a_service_has_all_its_addresses(registry: SiteRegistry, ip: str, bound: bool) -> None:
    assert registry.service_at(ip, "agent1") == "/agent1/pump"
    assert registry.is_bound(ip) is bound
    assert ip in registry.whereabouts("/agent1/pump").ips


def test_an_address_with_several_services_of_an_agent_is_nobody_s(registry: SiteRegistry) -> None:
    assert registry.service_at("192.0.2.50", "agent1") is None
    assert registry.service_at("192.0.2.50", "agent2") == "/agent2/tv3"


def test_an_access_point_is_not_told_of_another_one_s_service(registry: SiteRegistry) -> None:
    """It would take the call for that of its own service with the same name."""
    assert registry.service_at("192.0.2.41", "agent2") is None


def test_where_the_inventory_has_a_service(registry: SiteRegistry) -> None:
    assert registry.places("/agent1/pump") == ["192.0.2.41", "192.0.2.42", "2001:db8::41"]
    assert registry.whereabouts("/agent1/pump") == Whereabouts(
        frozenset({"192.0.2.41", "192.0.2.42", "2001:db8::41"}), only_here=False
    )
    assert registry.whereabouts("/agent1/light1") == Whereabouts(frozenset(), only_here=False), "nothing is said of it"
    assert registry.whereabouts("/agent1/tv1") == Whereabouts(frozenset({"192.0.2.50"}), only_here=True)
    assert registry.whereabouts("/agent1/tv2") == Whereabouts(frozenset({"192.0.2.50"}), only_here=False)


@pytest.mark.parametrize(
    ("address", "ips", "only_here"),
    [
        ("/agent1/phone1", {"192.0.2.60"}, True),
        ("/agent2/phone1", {"192.0.2.60", "192.0.2.61"}, True),
        ("/agent3/phone1", {"192.0.2.60", "192.0.2.61"}, True),
        ("/agent2/tv4", {"192.0.2.62"}, False),
        ("/agent3/tv4", {"192.0.2.62"}, False),
        ("/agent3/phone2", set(), False),
    ],
)
def test_a_key_is_pinned_at_every_access_point(address: str, ips: set[str], only_here: bool) -> None:
    inventory = InventoryDocument.model_validate(
        {
            "services": [
                {"address": "/agent1/Phone1"},
                {"address": "/agent1/phone1", "ip": "192.0.2.60", "only_here": True},
                {"address": "/agent2/phone1", "ip": "192.0.2.61"},
                {"address": "/agent2/tv4", "ip": "192.0.2.62"},
            ]
        }
    )
    registry = SiteRegistry(inventory, frozenset({"agent1"}))
    assert registry.whereabouts(address) == Whereabouts(frozenset(ips), only_here)


@pytest.mark.parametrize(
    ("node", "known"),
    [
        ("/agent1", True),
        ("/agent1/light1", True),
        ("/agent1/light1/virtual/anything", True),
        ("/agent1/boiler", False),
        ("/agent1/boiler/heat", False),
        ("/agent2", False),
        ("/agent2/tv3", False),
        ("/agent9/nobody", False),
    ],
)
def test_what_lies_below_a_node_is_known_once_its_service_is_read(
    registry: SiteRegistry, node: str, known: bool
) -> None:
    assert registry.knows_below(node) is known


@pytest.mark.parametrize(
    ("node", "depth", "below"),
    [
        ("/agent1", 0, []),
        ("/agent1", 1, ["/light1", "/boiler"]),
        ("/agent1", 2, ["/light1", "/light1/lightOn", "/light1/brightness", "/boiler"]),
        ("/agent1", -1, ["/light1", "/light1/lightOn", "/light1/brightness", "/boiler"]),
        ("/agent1/light1/lightOn", -1, []),
        ("/agent9", -1, []),
    ],
)
def test_subtrees(registry: SiteRegistry, node: str, depth: int, below: list[str]) -> None:
    assert list(registry.subtree(node, depth)) == [node, *(f"/agent1{each}" for each in below)]


def test_roots_are_those_of_configured_agents(registry: SiteRegistry) -> None:
    addresses = ["/agent1", "/agent9", "/search", "/agent1/light1", "agent1", "/", ""]
    assert [each for each in addresses if registry.is_root(each)] == ["/agent1"]


def test_lists_are_those_of_the_structure(registry: SiteRegistry) -> None:
    rooms = "/agent1/light1/rooms"
    assert not registry.is_list(rooms)
    registry.replace_agent("agent1", AgentStructure(types={rooms: "/rooms"}, children={}, lists=frozenset({rooms})))
    assert registry.is_list(rooms)
    assert not registry.is_list("/agent1/light1")
    assert not registry.is_list("/agent9/light1/rooms")


def test_a_client_id_is_that_of_a_service_here_before_one_elsewhere() -> None:
    addresses = ["/agent9/light1", "/agent9/pump", "/agent1/heater"]
    inventory = InventoryDocument.model_validate({"services": [{"address": address} for address in addresses]})
    registry = SiteRegistry(inventory, frozenset({"agent1"}))
    registry.replace_agent("agent1", STRUCTURE)
    found = {client_id: registry.address_of(client_id) for client_id in ("light1", "pump", "heater", "nobody")}
    assert found == {"light1": "/agent1/light1", "pump": "/agent9/pump", "heater": "/agent1/heater", "nobody": None}
    guarded = [address for address in ("/agent1/light1", "/agent9/pump", "/agent1/heater") if registry.guards(address)]
    assert guarded == ["/agent1/light1", "/agent1/heater"]


def test_nothing_is_known_of_an_unknown_sender(registry: SiteRegistry) -> None:
    assert registry.service_type("ip:192.0.2.9") is None


def test_what_was_looked_up_changes_with_the_structure(registry: SiteRegistry) -> None:
    node = "/agent1/light1/lightOn"
    assert registry.node(node) == Node("/agent1/light1", "/lightControler", "kitchen", "/derived/boolean")
    before = registry.revision
    registry.replace_agent("agent1", AgentStructure(types={"/agent1/light1": "/doorLock"}, children={}))
    assert registry.node(node) == Node("/agent1/light1", "/doorLock", "kitchen", None)
    assert registry.revision > before


def test_nobody_can_fill_the_memory_with_nodes(registry: SiteRegistry) -> None:
    for number in range(10_000):
        registry.node(f"/agent1/light1/{number}")
    assert len(registry._nodes) < 5_000
    assert registry.node("/agent1/light1/lightOn").data_type == "/derived/boolean"


def test_an_agent_s_own_address_has_the_type_of_roots_also_before_it_was_read(registry: SiteRegistry) -> None:
    unread = SiteRegistry(InventoryDocument(), frozenset({"agent3"}))
    assert unread.service_type("/agent3") == "/treeRoot"
    assert unread.service_type("/agent9") is None
    assert registry.service_type("/agent1") == "/treeRoot"


def test_what_is_known_already_is_told_from_what_is_new(registry: SiteRegistry) -> None:
    assert registry.has("agent1", STRUCTURE)
    assert not registry.has("agent1", AgentStructure(types={}, children={}))
    assert not registry.has("agent9", STRUCTURE)


def test_a_service_is_found_by_its_address_alone_and_by_the_hash_of_its_token() -> None:
    services = [
        {"address": "/rooms/wall", "ip": "192.0.2.50", "tokens": ["a" * 64, "b" * 64]},
        {"address": "/rooms/phone", "ip": "192.0.2.51"},
        {"address": "/hall/phone", "ip": "192.0.2.51"},
    ]
    registry = SiteRegistry(InventoryDocument.model_validate({"services": services}), frozenset({"lamps"}))
    assert [registry.only_service_at(f"192.0.2.{n}") for n in (50, 51, 52)] == ["/rooms/wall", None, None]
    assert [registry.service_of_token(each * 64) for each in "abc"] == ["/rooms/wall", "/rooms/wall", None]
    assert (registry.lists("/rooms/wall"), registry.lists("/rooms/nobody")) == (True, False)


def test_where_a_service_itself_is_says_nothing_of_others_of_its_name() -> None:
    services = [{"address": "/house/tv1"}, {"address": "/agent1/tv1", "ip": "192.0.2.50", "only_here": True}]
    registry = SiteRegistry(InventoryDocument.model_validate({"services": services}), frozenset({"agent1"}))
    assert registry.own_places("/house/tv1") == Whereabouts(frozenset(), only_here=False)
    assert registry.own_places("/agent1/tv1") == Whereabouts(frozenset({"192.0.2.50"}), only_here=True)
    assert registry.own_places("/nobody/here") == Whereabouts(frozenset(), only_here=False)
