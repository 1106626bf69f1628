"""Transactions that services have open, so that one of which a write was refused is not committed without it.

A service locks a subtree, writes inside it, and commits: all or nothing. Where the gateway refused one of the writes,
the commit is refused, and the gateway rolls back in the service's name, so that the subtree is not left locked.

Each worker has a table of its own, in memory. A sender is at one worker as long as it calls from one address: what it
begins over IPv4 and goes on with over IPv6, or across a restart of the worker, is not followed (docs/adr/0013).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

import msgspec

from models.access import Access, Operation
from policy.verdict import Refusal
from proxy.decoders.refusals import ambiguous

MOST_SENDERS = 4096
"""Senders with open transactions; whose are the oldest gives way, unless a write of theirs was refused."""
MOST_OF_ONE = 16
"""Open transactions of one sender; its oldest gives way of which no write was refused."""
LIFE_SECONDS = 60.0
"""The longest that access points keep a lock."""
_WRITES = frozenset({Operation.SET, Operation.SET_STREAM})
"""What a lock holds back until the commit."""
_BOUNDS = frozenset({Operation.LOCK, Operation.COMMIT, Operation.ROLLBACK})


class _NoRoom(Exception):
    """Everything that could give way holds a refused write."""


class Transaction(msgspec.Struct):
    """One open transaction."""

    until: float
    """Monotonic time at which its lock has ended by itself."""
    refused: str = ""
    """Id of the verdict that refused a write inside it; empty while none was."""


class Transactions:
    """The open transactions of all senders at one worker, by what `identity_of` a sender is and the locked root.

    So a service has its own also where it calls another access point: agents know it by the same name.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with none open; `clock` is monotonic time in seconds."""
        self._clock = clock
        self._open: OrderedDict[str, dict[str, Transaction]] = OrderedDict()
        self.evictions = 0
        """Transactions that were forgotten before their time because there were too many."""

    def __len__(self) -> int:
        """Return how many are open, ones included that have ended by themselves and were not looked at since."""
        return sum(map(len, self._open.values()))

    def objection(self, sender: str, accesses: Sequence[Access]) -> Refusal | None:
        """Return why a call must not be forwarded: it would commit a transaction of which a write was refused.

        That is a commit, and also a lock above or below one's own, which commits that first; and one more lock, if that
        could be followed only by forgetting of another transaction that a write in it was refused.
        """
        root = self._spoilt(sender, accesses) if sender in self._open else None
        if root is None:
            if accesses and accesses[0].operation is Operation.LOCK:
                try:
                    self._giving_way(sender, accesses[0].node)
                except _NoRoom:
                    detail = "there are too many transactions of which a write was refused; they are to be ended first"
                    return ambiguous("transactions-full", detail)
            return None
        verdict = self._open[sender][root].refused
        detail = f"a write in the transaction on {root} was refused (verdict {verdict}), so that it is rolled back"
        return ambiguous("transaction-refused", detail)

    def refused(self, sender: str, accesses: Sequence[Access], verdict: str, *, reads: bool) -> str | None:
        """Take note of a call that was refused.

        Args:
            sender: Whose call it was.
            accesses: What the call meant; nothing where that is not known.
            verdict: Id of the verdict.
            reads: Whether a call of which the meaning is not known can write nothing.

        Returns:
            The root of the transaction that is to be rolled back, if the call was to end one.
        """
        if sender not in self._open:
            return None
        if accesses and accesses[0].operation in _BOUNDS:
            root = self._spoilt(sender, accesses)
            if root is None and accesses[0].operation is Operation.COMMIT and self._live(sender, accesses[0].node):
                root = accesses[0].node
            if root is not None:
                self._close(sender, root)
            return root
        written = [access.node for access in accesses if access.operation in _WRITES]
        for root, transaction in self._open[sender].items():
            inside = any(_covers(root, node) for node in written)
            if not transaction.refused and (inside or (not accesses and not reads)):
                transaction.refused = verdict
        return None

    def forwarded(self, sender: str, accesses: Sequence[Access]) -> Callable[[bool], None] | None:
        """Take note of a call that goes to the access point.

        A lock counts from here on: the access point calls the service back before it answers. There must have been no
        `objection` to it.

        Returns:
            What to call with whether the access point accepted it, where that matters here.
        """
        if len(accesses) != 1 or (access := accesses[0]).operation not in _BOUNDS:
            return None
        root = access.node
        if access.operation is not Operation.LOCK:
            return lambda accepted: self._close(sender, root) if accepted else None
        fresh = self._live(sender, root) is None
        if fresh:
            self._add(sender, root)

        def answered(accepted: bool) -> None:  # noqa: FBT001 -- called by the HTTP layer, as its `conclude`
            if accepted:
                self._locked(sender, root)
            elif fresh:
                self._close(sender, root)

        return answered

    def _locked(self, sender: str, root: str) -> None:
        """A lock was given: those above and below it were committed, and its life begins."""
        for other in list(self._open.get(sender, ())):
            if other != root and (_covers(root, other) or _covers(other, root)):
                self._close(sender, other)
        transaction = self._live(sender, root)
        if transaction is not None:
            transaction.until = self._clock() + LIFE_SECONDS

    def _spoilt(self, sender: str, accesses: Sequence[Access]) -> str | None:
        """Return the root of the transaction with a refused write that a call would commit."""
        if not accesses:
            return None
        operation, node = accesses[0].operation, accesses[0].node
        for root, transaction in self._alive(sender):
            if not transaction.refused:
                continue
            if operation is Operation.COMMIT and node == root:
                return root
            if operation is Operation.LOCK and node != root and (_covers(root, node) or _covers(node, root)):
                return root
        return None

    def _alive(self, sender: str) -> Iterator[tuple[str, Transaction]]:
        now = self._clock()
        for root, transaction in self._open.get(sender, {}).items():
            if transaction.until > now:
                yield root, transaction

    def _live(self, sender: str, root: str) -> Transaction | None:
        transaction = self._open.get(sender, {}).get(root)
        return transaction if transaction is not None and transaction.until > self._clock() else None

    def _add(self, sender: str, root: str) -> None:
        whose, which = self._giving_way(sender, root)
        for other in which:
            self.evictions += self._live(whose, other) is not None
            self._close(whose, other)
        own = self._open.setdefault(sender, {})
        self._open.move_to_end(sender)
        own.pop(root, None)
        own[root] = Transaction(self._clock() + LIFE_SECONDS)

    def _giving_way(self, sender: str, root: str) -> tuple[str, tuple[str, ...]]:
        """Return whose transactions, and which, are forgotten for one more; as a rule none. Looks at all if it is full.

        Raises:
            _NoRoom: of each a write was refused.
        """
        own = self._open.get(sender)
        if own is None:
            if len(self._open) < MOST_SENDERS:
                return "", ()
            for other, theirs in self._open.items():
                if not any(map(self._holds_refused_write, theirs.values())):
                    return other, tuple(theirs)
        elif root in own or len(own) < MOST_OF_ONE:
            return "", ()
        else:
            for other, transaction in own.items():
                if not self._holds_refused_write(transaction):
                    return sender, (other,)
        raise _NoRoom

    def _holds_refused_write(self, transaction: Transaction) -> bool:
        return bool(transaction.refused) and transaction.until > self._clock()

    def _close(self, sender: str, root: str) -> None:
        own = self._open.get(sender)
        if own is None:
            return
        own.pop(root, None)
        if not own:
            del self._open[sender]


def _covers(root: str, node: str) -> bool:
    """Tell whether a node is the root of a subtree or below it."""
    return node == root or node.startswith(f"{root}/")
