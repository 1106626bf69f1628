"""What is known of the site's addresses: types from the access points, locations from the inventory.

Readers see immutable snapshots; an update builds a new one and swaps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from policy.inferred import is_inferred
from proxy.configuration import InventoryDocument

ROOT_TYPE = "/treeRoot"
"""Type of an agent's own address, `/agent1` (spec of the VSL)."""
_SERVICE_SEGMENTS = 2
_MOST_REMEMBERED = 4096
"""Nodes whose look-up is remembered; when there are more, all are looked up again."""


def service_of(node: str) -> str:
    """Return the address of the service that owns a node: its first two segments."""
    return "/" + "/".join(node.split("/")[1 : 1 + _SERVICE_SEGMENTS])


def agent_of(address: str) -> str:
    """Return the agent of an address: its first segment."""
    return address.split("/", 2)[1]


def key_name(service: str) -> str:
    """Return the client id of a service, as Knowledge Agents read it from certificates: they lower what they name."""
    return service.rpartition("/")[2].lower()


@dataclass(frozen=True)
class AgentStructure:
    """The nodes of one access point."""

    types: Mapping[str, str]
    """Node address -> most specific type."""
    children: Mapping[str, tuple[str, ...]]
    """Node address -> addresses of its children."""
    lists: frozenset[str] = frozenset()
    """Addresses of the nodes that are lists, by whichever of their types."""


class Node(msgspec.Struct, frozen=True, gc=False):
    """What is known of one node, None where something is not."""

    service: str
    """Address of the service that owns it."""
    service_type: str | None
    location: str | None
    """Room of the service."""
    data_type: str | None


class Whereabouts(NamedTuple):
    """Where the inventory has whoever shows a certificate."""

    ips: frozenset[str]
    """Network addresses; none where nothing is said of it."""
    only_here: bool
    """The certificate counts at those alone."""


_NOWHERE = Whereabouts(frozenset(), only_here=False)


def _by_ip(places: Mapping[str, frozenset[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for address, ips in places.items():
        for ip in ips:
            found.setdefault(ip, set()).add(address)
    return found


@dataclass
class SiteRegistry:
    """Types and locations of all addresses behind the gateway."""

    inventory: InventoryDocument
    agents: frozenset[str]
    """Names of the access points' agents and of their peers, from the configuration."""
    revision: int = field(default=0, init=False)
    """Grows with every change: whoever keeps something of the registry sees by it that it is out of date."""
    _agents: dict[str, AgentStructure] = field(default_factory=dict)
    _nodes: dict[str, Node] = field(default_factory=dict, init=False)
    _locations: Mapping[str, str] = field(init=False)
    _inventoried_types: Mapping[str, str] = field(init=False)
    _by_client_id: Mapping[str, str] = field(init=False)
    _alone_at: Mapping[tuple[str, str], str] = field(init=False)
    """By agent and network address the service that is the agent's only one there."""
    _places: Mapping[str, frozenset[str]] = field(init=False)
    """Network addresses of each service."""
    _only_here: frozenset[str] = field(init=False)
    _of_keys: Mapping[str, Whereabouts] = field(init=False)
    """By client id, in lower case: a service has the same key at every access point."""
    _bound: frozenset[str] = field(init=False)
    _only_at: Mapping[str, str] = field(init=False)
    """By network address the only service there, of all agents."""
    _tokens: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        services = self.inventory.services
        self._locations = MappingProxyType({s.address: s.location for s in services if s.location is not None})
        self._inventoried_types = MappingProxyType({s.address: s.service_type for s in services if s.service_type})
        self._by_client_id = MappingProxyType({s.address.rpartition("/")[2]: s.address for s in services})
        self._places = {s.address: frozenset(str(place.ip) for place in s.places) for s in services}
        self._only_here = frozenset(s.address for s in services if s.only_here)
        self._bound = frozenset(str(place.ip) for s in services for place in s.places if place.mac is not None)
        of_agent: dict[tuple[str, str], set[str]] = {}
        for address, places in self._places.items():
            for ip in places:
                of_agent.setdefault((agent_of(address), ip), set()).add(address)
        self._only_at = {
            ip: services_there.pop() for ip, services_there in _by_ip(self._places).items() if len(services_there) == 1
        }
        self._tokens = {token: s.address for s in services for token in s.tokens}
        of_keys: dict[str, Whereabouts] = {}
        for service in services:
            others = of_keys.get(key_name(service.address), _NOWHERE)
            of_keys[key_name(service.address)] = Whereabouts(
                others.ips | self._places[service.address], others.only_here or service.only_here
            )
        self._of_keys = of_keys
        self._alone_at = {key: next(iter(found)) for key, found in of_agent.items() if len(found) == 1}

    def replace_agent(self, agent: str, structure: AgentStructure) -> None:
        """Take over the current structure of one access point."""
        self._agents[agent] = structure
        self._nodes.clear()
        self.revision += 1

    def has(self, agent: str, structure: AgentStructure) -> bool:
        """Tell whether this is what is known of an agent already."""
        return self._agents.get(agent) == structure

    def knows_agent(self, agent: str) -> bool:
        """Tell whether the structure of this access point has been read."""
        return agent in self._agents

    def is_root(self, address: str) -> bool:
        """Tell whether an address is that of a configured agent itself."""
        return address.startswith("/") and address[1:] in self.agents

    def is_list(self, node: str) -> bool:
        """Tell whether a node is known to be a list."""
        structure = self._agent_of(node)
        return structure is not None and node in structure.lists

    def _agent_of(self, address: str) -> AgentStructure | None:
        return self._agents.get(agent_of(address)) if address.startswith("/") else None

    def node(self, address: str) -> Node:
        """Return what is known of a node and its service; remembered until a structure changes."""
        known = self._nodes.get(address)
        if known is None:
            service = service_of(address)
            known = Node(service, self.service_type(service), self.location(service), self.data_type(address))
            if len(self._nodes) >= _MOST_REMEMBERED:
                self._nodes.clear()
            self._nodes[address] = known
        return known

    def data_type(self, node: str) -> str | None:
        """Return the most specific type of a node, None where it is not known."""
        structure = self._agent_of(node)
        return structure.types.get(node) if structure else None

    def service_type(self, service: str) -> str | None:
        """Return the type of a service instance, None where it is not known."""
        known = self.data_type(service) or self._inventoried_types.get(service)
        if known is not None and is_inferred(known):
            return None  # nobody's own word makes it one of those whose type was inferred
        return ROOT_TYPE if known is None and self.is_root(service) else known

    def location(self, service: str) -> str | None:
        """Return the room of a service instance, None where the inventory has none."""
        return self._locations.get(service)

    def service_at(self, ip: str, agent: str) -> str | None:
        """Return the service of an agent that the inventory has at a network address; None where it has several.

        Nobody else's: the access point would take the call for that of its own service with the same name.
        """
        return self._alone_at.get((agent, ip))

    def only_service_at(self, ip: str) -> str | None:
        """Return the service that the inventory has at a network address, whatever its agent; None for several."""
        return self._only_at.get(ip)

    def lists(self, service: str) -> bool:
        """Tell whether the inventory has a service."""
        return service in self._places

    def service_of_token(self, token: str) -> str | None:
        """Return the service that the inventory has for the hash of an API token (`proxy.tokens`)."""
        return self._tokens.get(token)

    def places(self, service: str) -> list[str]:
        """Return the network addresses that the inventory has for a service."""
        return sorted(self._places.get(service, ()))

    def own_places(self, service: str) -> Whereabouts:
        """Return where the inventory has a service, whatever others of its name there are."""
        return Whereabouts(self._places.get(service, frozenset()), service in self._only_here)

    def whereabouts(self, service: str) -> Whereabouts:
        """Return where the inventory has whoever shows a service's certificate.

        The key is the same at every access point. So where it is pinned at one of them, that holds at the others too,
        unless the inventory is as strict there; it then counts wherever the inventory has one of its services.
        """
        own = self._places.get(service)
        key = self._of_keys.get(key_name(service), _NOWHERE)
        if own and (service in self._only_here or not key.only_here):
            return Whereabouts(own, service in self._only_here)
        return key

    def address_of(self, client_id: str) -> str | None:
        """Return the address of the service with this client id: of one that registered, else of the inventory."""
        for agent, structure in self._agents.items():
            address = f"/{agent}/{client_id}"
            if address in structure.types:
                return address
        return self._by_client_id.get(client_id)

    def guards(self, service: str) -> bool:
        """Tell whether this gateway stands in front of the access point of a service: its calls pass here."""
        return service.split("/", 2)[1] in self.agents

    def is_bound(self, ip: str) -> bool:
        """Tell whether the kernel lets only one link address have a network address."""
        return ip in self._bound

    def knows_below(self, node: str) -> bool:
        """Tell whether the structure has been read of which a node is part: then `subtree` leaves nothing out.

        What an owner of a virtual node has below it is in no structure, and its owner's own.
        """
        structure = self._agent_of(node)
        if structure is None:
            return False
        service = service_of(node)
        return service in structure.types or service in structure.children or node.count("/") < _SERVICE_SEGMENTS

    def subtree(self, node: str, depth: int) -> Iterator[str]:
        """Yield `node` and the known nodes up to `depth` levels below it; -1 means all."""
        yield node
        structure = self._agent_of(node)
        if depth == 0 or structure is None:
            return
        for child in structure.children.get(node, ()):
            yield from self.subtree(child, depth - 1)
