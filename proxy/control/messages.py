"""What passes over the control socket, as JSON."""

from __future__ import annotations

import msgspec

LONGEST_SENDER = 256
LONGEST_REASON = 500


class QuarantineState(msgspec.Struct, frozen=True, kw_only=True):
    """One quarantine, as an operator sees it."""

    identity: str
    """What calls are matched by; with it the quarantine can be deleted."""
    address: str
    ip: str
    """Network address of the call that led here; empty where none is known."""
    reason: str
    verdict: str
    """Id of the verdict that led here; empty for one by hand."""
    by: str
    """Who entered it by hand; empty where a verdict did."""
    since: float
    """Real time, seconds since the epoch; so is ..."""
    until: float
    in_kernel: bool
    """Whether the kernel drops what comes from there; if not, the gateway refuses call by call."""


class Quarantines(msgspec.Struct, frozen=True, kw_only=True):
    """All quarantines, and who can never be in one."""

    quarantines: list[QuarantineState]
    protected: list[str]
    """Service addresses and networks, from gateway.yaml, inventory.yaml and policy.yaml."""


class NewQuarantine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quarantine by hand."""

    sender: str
    """An identity, a service address or a network address."""
    reason: str
    seconds: int | None = None
    """None: as long as the policy says."""


class PolicyState(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that is in force."""

    revision: str
    mode: str


class NewPin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of what others contributed that an operator wants to hold on to."""

    service_type: str
    version: str
    """Its name, or its number, as `alleyes federation versions` shows them."""


class PinState(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force of a service type since something was pinned or unpinned."""

    service_type: str
    version: str
    """Empty where others have nothing of it any more."""
    pinned: bool


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was not done."""

    error: str
    remedy: str
    problems: list[str] = []
    """One line for each of several reasons."""
