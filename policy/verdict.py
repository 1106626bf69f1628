"""What was decided about one call, and why."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from models.access import Access
from models.score import Score


class Action(StrEnum):
    """What happens to a call, in rising severity."""

    FORWARD = "forward"
    BLOCK = "block"
    QUARANTINE = "quarantine"


class Mode(StrEnum):
    """How far a verdict is enforced."""

    LEARN = "learn"
    MONITOR = "monitor"
    ENFORCE = "enforce"


class Strength(StrEnum):
    """How well a sender's identity is established, strongest first."""

    CERTIFICATE = "certificate"
    MAC_AND_IP = "mac-and-ip"
    API_TOKEN = "api-token"  # noqa: S105 -- the name of a kind of evidence
    """The call carries a token that the inventory has for the service."""
    IP = "ip"
    VOUCHED = "vouched"
    """An access point says so: the owner of a node of which it relays a notification, or the service for which a peer
    calls. The network address is then not the sender's."""
    UNKNOWN = "unknown"


class Sender(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who makes a call."""

    address: str
    """Service instance address, e.g. `/agent1/lightcontrol1`; for an unknown sender `ip:<network address>`."""
    service_type: str | None
    strength: Strength
    ip: str
    """Network address the call came from, IPv4 or IPv6 text."""
    client_id: str | None = None
    """Client id in the middleware's own terms."""
    inferred: str | msgspec.UnsetType = msgspec.UNSET
    """What the service type was inferred from, e.g. `its host name`; unset where somebody vouches for the type."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A reason to refuse that is known before any score: a broken rule of the protocol, of identity, of the gateway."""

    code: str
    """Stable, hyphenated; listed in `docs/refusals.md`."""
    detail: str
    """In plain words, for the audit log."""
    every_mode: bool
    """True: holds in learn and monitor too (ambiguous framing, forged identity). False: obeys the mode."""


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call as it arrives at the judge: all or nothing, the worst of its accesses decides."""

    sender: Sender
    accesses: tuple[Access, ...]
    time: int
    """Event time in milliseconds since the epoch."""
    refusal: Refusal | None = None
    request: str = ""
    """The call in the middleware's words, for the audit, e.g. `PUT /vsl/agent1/lightcontrol1/lightOn`."""
    may_quarantine: bool = True
    """False where the sender does not answer for the call, as for a notification that its access point relays."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was decided about a call; holds all that the audit log records."""

    id: str
    """Unique, sortable by time; the reference a refused caller or an operator quotes."""
    call: Call
    action: Action
    would_be: Action
    """What enforce mode would have done."""
    alert: bool
    mode: Mode
    reason: str
    """`normal`, `anomalous`, `allowed-by-rule`, `quarantined`, or a refusal's code."""
    scores: tuple[Score, ...]
    """One per access, in order; empty where the call was refused before scoring."""
    worst: int
    """Index of the deciding access and score; -1 where there is none."""
    threshold: float | None
    """The AV threshold that was met (or, for a forward, the one that would have blocked)."""
    policy_revision: str
    rule: str | None = None
    """Name of the policy's rule that decided, or that marks the call."""
    repeats: int = 0
    """Refused calls of the sender that together were too many; 0 where that decided nothing."""
    lifted: bool = False
    """Whether a rule lifted a refusal, which `call.refusal` tells: such a call teaches in no mode."""

    @property
    def forwarded(self) -> bool:
        """Whether the call may leave the gateway."""
        return self.action is Action.FORWARD

    @property
    def score(self) -> Score | None:
        """The deciding score."""
        return self.scores[self.worst] if self.worst >= 0 else None
