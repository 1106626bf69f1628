"""What the running gateway says of itself: one small file in the state directory, renewed while it serves.

Health checks look at its age, `alleyes status` at what is in it.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec

from proxy.federation.client.state import FederationStatus
from proxy.processes.messages import Beat, TypeStatus

FILE = "status.json"
_STALE_SECONDS = 10.0
_BEAT_SECONDS = 2.0


class FirewallStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The kernel's share."""

    helper_restarts: int = 0
    """Times that the firewall helper died and another one took its place."""
    waiting: int = 0
    """Quarantines that wait for room in the kernel; their senders are refused by the gateway alone."""
    set_full: int = 0
    """Times that a quarantine found its set full."""
    restorations: int = 0
    """Times that somebody changed the table, or took somebody out of a quarantine set, and it was put back."""
    latest_gap_seconds: float = 0.0
    """For how long it was not as wanted at most, the latest time: since it had last been seen whole."""
    longest_gap_seconds: float = 0.0
    seen_whole_seconds_ago: float = 0.0
    """Much above a quarter of a second while it can not be looked at, or not be put back."""


class RevocationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The revocation lists."""

    certificates: int = 0
    """How many are revoked."""
    alarms: list[str] = []
    """What is wrong with the lists: out of date, or broken files beside those in force."""


class ThingsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The Thing Descriptions of one access point that are fetched."""

    things: int
    """How many Things are known."""
    fetched: float | None
    """Real time at which the oldest of them was fetched; None where none was ever."""
    problems: list[str] = []
    """Why descriptions were not renewed, and what was left out of them."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a running gateway; counts since its start."""

    pid: int
    """Of the supervisor."""
    workers: tuple[Beat | None, ...]
    """What each worker says of itself; None while one is being started."""
    restarts: int
    """Times a worker ended and was started again."""
    mode: str
    """The mode of service types that the policy does not name."""
    policy_revision: str
    policy_problems: list[str] = []
    """What is wrong with `policy.yaml`, where the policy in force is an earlier one."""
    event_time: int
    """Milliseconds since the epoch."""
    types_known: dict[str, bool]
    """Per access point: whether its structure, and so the types of its nodes, has been read."""
    mappings: dict[str, str] = {}
    """Per access point that is no Knowledge Agent: by which mapping its calls are understood."""
    mapping_problems: list[str] = []
    """What is wrong with mapping files, where the mappings in force are earlier ones."""
    service_types: dict[str, TypeStatus]
    not_ready: dict[str, list[str]] = {}
    """What each type lacks until it is enforced, where the policy leaves that to its readiness (mode auto)."""
    connections: int
    quarantined: int
    quarantines_evicted: int
    """Entries that gave way because the register was full."""
    unjudged_packets: int
    """Packets that passed unjudged, since the table was put in place last; fail mode open only."""
    firewall: FirewallStatus
    revocation: RevocationStatus = RevocationStatus()
    things: dict[str, ThingsStatus] = {}
    """Per access point whose Thing Descriptions are fetched."""
    forwarded: int
    refused: int
    broken: int
    """Times the gateway itself failed."""
    audit_pending: int
    audit_lost: int
    audit_error: str | None
    """Why the latest attempt to write the audit log failed; None while it works."""
    federation: FederationStatus | None = None
    """None where the gateway is in none."""


class NotServing(Exception):
    """No gateway serves; the text says what was found."""


class HealthFile:
    """The file."""

    def __init__(self, state_directory: Path) -> None:
        self._path = state_directory / FILE
        self._last = 0.0

    def due(self) -> bool:
        """Tell whether it is time to write again; cheap to ask often."""
        now = time.monotonic()
        if now - self._last < _BEAT_SECONDS:
            return False
        self._last = now
        return True

    def write(self, status: Status) -> None:
        """Renew the file. Off the event loop: a disk may hang. A full one does not stop the gateway."""
        fresh = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            fresh.write_bytes(msgspec.json.encode(status))
            fresh.replace(self._path)

    def clear(self) -> None:
        """Say that the gateway ended."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def read(self, now: float) -> Status:
        """Return what the gateway says at real time `now`.

        Raises:
            NotServing: there is no gateway that serves from this state directory.
        """
        try:
            age = now - self._path.stat().st_mtime
            content = self._path.read_bytes()
        except FileNotFoundError:
            raise NotServing(
                f"{self._path} is not there: the gateway does not run, or uses another state directory"
            ) from None
        except OSError as error:
            raise NotServing(f"{self._path}: {error.strerror}") from error
        if age > _STALE_SECONDS:
            raise NotServing(f"{self._path} is {age:.0f} s old: the gateway has ended or hangs")
        try:
            return msgspec.json.decode(content, type=Status)
        except msgspec.MsgspecError as error:
            raise NotServing(f"{self._path}: {error}; is the gateway of another version?") from error
