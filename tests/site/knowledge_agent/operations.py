"""What a Knowledge Agent does with its nodes (source: vsl-rest, section 4.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from models.simulation.service_models import ModelNode
from tests.site.knowledge_agent import lists
from tests.site.knowledge_agent.callbacks import CallbackHub
from tests.site.knowledge_agent.errors import KnowledgeAgentError, TransportError
from tests.site.knowledge_agent.identity import Identity
from tests.site.knowledge_agent.locks import Lock, LockTable, covers
from tests.site.knowledge_agent.messages import NodeMessage, OperationMessage
from tests.site.knowledge_agent.nodes import Node, NodeTree, View, not_found, read
from tests.site.knowledge_agent.streams import Streams
from tests.site.knowledge_agent.subscriptions import Subscription, SubscriptionTable

SUBSCRIPTION_REFUSED = 505
LOCK_LIFETIME = 30.0
LOCK_WARNING = 30.0
"""Seconds; the stock agent's initial defaults, so that the warning comes at the first check."""
LOCK_CHECK = 1.0


@dataclass(frozen=True)
class VirtualNode:
    """A node whose owner answers for it."""

    owner: str
    callback_id: str


class Operations:
    """The operations on local nodes; all raise KnowledgeAgentError with the code and text of the stock agent."""

    def __init__(
        self, tree: NodeTree, hub: CallbackHub, models: Mapping[str, ModelNode], now: Callable[[], int]
    ) -> None:
        """Work on `tree`, reach services through `hub`, register services of these models; `now` stamps writes, ms."""
        self._tree = tree
        self._hub = hub
        self._models = models
        self._now = now
        self._locks = LockTable()
        self._subscriptions = SubscriptionTable()
        self._virtual: dict[str, VirtualNode] = {}
        self.streams = Streams()
        self._watches: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Stop watching locks."""
        for watch in self._watches:
            watch.cancel()

    def register(self, caller: Identity, model_id: str) -> str:
        """Make the caller's nodes, if there are none yet; return their root address."""
        if not model_id:
            return self._tree.root.address
        model = self._models.get(model_id)
        if model is None:
            raise KnowledgeAgentError(404, f"The model with the ID {model_id} could not be found")
        return self._tree.instantiate(caller.client_id, model, caller.client_id).address

    def unregister(self, caller: Identity) -> None:
        """Remove the caller's virtual node handlers; its nodes and data stay."""
        for address in [address for address, virtual in self._virtual.items() if virtual.owner == caller.client_id]:
            del self._virtual[address]

    async def get(self, caller: Identity, address: str, view: View) -> NodeMessage:
        """Return what the caller may see of a node."""
        virtual = self._virtual_above(address)
        if virtual is None:
            listed = lists.operate(self._tree.root, address.split("/")[2:], caller, self._models)
            return read(self._tree.find(address), caller, view) if listed is None else NodeMessage(value=listed)
        answer = await self._hub.call(virtual.owner, virtual.callback_id, address, "VGET", identity=caller)
        return answer or NodeMessage()

    async def get_stream(self, caller: Identity, address: str) -> bytes:
        """Return what the owner of a virtual node sends for it."""
        return await self._stream(caller, address, None)

    async def set_stream(self, caller: Identity, address: str, data: bytes) -> None:
        """Have the owner of a virtual node fetch what the caller sends."""
        await self._stream(caller, address, data)

    async def _stream(self, caller: Identity, address: str, data: bytes | None) -> bytes:
        virtual = self._virtual_above(address)
        if virtual is None:
            raise not_found(address)
        waiting: list[asyncio.Future[bytes] | asyncio.Future[None]] = []

        def expect(serial: int) -> None:
            name = f"{virtual.callback_id}-{serial}"
            waiting.append(self.streams.await_from(name) if data is None else self.streams.offer(name, data))

        kind = "VGET_STREAM" if data is None else "VSET_STREAM"
        await self._hub.call(virtual.owner, virtual.callback_id, address, kind, identity=caller, before=expect)
        try:
            async with asyncio.timeout(self._hub.timeout):
                return await waiting[0] or b""
        except TimeoutError as error:
            raise KnowledgeAgentError(500, f"operation took longer than {self._hub.timeout:g} s") from error

    async def set(self, caller: Identity, address: str, message: NodeMessage) -> None:
        """Write all values of the message, or none."""
        virtual = self._virtual_above(address)
        if virtual is not None:
            await self._hub.call(virtual.owner, virtual.callback_id, address, "VSET", identity=caller, data=message)
            return
        self._tree.find(address)
        writes = [(self._writable(caller, node), value) for node, value in _values(address, message)]
        for node, value in writes:
            node.check(value)
        self._locks.check_write(address, caller.client_id)
        for node, value in writes:
            buffer = self._locks.buffer_of(node.address, caller.client_id)
            if buffer is None:
                node.write(value, self._now())
            else:
                buffer[node.address] = value
            self._tell(node.address)

    async def post(self, caller: Identity, address: str, depth: int, message: OperationMessage) -> None:
        """Perform one of the operations that are POSTed to a node."""
        match message.operation:
            case "NOTIFY":
                self._tree.find(address)
                self._tell(address)
            case "SUBSCRIBE":
                self._readable(caller, address)
                await self._tell_owner("VSUBSCRIBE", address)
                callback_id = message.callback_id or ""
                self._subscriptions.add(Subscription(caller.client_id, address, callback_id, depth))
            case "UNSUBSCRIBE":
                self._subscriptions.remove(caller.client_id, address, depth)
                await self._tell_owner("VUNSUBSCRIBE", address)
            case "LOCK_SUBTREE":
                await self._lock(caller, address, message.callback_id)
            case "COMMIT_SUBTREE":
                self._commit(self._locks.release(self._tree.find(address).address, caller.client_id))
            case "ROLLBACK_SUBTREE":
                self._locks.release(self._tree.find(address).address, caller.client_id)
            case "REGISTER_VIRTUAL_NODE":
                self._owned(caller, address)
                self._virtual[address] = VirtualNode(caller.client_id, message.callback_id or "")
            case "UNREGISTER_VIRTUAL_NODE":
                self._owned(caller, address)
                self._virtual.pop(address, None)
            case _:
                raise TransportError(400)

    async def _lock(self, caller: Identity, address: str, callback_id: str | None) -> None:
        node = self._tree.find(address)
        if not (caller.admitted_by(node.readers) or caller.admitted_by(node.writers)):
            raise KnowledgeAgentError(403, f"[{caller.client_id}] has no permission to lock node at {address}")
        expires = asyncio.get_running_loop().time() + LOCK_LIFETIME
        lock = Lock(address, caller.client_id, callback_id, expires)
        for released in self._locks.add(lock):
            self._commit(released)
        if callback_id is not None:
            try:
                await self._hub.call(caller.client_id, callback_id, address, "LOCK_AQUIRED")
            except KnowledgeAgentError:
                self._locks.drop(lock)
                raise
        watch = asyncio.create_task(self._watch(lock))
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    async def _watch(self, lock: Lock) -> None:
        await asyncio.sleep(LOCK_CHECK)
        while any(held is lock for held in self._locks):
            remaining = lock.expires - asyncio.get_running_loop().time()
            if remaining <= 0:
                self._locks.drop(lock)
                self._warn(lock, "LOCK_EXPIRED")
            elif remaining <= LOCK_WARNING and not lock.warned:
                lock.warned = True
                self._warn(lock, "LOCK_WILL_EXPIRE")
            await asyncio.sleep(LOCK_CHECK)

    def _warn(self, lock: Lock, kind: str) -> None:
        if lock.callback_id is not None:
            self._hub.notify(lock.holder, lock.callback_id, lock.address, kind)

    def _commit(self, lock: Lock) -> None:
        for address, value in lock.writes.items():
            self._tree.find(address).write(value, self._now())

    def _tell(self, address: str) -> None:
        for subscription in self._subscriptions.of(address):
            self._hub.notify(subscription.client_id, subscription.callback_id, address)

    async def _tell_owner(self, kind: str, address: str) -> None:
        """Tell the owner of a virtual node of subscribers; raise KnowledgeAgentError 505 if it refuses."""
        virtual = self._virtual_above(address)
        if virtual is None:
            return
        try:
            await self._hub.call(virtual.owner, virtual.callback_id, address, kind)
        except KnowledgeAgentError as error:
            raise KnowledgeAgentError(SUBSCRIPTION_REFUSED, error.message) from error

    def _virtual_above(self, address: str) -> VirtualNode | None:
        return next((virtual for root, virtual in self._virtual.items() if covers(root, address)), None)

    def _readable(self, caller: Identity, address: str) -> None:
        read(self._tree.find(address), caller, View())

    def _writable(self, caller: Identity, address: str) -> Node:
        node = self._tree.find(address)
        if not caller.admitted_by(node.writers):
            raise KnowledgeAgentError(403, f"[{caller.client_id}] cannot write node at {address}, nothing changed.")
        return node

    def _owned(self, caller: Identity, address: str) -> None:
        self._tree.find(address)
        if not covers(f"{self._tree.root.address}/{caller.client_id}", address):
            raise KnowledgeAgentError(403, f"[{caller.client_id}] may not register a virtual node at {address}")


def _values(address: str, message: NodeMessage) -> Iterator[tuple[str, str]]:
    """Yield what a set message writes: (node address, text)."""
    if message.value is not None:
        yield address, message.value
    for name, child in (message.children or {}).items():
        yield from _values(f"{address}/{name}", child)
