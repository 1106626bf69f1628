"""What every decoder takes and gives."""

from __future__ import annotations

from typing import Protocol

import msgspec

from models.access import Access
from policy.verdict import Refusal, Sender

Headers = tuple[tuple[str, str], ...]
"""Header fields in order; names in lower case."""


class Request(msgspec.Struct, frozen=True):
    """One HTTP request as the HTTP layer parsed it, whole."""

    method: str
    target: str
    """The request target as it stood in the request line."""
    headers: Headers
    body: bytes


class Outbound(msgspec.Struct, frozen=True):
    """The canonical re-serialisation of what was judged: exactly this is sent, and nothing else."""

    method: str
    target: str
    headers: Headers
    body: bytes


class Decoded(msgspec.Struct, frozen=True):
    """What a request means."""

    accesses: tuple[Access, ...] = ()
    outbound: Outbound | None = None
    """None where there is nothing that could be sent safely in any mode."""
    refusal: Refusal | None = None
    opens_callbacks: bool = False
    """The request opens the channel on which the access point calls the service back."""
    registers: bool = False
    """On success the access point has new nodes."""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer of our own."""

    status: int
    headers: Headers
    body: bytes


class Decoder(Protocol):
    """Translates one middleware."""

    def decode(self, request: Request, sender: Sender, now: int, delegation: str | None) -> Decoded:
        """Decode a request of `sender` at event time `now` (ms).

        Never raises on hostile input: what cannot be understood comes back as a refusal. `delegation` is the
        credential with which the access point accepts the call in the sender's name, None where it needs none.
        """
        ...

    def exchange(self, request: Request, sender: Sender, now: int, delegation: str) -> Decoded:
        """Decode what a peer of the access point asks for itself; otherwise as `decode`."""
        ...

    def rollback(self, address: str, delegation: str | None) -> Outbound:
        """Return the request that ends, without effect, the transaction of whose credential that is on `address`."""
        ...

    def refuse(self, method: str) -> Answer:
        """Return the answer that services of this middleware understand as "not allowed"."""
        ...

    def unavailable(self, method: str, message: str) -> Answer:
        """Return the answer for a call that the gateway could not judge or the access point did not answer."""
        ...
