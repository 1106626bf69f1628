"""Lists, which gets change (source: vsl-rest, section 4.2)."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from types import MappingProxyType

from models.simulation.service_models import BOOLEAN, COMPOSED, NUMBER, TEXT, ModelNode
from tests.site.knowledge_agent.errors import KnowledgeAgentError
from tests.site.knowledge_agent.identity import Identity
from tests.site.knowledge_agent.nodes import Node

LIST = "/basic/list"
ADD, DELETE, ELEMENTS = "add", "del", "elements"
BASE_MODELS: Mapping[str, ModelNode] = MappingProxyType(
    {
        NUMBER: ModelNode((NUMBER,)),
        TEXT: ModelNode((TEXT,)),
        BOOLEAN: ModelNode((BOOLEAN, NUMBER), "0", {"minimumValue": "0", "maximumValue": "1"}),
        LIST: ModelNode((LIST, COMPOSED)),
    }
)
"""What can be added to a list besides what services register as."""
_NAME = re.compile(r"[a-zA-Z0-9.\-_:]+")
_NAME_LENGTH = 10
_OPERATIONS = frozenset({ADD, DELETE, ELEMENTS})


def operate(root: Node, path: list[str], caller: Identity, models: Mapping[str, ModelNode]) -> str | None:
    """Do what a get below a list asks for; return the value of its answer, None where it concerns no list.

    Args:
        root: The agent's root.
        path: Names of nodes below it, with an empty one where the address has two slashes.
        caller: Who asks.
        models: What can be added.

    Raises:
        KnowledgeAgentError: 403, 404 and 464 as the stock agent has them.
    """
    node = root
    for at, name in enumerate(path):
        if name in _OPERATIONS and LIST in node.types:
            return _operate(node, name, path[at + 1 :], caller, models)
        child = node.children.get(name)
        if child is None:
            return None
        node = child
    return None


def _operate(node: Node, what: str, rest: list[str], caller: Identity, models: Mapping[str, ModelNode]) -> str:
    if what == ELEMENTS and not rest:
        if not caller.admitted_by(node.readers):
            raise KnowledgeAgentError(403, f"[{caller.client_id}] cannot read node at {node.address} or any child")
        return ";".join(node.children)
    if not caller.admitted_by(node.writers):
        raise KnowledgeAgentError(403, f"[{caller.client_id}] cannot write node at {node.address}, nothing changed.")
    if what == DELETE and len(rest) == 1:
        if node.children.pop(rest[0], None) is None:
            raise KnowledgeAgentError(404, f"No element {rest[0]} in the list {node.address}")
        return f"Deleted {rest[0]}"
    if what == ADD:
        return _add(node, rest, caller, models)
    raise KnowledgeAgentError(404, f"Not an operation of the list {node.address}")


def _add(node: Node, rest: list[str], caller: Identity, models: Mapping[str, ModelNode]) -> str:
    wanted, _, name = "/".join(rest).partition("//")
    position, _, after = wanted.partition("/")
    at = len(node.children)
    if position.isdigit():
        at, wanted = int(position), after
    model = models.get(f"/{wanted}") or BASE_MODELS.get(f"/{wanted}")
    if model is None:
        raise KnowledgeAgentError(404, f"The model with the ID /{wanted} could not be found")
    name = name or "".join(secrets.choice(string.ascii_lowercase) for _ in range(_NAME_LENGTH))
    if not _NAME.fullmatch(name) or name in _OPERATIONS:
        raise KnowledgeAgentError(404, f"Not a name of a list element: {name}")
    if name in node.children:
        raise KnowledgeAgentError(464, f"Node already exists: {node.address}/{name}")
    elements = list(node.children.items())
    elements.insert(at, (name, Node(f"{node.address}/{name}", model, caller.client_id, node)))
    node.children = dict(elements)
    return f"{node.address}/{name}"
