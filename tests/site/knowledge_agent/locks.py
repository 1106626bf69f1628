"""Locks on subtrees, with the writes they hold back (source: vsl-rest, section 4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.site.knowledge_agent.errors import KnowledgeAgentError


@dataclass
class Lock:
    """One service's lock on the subtree at an address."""

    address: str
    holder: str
    callback_id: str | None
    expires: float
    """Real time, seconds, of the caller's clock."""
    warned: bool = False
    writes: dict[str, str] = field(default_factory=dict)
    """Buffered until the commit: node address to value."""


class LockTable:
    """All locks of one agent."""

    def __init__(self) -> None:
        """Begin without locks."""
        self._locks: dict[str, Lock] = {}

    def __iter__(self) -> Iterator[Lock]:
        """Yield the locks."""
        return iter(tuple(self._locks.values()))

    def touching(self, address: str) -> Iterator[Lock]:
        """Yield the locks on an address, above it and below it."""
        for lock in self:
            if covers(lock.address, address) or covers(address, lock.address):
                yield lock

    def add(self, lock: Lock) -> list[Lock]:
        """Take a new lock; return the holder's own ones above or below, now released, whose writes are to be done.

        Raises KnowledgeAgentError 422 if it is locked by somebody else, or twice by the same service.
        """
        touching = list(self.touching(lock.address))
        for other in touching:
            if other.holder != lock.holder:
                raise KnowledgeAgentError(422, f"node {lock.address} is already locked by another service")
            if other.address == lock.address:
                raise KnowledgeAgentError(
                    422, f"lockSubtree was issued twice by the same service at node {lock.address} is already locked"
                )
        for other in touching:
            del self._locks[other.address]
        self._locks[lock.address] = lock
        return touching

    def release(self, address: str, caller: str) -> Lock:
        """End the caller's lock on this very address; raise KnowledgeAgentError 404 or 403."""
        lock = self._locks.get(address)
        if lock is None:
            raise KnowledgeAgentError(404, f"Node {address} is not locked, cannot rollback Subtree.")
        if lock.holder != caller:
            message = (
                f"No permission to commit/release the lock, lock was acquired by {lock.holder}, your ID is {caller}"
            )
            raise KnowledgeAgentError(403, message)
        return self._locks.pop(address)

    def drop(self, lock: Lock) -> None:
        """End a lock whatever the caller; its writes are lost."""
        self._locks.pop(lock.address, None)

    def check_write(self, address: str, caller: str) -> None:
        """Raise KnowledgeAgentError 423 where another's lock keeps the caller from a set operation at this root."""
        for lock in self.touching(address):
            if lock.holder != caller:
                raise KnowledgeAgentError(
                    423, f"Error, the Root Node of the Set operation ({address}) is already locked by someone else!"
                )

    def buffer_of(self, address: str, caller: str) -> dict[str, str] | None:
        """Return the buffer that takes the caller's write, or None if it is to be done at once."""
        for lock in self:
            if lock.holder == caller and covers(lock.address, address):
                return lock.writes
        return None


def covers(root: str, address: str) -> bool:
    """Whether an address is the root of a subtree or below it."""
    return address == root or address.startswith(f"{root}/")
