"""Type search and the structure that agents exchange (source: vsl-rest, section 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from tests.site.knowledge_agent.errors import KnowledgeAgentError
from tests.site.knowledge_agent.nodes import Node

TYPE_PROVIDER = "type"


class StructureNode(msgspec.Struct, rename="camel"):
    """A node as another agent learns of it: everything but its value."""

    reader_ids: list[str]
    writer_ids: list[str]
    restrictions: str
    types: list[str]
    cache_parameters: str = ""
    children: dict[str, StructureNode] = {}


class StructureRequest(msgspec.Struct, rename="camel"):
    """Body of `/ka/requestKorUpdate`."""

    agent_id: str = ""
    hash_from: str = ""


class StructureUpdate(msgspec.Struct, rename="camel"):
    """Answer to `/ka/requestKorUpdate`: the whole local structure in one go."""

    hash_from: str
    hash_to: str
    added_nodes: dict[str, StructureNode]
    removed_nodes: list[Any]
    agent_name: str


def structure_update(agent: str, root: Node, request: StructureRequest) -> StructureUpdate:
    """Return the structure of an agent, whatever state the asker has."""
    structure = _structure(root)
    digest = hashlib.sha256(msgspec.json.encode(structure)).hexdigest()
    return StructureUpdate(request.hash_from, digest, {root.address: structure}, [], agent)


def _structure(node: Node) -> StructureNode:
    return StructureNode(
        sorted(node.readers),
        sorted(node.writers),
        node.restriction_text,
        node.types,
        children={name: _structure(child) for name, child in node.children.items()},
    )


def types_of(update: StructureUpdate) -> dict[str, list[str]]:
    """Return address to types for every node of a structure."""
    found: dict[str, list[str]] = {}
    waiting = list(update.added_nodes.items())
    while waiting:
        address, node = waiting.pop()
        found[address] = node.types
        waiting += [(f"{address}/{name}", child) for name, child in node.children.items()]
    return found


def search(query: str, structures: Iterable[StructureUpdate]) -> str:
    """Answer `type/a//type/b`: the sorted addresses that have all types, joined by `//`; empty if there are none."""
    known = [types_of(structure) for structure in structures]
    found: set[str] | None = None
    for part in query.split("//"):
        provider, _, type_id = part.strip("/").partition("/")
        if provider != TYPE_PROVIDER:
            raise KnowledgeAgentError(422, f"Unknown search provider: {provider}")
        having = {address for types in known for address, own in types.items() if f"/{type_id}" in own}
        found = having if found is None else found & having
    return "//".join(sorted(found or ()))
