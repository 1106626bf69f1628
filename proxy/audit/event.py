"""What the audit log records, as plain data: verdicts with all their features and terms, and events of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from models.access import Access, Operation
from models.score import Named, Score
from policy.explanation import sentence
from policy.verdict import Action, Call, Mode, Refusal, Sender, Verdict

type Detail = str | int | float | bool | list[str] | dict[str, int] | None


class Kind(StrEnum):
    """What a record is about."""

    VERDICT = "verdict"
    START = "start"
    STOP = "stop"
    POLICY_RELOAD = "policy-reload"
    IDENTITY_CONFLICT = "identity-conflict"
    """A certificate was shown from a network address at which the inventory does not have its service."""
    INFERENCE = "inference"
    """A sender fits another rule of inference than the one whose type it has."""
    REVOCATION = "revocation"
    """Other revocation lists are in force, or cannot be, or are out of date."""
    THINGS = "things"
    """Other Thing Descriptions of an access point are in force, or could not be fetched or used."""
    MAPPING = "mapping"
    """Another mapping file of an access point is in force, or cannot be."""
    TLS_REFUSAL = "tls-refusal"
    QUARANTINE_ADDED = "quarantine-added"
    QUARANTINE_CHANGED = "quarantine-changed"
    """The kernel drops the address of a quarantined sender after all, or no longer, as others came or went there."""
    QUARANTINE_REMOVED = "quarantine-removed"
    QUARANTINE_EXPIRED = "quarantine-expired"
    QUARANTINE_RESTORED = "quarantine-restored"
    CROWDED = "crowded"
    """A connection was refused because there are too many."""
    ROLLBACK = "rollback"
    """The gateway ends a transaction in a service's name, as the call that would have committed it was refused."""
    BROKEN = "broken"
    """The gateway itself failed; the call at hand was refused."""
    UNJUDGED = "unjudged"
    """Calls pass unjudged, or do no longer (fail mode open)."""
    KERNEL_FULL = "kernel-full"
    """A quarantine found no room in the kernel; its sender is refused by the gateway alone."""
    READINESS = "readiness"
    """A service type is enforced from now on, or no longer, as the policy leaves it to its model (mode auto)."""
    FEDERATION = "federation"
    """An operator pinned a version of what others contributed, or unpinned it; or others have nothing any more."""
    UNINSTALL = "uninstall"
    RECOVERY = "recovery"
    """The journal was opened after it had not been closed properly."""
    LOSS = "loss"
    """Records could not be written while the gateway ran."""
    COUNTED = "counted"
    """Normal calls that were forwarded without a record of their own, counted by kind."""
    HEADS = "heads"
    """The heads of all chains were signed; one such statement in ten minutes is kept in the log."""
    TAMPERED = "tampered"
    """A chain is not what it was when its head was signed."""
    RETENTION = "retention"
    """The oldest files of the journal were removed, as the configuration says."""


class VerdictEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A call was judged."""

    verdict: Verdict
    time: float
    """Real time, seconds since the epoch."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Anything else that an auditor wants to know. The details must not be changed after the event was handed over."""

    kind: Kind
    time: float
    """Real time, seconds since the epoch."""
    sentence: str
    """In plain words."""
    details: Mapping[str, Detail] = {}


type Event = VerdictEvent | Notice


def rfc3339(time: float) -> str:
    """Return real time in UTC with milliseconds, RFC 3339: `2026-11-23T07:30:27.123Z`."""
    second, microsecond = divmod(round(time * 1_000_000), 1_000_000)
    return f"{_whole_second(second)}.{microsecond // 1000:03d}Z"


def seconds(text: str) -> float:
    """Return what `rfc3339` was made of, and any other time in the form of RFC 3339.

    Raises:
        ValueError: it is none, or has no time zone.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return time.timestamp()


@lru_cache(1)  # many records are of the same second
def _whole_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class ScoreRecord(msgspec.Struct, frozen=True, gc=False):
    """A score."""

    av: float
    som: float
    sor: float
    soa: float
    deciding: str
    terms: dict[str, float]
    model_version: str


class AccessRecord(msgspec.Struct, frozen=True, gc=False):
    """An access with its score."""

    time: int
    source: str
    source_type: str | None
    source_location: str | None
    destination: str
    destination_type: str | None
    destination_location: str | None
    node: str
    operation: Operation
    data_type: str | None
    value: str | None
    score: ScoreRecord | None


class VerdictRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verdict as it stands in the log: one for each call, so encoded as it is, without dictionaries in between."""

    kind: str = Kind.VERDICT.value
    id: str
    time: str
    event_time: int
    action: Action
    would_be: Action
    mode: Mode
    alert: bool
    reason: str
    sentence: str | None
    """None for what was normal: whoever reads it makes the sentence (`told`)."""
    av: float | None
    threshold: float | None
    worst: int
    model_version: str | None
    policy_revision: str
    rule: str | msgspec.UnsetType = msgspec.UNSET
    """Most verdicts have none: left out then, as is `repeats`."""
    repeats: int | msgspec.UnsetType = msgspec.UNSET
    request: str
    sender: Sender
    refusal: Refusal | None
    accesses: tuple[AccessRecord, ...]


class NoticeRecord(msgspec.Struct, frozen=True):
    """Anything else as it stands in the log."""

    kind: str
    time: str
    sentence: str
    details: Mapping[str, Detail]


def record(event: Event) -> VerdictRecord | NoticeRecord:
    """Return an event in the form in which it is encoded and chained."""
    if isinstance(event, VerdictEvent):
        return _verdict(event.verdict, event.time)
    return NoticeRecord(event.kind.value, rfc3339(event.time), event.sentence, dict(event.details))


def _verdict(verdict: Verdict, time: float) -> VerdictRecord:
    call = verdict.call
    score = verdict.score
    scores: tuple[Score | None, ...] = verdict.scores or (None,) * len(call.accesses)
    return VerdictRecord(
        id=verdict.id,
        time=rfc3339(time),
        event_time=call.time,
        action=verdict.action,
        would_be=verdict.would_be,
        mode=verdict.mode,
        alert=verdict.alert,
        reason=verdict.reason,
        sentence=sentence(verdict) if verdict.alert or verdict.would_be is not Action.FORWARD else None,
        av=None if score is None else score.av,
        threshold=verdict.threshold,
        worst=verdict.worst,
        model_version=None if score is None else score.model_version,
        policy_revision=verdict.policy_revision,
        rule=verdict.rule or msgspec.UNSET,
        repeats=verdict.repeats or msgspec.UNSET,
        request=call.request,
        sender=call.sender,
        refusal=call.refusal,
        accesses=tuple([_access(access, each) for access, each in zip(call.accesses, scores, strict=True)]),
    )


def _access(access: Access, score: Score | None) -> AccessRecord:
    return AccessRecord(
        time=access.time,
        source=access.source,
        source_type=access.source_type,
        source_location=access.source_location,
        destination=access.destination,
        destination_type=access.destination_type,
        destination_location=access.destination_location,
        node=access.node,
        operation=access.operation,
        data_type=access.data_type,
        value=access.value,
        score=None if score is None else _score(score),
    )


def _score(score: Score) -> ScoreRecord:
    return ScoreRecord(score.av, score.som, score.sor, score.soa, score.deciding, score.terms, score.model_version)


def told(data: Mapping[str, Any]) -> str | None:
    """Return the sentence of a record that was read: the one that it holds, or the one that its verdict makes.

    None where it holds neither, as a record of another version may.
    """
    found = data.get("sentence")
    if found is not None:
        return str(found)
    try:
        return sentence(verdict_of(data))
    except (ValueError, IndexError):
        return None


def verdict_of(data: Mapping[str, Any]) -> Verdict:
    """Return the verdict that a record holds.

    Raises:
        ValueError: it holds none, or one of another version.
    """
    return _read(msgspec.convert(data, VerdictRecord))


def _read(found: VerdictRecord) -> Verdict:
    return Verdict(
        id=found.id,
        call=Call(
            sender=found.sender,
            accesses=tuple([_read_access(each) for each in found.accesses]),
            time=found.event_time,
            refusal=found.refusal,
            request=found.request,
        ),
        action=found.action,
        would_be=found.would_be,
        alert=found.alert,
        mode=found.mode,
        reason=found.reason,
        scores=tuple([_read_score(each.score) for each in found.accesses if each.score is not None]),
        worst=found.worst,
        threshold=found.threshold,
        policy_revision=found.policy_revision,
        rule=None if found.rule is msgspec.UNSET else found.rule,
        repeats=0 if found.repeats is msgspec.UNSET else found.repeats,
    )


def _read_access(found: AccessRecord) -> Access:
    fields = {name: getattr(found, name) for name in Access.__struct_fields__}
    return Access(**fields)


def _read_score(found: ScoreRecord) -> Score:
    return Score(
        av=found.av,
        som=found.som,
        sor=found.sor,
        soa=found.soa,
        deciding=found.deciding,
        evidence=Named(found.terms),
        model_version=found.model_version,
    )
