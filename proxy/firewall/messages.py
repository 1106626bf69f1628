"""What crosses between the gateway and its firewall helper, as plain values that check themselves when decoded."""

from __future__ import annotations

import msgspec

from proxy.firewall.commands import Command
from proxy.firewall.nftables import (
    Applied,
    Counter,
    FirewallError,
    FullSetError,
    LibraryMissingError,
    NotInstalledError,
    ProtectedAddressError,
)

READY_NUMBER = 0
"""Number of the answer that nobody asked for: the first, when libnftables is open, or is not to be had."""


class ReadCounters(msgspec.Struct, frozen=True, tag=True):
    """What do the table's counters say?"""


class ReadChanges(msgspec.Struct, frozen=True, tag=True):
    """Which parts of the table did somebody change?"""


class Request(msgspec.Struct, frozen=True):
    """A command or a question, with a number that its answer bears."""

    number: int
    wanted: Command | ReadCounters | ReadChanges


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Libnftables is open."""


class Counters(msgspec.Struct, frozen=True, tag=True):
    """The table's counters by name."""

    values: dict[str, Counter]


class Changes(msgspec.Struct, frozen=True, tag=True):
    """The parts of the table that somebody changed."""

    parts: tuple[str, ...]


class Failure(msgspec.Struct, frozen=True, tag=True):
    """It could not be done; `kind` is the name of the error's class."""

    kind: str
    text: str


type Outcome = Ready | Applied | Counters | Changes | Failure


class Answer(msgspec.Struct, frozen=True):
    """What a request came to."""

    number: int
    outcome: Outcome


_ERRORS: dict[str, type[FirewallError]] = {
    kind.__name__: kind
    for kind in (FirewallError, LibraryMissingError, NotInstalledError, FullSetError, ProtectedAddressError)
}
_requests = msgspec.msgpack.Decoder(Request)
_answers = msgspec.msgpack.Decoder(Answer)


def encoded(message: Request | Answer) -> bytes:
    """Return a message as bytes."""
    return msgspec.msgpack.encode(message)


def read_request(data: bytes) -> Request:
    """Return a request.

    Raises:
        msgspec.MsgspecError: when it is none, or one of its values is not what it should be.
    """
    return _requests.decode(data)


def read_answer(data: bytes) -> Answer:
    """Return an answer.

    Raises:
        msgspec.MsgspecError: when it is none.
    """
    return _answers.decode(data)


def failure_of(error: Exception) -> Failure:
    """Return an error as it crosses: as what it is where both sides know that, else as its nearest of kin."""
    for kind in type(error).__mro__:
        if kind.__name__ in _ERRORS:
            return Failure(kind.__name__, str(error))
    return Failure(FirewallError.__name__, f"{type(error).__name__}: {error}")


def error_of(failure: Failure) -> FirewallError:
    """Return the error that crossed."""
    return _ERRORS.get(failure.kind, FirewallError)(failure.text)
