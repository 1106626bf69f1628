"""What the HTTP layer asks of whoever judges: one question for each request, one for each message of a channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec
from mitmproxy.proxy import commands

from proxy.decoders.base import Answer, Outbound, Request
from proxy.http1.bad_message import BadMessage


@dataclass
class RegisteredHook(commands.StartHook):
    """A service registered, or changed a list; its answer waits until the types of the new nodes are known.

    The addon that has a method `registered` gets the agent's name.
    """

    agent: str
    name = "registered"


class Relayed(msgspec.Struct, frozen=True):
    """What becomes of one message of a callback channel. Empty bytes are not sent."""

    onward: bytes = b""
    """To the other side, as it was judged."""
    back: bytes = b""
    """To the side that it came from."""
    binary: bool = False
    """Both are sent as binary messages; else as texts."""


class Channel(Protocol):
    """Judges the messages of an open callback channel."""

    def opened(self, content_type: str | None) -> None:
        """Take the format of the messages, as the access point's answer to the upgrade names it.

        Raises:
            BadMessage: it is not one that can be judged.
        """
        ...

    def from_service(self, content: bytes, *, text: bool) -> Relayed:
        """Judge a message of the service."""
        ...

    def from_access_point(self, content: bytes, *, text: bool) -> Relayed:
        """Judge a message of the access point."""
        ...


class Ruling(msgspec.Struct, frozen=True):
    """What becomes of a request: it is answered by the gateway, or goes to the access point."""

    answer: Answer | None
    """Set: the call was refused."""
    outbound: Outbound | None
    """Set: exactly this is sent."""
    identity: str = ""
    """Who calls: an upstream connection belongs to one identity."""
    conclude: Callable[[bool], None] = lambda _accepted: None
    """To be called once, with whether the access point accepted the call."""
    channel: Channel | None = None
    """Set: the call asks for a callback channel."""
    refreshes: str | None = None
    """The agent, where the call gives it other nodes: their types are read before the answer is delivered."""
    stream: bool = False
    """The limits of streams hold for the answer."""
    lasting: bool = False
    """The answer comes when something happens: it has a longest silence, and no end."""
    undo: Outbound | None = None
    """Set with an answer: this is sent before the service gets that, whatever comes of it."""


class CallJudge(Protocol):
    """Judges what one connection brings."""

    def judge(self, request: Request) -> Ruling:
        """Judge a whole request.

        Raises:
            Exception: whatever goes wrong; the call must then be refused.
        """
        ...

    def malformed(self, problem: BadMessage, line: str, begun: Request | None = None) -> Answer:
        """Record what is no request, and return the answer to it.

        `line` is what is known of its first line, or names what else it was; `begun` is the request as far as it came,
        where its head was read.
        """
        ...

    def unavailable(self, message: str) -> Answer:
        """Return the answer to a call that could not be judged, or that the access point did not answer."""
        ...

    def broken(self, place: str, error: BaseException) -> None:
        """Record that the gateway itself failed; never raises."""
        ...

    def misbehaved(self, problem: BadMessage) -> None:
        """Record that the access point sent what it should not; never raises."""
        ...
