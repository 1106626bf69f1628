"""The node tree of one agent: structure, values, access rights (source: vsl-rest, sections 2.2, 3.1 and 6)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from models.simulation.service_models import COMPOSED, ModelNode
from tests.site.knowledge_agent.errors import KnowledgeAgentError
from tests.site.knowledge_agent.identity import SYSTEM, Identity
from tests.site.knowledge_agent.messages import NodeMessage


class Node:
    """One node of the tree."""

    __slots__ = (
        "address", "children", "parent", "readers", "restrictions", "timestamp", "types", "value", "version", "writers",
    )  # fmt: skip

    def __init__(self, address: str, model: ModelNode, creator: str, parent: Node | None) -> None:
        """Make the node and all below it; besides those whom the model names, its creator may read and write."""
        self.address = address
        self.parent = parent
        self.types = list(model.types)
        self.restrictions = dict(model.restrictions)
        self.value = model.value
        self.timestamp: int | None = None
        self.version = 0
        self.readers = frozenset({creator, SYSTEM, *model.readers})
        self.writers = frozenset({creator, SYSTEM, *model.writers})
        self.children = {
            name: Node(f"{address}/{name}", child, creator, self) for name, child in model.children.items()
        }

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()

    def write(self, value: str, now: int) -> None:
        """Take a new value at real time `now` (ms); the version counts up here and in all above, up to the service."""
        self.value = value
        self.timestamp = now
        node: Node | None = self
        while node is not None:
            node.version += 1
            node = node.parent

    def check(self, value: str) -> None:
        """Raise KnowledgeAgentError 422 if the value violates a restriction."""
        low, high = self.restrictions.get("minimumValue"), self.restrictions.get("maximumValue")
        pattern = self.restrictions.get("regularExpression")
        within = pattern is None or re.fullmatch(pattern, value) is not None
        if within and (low is not None or high is not None):
            number = int(value) if re.fullmatch(r"-?\d+", value) else None
            within = (
                number is not None and (low is None or number >= int(low)) and (high is None or number <= int(high))
            )
        if not within:
            raise KnowledgeAgentError(
                422, f"Invalid value: {value} for restriction: {self.restriction_text} at node: {self.address}"
            )

    @property
    def restriction_text(self) -> str:
        """The restrictions as a model writes them, e.g. `minimumValue='0',maximumValue='1'`."""
        return ",".join(f"{name}='{limit}'" for name, limit in self.restrictions.items())


class NodeTree:
    """All nodes of one agent."""

    def __init__(self, agent: str) -> None:
        """Make the agent's root with its system services; only `system` may read the root itself."""
        self.root = Node(f"/{agent}", ModelNode(("/treeRoot",), readers=(), writers=()), SYSTEM, None)
        for name in ("search", "typeSearch"):
            types = (f"/searchProvider/{name}", "/system/searchProvider", COMPOSED)
            self.instantiate(name, ModelNode(types), SYSTEM)

    def instantiate(self, name: str, model: ModelNode, creator: str) -> Node:
        """Put a model's tree below the agent's root, if there is nothing of the name yet; return its root."""
        node = self.root.children.get(name)
        if node is None:
            node = self.root.children[name] = Node(f"{self.root.address}/{name}", model, creator, None)
        return node

    def find(self, address: str) -> Node:
        """Return the node at an address; raise KnowledgeAgentError 404 if there is none."""
        _, _, *names = address.split("/")
        node: Node | None = self.root
        for name in names:
            node = node.children.get(name) if node is not None else None
        if node is None:
            raise not_found(address)
        return node

    def services(self) -> Iterator[Node]:
        """Yield the root nodes of all services."""
        yield from self.root.children.values()


def not_found(address: str) -> KnowledgeAgentError:
    """Return the error for an address without a node."""
    return KnowledgeAgentError(404, f"Node not found: {address}")


class View(msgspec.Struct, frozen=True):
    """What a get wants to see."""

    depth: int = 0
    """Levels below the node; -1 is all."""
    values: bool = True
    metadata: bool = False


def read(node: Node, caller: Identity, view: View) -> NodeMessage:
    """Return what the caller may see; raise KnowledgeAgentError 403 if that is nothing."""
    seen = _visible(node, caller, view, view.depth)
    if seen is None:
        raise KnowledgeAgentError(403, f"[{caller.client_id}] cannot read node at {node.address} or any child")
    return seen


def _visible(node: Node, caller: Identity, view: View, depth: int) -> NodeMessage | None:
    readable = caller.admitted_by(node.readers)
    answer = NodeMessage()
    if depth != 0:
        children = {name: _visible(child, caller, view, depth - 1) for name, child in node.children.items()}
        answer.children = {name: child for name, child in children.items() if child is not None} or None
    if not readable:
        answer.access = "-"
        return answer if answer.children else None
    if view.values:
        answer.value = node.value
    if view.metadata:
        answer.types = node.types
        answer.timestamp = node.timestamp
        answer.version = node.version
        answer.access = None if caller.admitted_by(node.writers) else "r"
        answer.restrictions = node.restrictions or None
    return answer
