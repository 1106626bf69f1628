"""Streams that a Knowledge Agent asked an owner for: only those may be opened at `/callback-stream/` (VSL, section 8).

The callback channel notes the invocation (`expect`) and the decoder of requests looks it up (`take`). Both belong to
the same worker: a sender has one, by its network address.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

SECONDS = 60.0
"""How long an invocation waits for its stream. A Knowledge Agent gives up after half of that."""
MOST_AWAITED = 256
"""Of one worker; the oldest is forgotten first."""
MOST_OF_ONE = 16
"""Of one service, so that no other's are pushed out."""


class Awaited(msgspec.Struct, frozen=True):
    """An invocation whose stream has not been opened yet."""

    address: str
    """The node that it concerns."""
    sends: bool
    """The owner sends (VGET_STREAM: it opens a PUT); else it receives (VSET_STREAM: a GET)."""
    until: float
    """Of the clock of real time, seconds."""


@dataclass
class AwaitedStreams:
    """The outstanding stream invocations of one worker.

    `clock` is of real time, as the deadline is one of the protocol, not of what is normal; in seconds, never set back.
    """

    clock: Callable[[], float] = time.monotonic
    _by_service: OrderedDict[str, OrderedDict[tuple[str, str], Awaited]] = field(default_factory=OrderedDict)
    _count: int = 0

    def __len__(self) -> int:
        return self._count

    def expect(self, service: str, invocation: tuple[str, str], address: str, *, sends: bool) -> None:
        """Note that an invocation went to the service at address `service`.

        Args:
            service: Address of the owner.
            invocation: Callback id, in the text form of a UUID, and serial as a decimal.
            address: The node.
            sends: The invocation is VGET_STREAM; VSET_STREAM otherwise.
        """
        self.forget(service, invocation)
        own = self._by_service.setdefault(service, OrderedDict())
        self._by_service.move_to_end(service)
        own[_key(invocation)] = Awaited(address, sends, self.clock() + SECONDS)
        self._count += 1
        if len(own) > MOST_OF_ONE:
            own.popitem(last=False)
            self._count -= 1
        while self._count > MOST_AWAITED:
            oldest, theirs = next(iter(self._by_service.items()))
            theirs.popitem(last=False)
            self._count -= 1
            if not theirs:
                del self._by_service[oldest]

    def take(self, service: str, invocation: tuple[str, str], *, sends: bool) -> str | None:
        """Return the node whose stream the service may open now, once; None where none is outstanding."""
        own = self._by_service.get(service)
        found = own.get(_key(invocation)) if own is not None else None
        if found is None or found.sends is not sends:
            return None
        self.forget(service, invocation)
        return found.address if self.clock() <= found.until else None

    def forget(self, service: str, invocation: tuple[str, str]) -> None:
        """Note that no stream will be opened: the service answered with an error. Unknown ones are ignored."""
        own = self._by_service.get(service)
        if own is None or own.pop(_key(invocation), None) is None:
            return
        self._count -= 1
        if not own:
            del self._by_service[service]


def _key(invocation: tuple[str, str]) -> tuple[str, str]:
    callback, serial = invocation
    return callback.lower(), serial
