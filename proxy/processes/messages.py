"""Everything that passes between the supervisor and a worker, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from models.replica import Sighting
from policy.escalation import PastQuarantine
from policy.quarantine import QuarantineEntry
from proxy.inference import Hint
from proxy.registry import AgentStructure
from proxy.revocation import Revocations


class Begin(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """All that a worker needs to serve; it reads no configuration, so that it runs what the supervisor checked."""

    number: int
    """Which worker it is, from 0."""
    document: bytes
    """`gateway.yaml`, checked, as JSON (`proxy.processes.documents`); its paths are relative to where both run."""
    policy: bytes
    """`policy.yaml`, checked, as JSON."""
    revision: str
    """Of the policy."""
    inventory: bytes
    """`inventory.yaml`, checked, as JSON."""
    state: bytes
    """What the models know and remember (`Analyzer.dump`); empty for nothing."""
    start: int
    """Event time, ms since the epoch, at ..."""
    origin: float
    """... this reading of the monotonic clock, which all processes of a machine share; seconds."""
    structures: Mapping[str, AgentStructure]
    """What is known of each access point."""
    mappings: Mapping[str, bytes] = {}
    """By agent the checked mapping, as JSON, of each access point that has one (`proxy.mappings`)."""
    quarantines: Sequence[QuarantineEntry]
    history: Sequence[PastQuarantine] = ()
    """Who was quarantined before."""
    ready: Sequence[str] = ()
    """Service types that may be enforced where the policy leaves that to their readiness."""
    revocations: Revocations = Revocations()
    """Certificates that are good no more."""
    hints: Mapping[str, Hint] = {}
    """What is known of network addresses beside their calls."""


class Knows(msgspec.Struct, frozen=True, tag=True):
    """The structure of an access point was read."""

    agent: str
    structure: AgentStructure


class Maps(msgspec.Struct, frozen=True, tag=True):
    """An access point has another mapping from now on; connections to it end."""

    agent: str
    mapping: bytes
    """As in `Begin`."""


class Refreshed(msgspec.Struct, frozen=True, tag=True):
    """The structure was read, or could not be, after a registration; it has been told before."""

    ticket: int


class Follow(msgspec.Struct, frozen=True, tag=True):
    """The node's knowledge changed (`models.replica.decode`)."""

    step: bytes


class Judge(msgspec.Struct, frozen=True, tag=True):
    """Judge by another policy from now on."""

    policy: bytes
    revision: str


class Ready(msgspec.Struct, frozen=True, tag=True):
    """These service types may be enforced from now on, and no others (mode auto)."""

    service_types: Sequence[str]


class Hold(msgspec.Struct, frozen=True, tag=True):
    """A sender was quarantined at another worker, or by hand."""

    entry: QuarantineEntry


class Free(msgspec.Struct, frozen=True, tag=True):
    """A sender's quarantine was ended by hand."""

    identity: str


class Revoke(msgspec.Struct, frozen=True, tag=True):
    """These certificates, and no others, are good no more: connections on which they were shown end."""

    revocations: Revocations


class Hinted(msgspec.Struct, frozen=True, tag=True):
    """What is known of network addresses beside their calls: types are inferred from it (`proxy.inference`)."""

    by_address: Mapping[str, Hint]


class Stop(msgspec.Struct, frozen=True, tag=True):
    """End: hand over what was learnt, and close the audit log."""


ToWorker = Begin | Knows | Maps | Refreshed | Follow | Judge | Ready | Hold | Free | Revoke | Hinted | Stop


class Serving(msgspec.Struct, frozen=True, tag=True):
    """All listeners are open."""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The worker cannot serve; one line for each reason, with its remedy."""

    problems: list[str]


class TypeStatus(msgspec.Struct, frozen=True):
    """How far the model of one service type is."""

    mode: str
    """The effective mode."""
    instance_minutes: int
    relationships: int
    told: int = 0
    """How many of these instance-minutes were not learnt here, but told by the federation."""


class Beat(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The worker is alive; counts since its start."""

    pid: int
    event_time: int
    """Milliseconds since the epoch."""
    service_types: dict[str, TypeStatus]
    connections: int
    quarantined: int
    forwarded: int
    refused: int
    broken: int
    """Times the worker itself failed."""
    unseen: int
    """Sightings of candidates that there was no room for."""
    audit_pending: int
    audit_lost: int
    audit_error: str | None
    """Why the latest attempt to write its audit log failed; None while it works."""


class Minute(msgspec.Struct, frozen=True, tag=True):
    """The worker closed a minute, or ends."""

    content: bytes
    """Its report (`models.node.REPORT`); of the paper's scoring, which has one worker, all that it knows."""


class Seen(msgspec.Struct, frozen=True, tag=True):
    """Candidates were shown."""

    sightings: list[Sighting]


class Quarantined(msgspec.Struct, frozen=True, tag=True):
    """A verdict quarantined its sender; it is refused here already."""

    entry: QuarantineEntry


class Sighted(msgspec.Struct, frozen=True, tag=True):
    """A sender was seen at a network address; told again now and then while it is."""

    ip: str
    identity: str
    """`policy.quarantine.identity_of` the sender."""
    address: str
    """Its service address, as the access point knows it; or `ip:<network address>`."""


class Registered(msgspec.Struct, frozen=True, tag=True):
    """A service registered at an access point; its answer waits for `Refreshed`."""

    agent: str
    ticket: int


class Missed(msgspec.Struct, frozen=True, tag=True):
    """A call named a node or a service of this agent that is not in its structure. Nobody waits for an answer."""

    agent: str


class InForce(msgspec.Struct, frozen=True, tag=True):
    """A policy is in force."""

    revision: str


ToSupervisor = Serving | Failed | Beat | Minute | Seen | Quarantined | Sighted | Registered | Missed | InForce
