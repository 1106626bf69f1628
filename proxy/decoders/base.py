"""What every decoder takes and gives, and what it promises (docs/adr/0024, checked by tests/contracts).

A decoder translates one middleware's HTTP. Whatever a sender sends:

- It never raises, and its work is linear in the size of the request.
- What is sent on is written anew from what was judged: read again, it means the same accesses, and has the same form.
  The body of a call that is an unknown node as a whole is not judged, and goes on as it came where the mode lets it; so
  do its header fields where a mapping is to be learnt.
- Nothing that is not understood is harmless. A path, a method, a member or a parameter that the decoder does not know
  is a refusal; one that obeys the mode (`unknown-node`, `unsupported-...`) may have an `outbound`, one that holds in
  every mode has none. Without a refusal there is at least one access. What the middleware itself ignores may be left
  out instead; it is not sent on.
- Addresses are canonical: `/agent/service`, and nodes at or below that, without empty, `.` and `..` segments.
- A credential stands in `Outbound` alone: in no access, no refusal, no words for the audit.
- Its answers are in the form that the middleware's clients understand.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from models.access import Access
from policy.verdict import Refusal, Sender, Strength
from proxy.identity import Identity

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
    changes_nodes: bool = False
    """On success the access point has other nodes: their types are to be known before the service hears of it."""
    asked_for: bool = False
    """The access point asked the sender for it, because of somebody else's call: nobody is put in quarantine for it."""
    stream: bool = False
    """The body, of the request or of its answer, is opaque: judged by the head, counted, and bounded on its own."""
    lasting: bool = False
    """The answer comes when something happens, and may go on (server-sent events, a long poll): it has no time and no
    size as a whole, only a longest silence."""
    request: str = ""
    """The request in words for the audit, without credentials; empty where `Decoder.in_words` says it as well."""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer of our own."""

    status: int
    headers: Headers
    body: bytes


class Frame(msgspec.Struct, frozen=True):
    """What one message of a callback channel means."""

    accesses: tuple[Access, ...] = ()
    """The accesses it stands for; none where it belongs to a call that has been judged."""
    strength: Strength = Strength.VOUCHED
    """How well it is established whose accesses they are."""
    teaches: bool = False
    """Nobody else sees these accesses who could learn from them."""
    refusal: Refusal | None = None
    canonical: bytes = b""
    """What is sent on."""
    request: str = ""
    """The message in the middleware's words, for the audit."""
    correlation: tuple[str, str] | None = None
    """What an answer has in common with its invocation; None where the access point waits for nothing."""
    stream: tuple[str, bool] | None = None
    """The node whose stream the service is to open, and whether it sends."""


class FormatError(ValueError):
    """The messages of a channel have a format that cannot be judged; the text says which, and the remedy."""


class Callbacks(Protocol):
    """Translates the messages of one open callback channel."""

    @property
    def binary(self) -> bool:
        """Whether messages are binary; else they are texts."""
        ...

    def opened(self, content_type: str | None) -> None:
        """Take the format of all messages from the access point's answer to the upgrade.

        Raises:
            FormatError: it is not one that can be judged.
        """
        ...

    def from_access_point(self, content: bytes, *, text: bool, now: int) -> Frame:
        """Decode an invocation at event time `now` (ms). Never raises on hostile input."""
        ...

    def denial(self, frame: Frame, *, of_service: bool) -> bytes:
        """Return what the access point must hear of a refused frame, so that it does not wait; empty if it does not.

        `of_service`: the service's answer was refused, and not the invocation.
        """
        ...

    def passed(self, frame: Frame) -> None:
        """Note that an invocation went to the service: its answer is expected."""
        ...

    def from_service(self, content: bytes, *, text: bool) -> Frame:
        """Decode a service's answer; only one to an outstanding invocation is passed. Never raises on hostile input."""
        ...


class OnBehalf(msgspec.Struct, frozen=True, gc=False):
    """Whom a peer's request names."""

    request: Request
    """The request, without the credential that was read."""
    identity: Identity | None = None
    """Whom its only credential names; None where it has none, where it has several, and where there is a problem."""
    credentials: int = 0
    """How many there were."""
    problem: str = ""
    """Why the only credential names nobody."""
    registers: bool = False
    """The service is to be made known by it, or forgotten."""


class Agency(Protocol):
    """What a decoder has in addition where access points are agents, as in the VSL, and act in the names of services.

    They call services back on a channel, call each other for their services, and hold transactions.
    """

    def on_behalf(self, request: Request) -> OnBehalf:
        """Return whom a peer's request names. Never raises on hostile input."""
        ...

    def exchange(self, request: Request, sender: Sender, now: int, delegation: str) -> Decoded:
        """Decode what a peer of the access point asks for itself; otherwise as `Decoder.decode`."""
        ...

    def callbacks(self, service: str) -> Callbacks:
        """Return the decoder of a channel that the service at address `service` has opened."""
        ...

    def rollback(self, address: str, delegation: str | None) -> Outbound:
        """Return the request that ends, without effect, the transaction of whose credential that is on `address`."""
        ...


class Decoder(Protocol):
    """Translates one middleware."""

    @property
    def agency(self) -> Agency | None:
        """What it has in addition where access points act for services; None where they only answer."""
        ...

    def credential(self, request: Request) -> str | None:
        """Return the API token of a request, by which the inventory may know its sender; None where it has none.

        None, too, where it has several that differ: nobody is to be known by either. Never raises on hostile input.
        """
        ...

    def in_words(self, line: str) -> str:
        """Return the line of a request - method and target, as far as they came - without a credential, for the audit.

        Where it cannot be told which part is one, the target is left out. Never raises on hostile input.
        """
        ...

    def decode(self, request: Request, sender: Sender, now: int, delegation: str | None) -> Decoded:
        """Decode a request of `sender` at event time `now` (ms).

        Never raises on hostile input: what cannot be understood comes back as a refusal. `delegation` is the
        credential with which the access point accepts the call in the sender's name, None where it needs none.
        """
        ...

    def refuse(self, method: str) -> Answer:
        """Return the answer that services of this middleware understand as "not allowed"."""
        ...

    def unavailable(self, method: str, message: str) -> Answer:
        """Return the answer for a call that the gateway could not judge or the access point did not answer."""
        ...
