"""What the audit log records, as plain data: verdicts with all their features and terms, and events of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from models.access import Access
from models.score import Score
from policy.explanation import sentence
from policy.verdict import Verdict

type Detail = str | int | float | bool | list[str] | None


class Kind(StrEnum):
    """What a record is about."""

    VERDICT = "verdict"
    START = "start"
    STOP = "stop"
    POLICY_RELOAD = "policy-reload"
    TLS_REFUSAL = "tls-refusal"
    QUARANTINE_ADDED = "quarantine-added"
    QUARANTINE_REMOVED = "quarantine-removed"
    QUARANTINE_EXPIRED = "quarantine-expired"
    QUARANTINE_RESTORED = "quarantine-restored"
    CROWDED = "crowded"
    """A connection was refused because there are too many."""
    BROKEN = "broken"
    """The gateway itself failed; the call at hand was refused."""
    UNINSTALL = "uninstall"
    RECOVERY = "recovery"
    """The journal was opened after it had not been closed properly."""
    LOSS = "loss"
    """Records could not be written while the gateway ran."""


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
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record(event: Event) -> dict[str, Any]:
    """Return an event as plain data, ready to be encoded and chained."""
    if isinstance(event, VerdictEvent):
        return _verdict(event.verdict, event.time)
    return {
        "kind": event.kind.value,
        "time": rfc3339(event.time),
        "sentence": event.sentence,
        "details": dict(event.details),
    }


def _verdict(verdict: Verdict, time: float) -> dict[str, Any]:
    call = verdict.call
    score = verdict.score
    scores: tuple[Score | None, ...] = verdict.scores or (None,) * len(call.accesses)
    return {
        "kind": Kind.VERDICT.value,
        "id": verdict.id,
        "time": rfc3339(time),
        "event_time": call.time,
        "action": verdict.action.value,
        "would_be": verdict.would_be.value,
        "mode": verdict.mode.value,
        "alert": verdict.alert,
        "reason": verdict.reason,
        "sentence": sentence(verdict),
        "av": None if score is None else score.av,
        "threshold": verdict.threshold,
        "worst": verdict.worst,
        "model_version": None if score is None else score.model_version,
        "policy_revision": verdict.policy_revision,
        "request": call.request,
        "sender": msgspec.to_builtins(call.sender),
        "refusal": msgspec.to_builtins(call.refusal),
        "accesses": [_access(access, each) for access, each in zip(call.accesses, scores, strict=True)],
    }


def _access(access: Access, score: Score | None) -> dict[str, Any]:
    return {**msgspec.to_builtins(access), "score": None if score is None else _score(score)}


def _score(score: Score) -> dict[str, Any]:
    return {
        "av": score.av,
        "som": score.som,
        "sor": score.sor,
        "soa": score.soa,
        "deciding": score.deciding,
        "terms": score.terms,
        "model_version": score.model_version,
    }
