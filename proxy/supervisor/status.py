"""What the workers say of themselves, taken together for whoever looks at the gateway."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from proxy.health import Status
from proxy.processes.messages import Beat


class Past(msgspec.Struct, frozen=True):
    """What was counted by workers that have ended: counts are since the start of the gateway."""

    forwarded: int = 0
    refused: int = 0
    broken: int = 0
    audit_lost: int = 0


def added(past: Past, beat: Beat | None) -> Past:
    """Return what was counted, with the last word of a worker that has ended."""
    if beat is None:
        return past
    return Past(
        forwarded=past.forwarded + beat.forwarded,
        refused=past.refused + beat.refused,
        broken=past.broken + beat.broken,
        audit_lost=past.audit_lost + beat.audit_lost,
    )


def together(own: Status, beats: Sequence[Beat | None], past: Past) -> Status:
    """Return the state of a gateway.

    Args:
        own: What the supervisor says of itself: it has an audit log, and fails, as its workers do.
        beats: What each worker said last; None where it has not said anything yet.
        past: What was counted by workers that have ended.
    """
    told = [beat for beat in beats if beat is not None]
    errors = [own.audit_error, *(beat.audit_error for beat in told)]
    return msgspec.structs.replace(
        own,
        workers=tuple(beats),
        event_time=max([own.event_time, *(beat.event_time for beat in told)]),
        # All know the same types; who has been started again may not have heard of all yet.
        service_types=max((beat.service_types for beat in told), key=len, default={}),
        connections=sum(beat.connections for beat in told),
        forwarded=past.forwarded + sum(beat.forwarded for beat in told),
        refused=past.refused + sum(beat.refused for beat in told),
        broken=own.broken + past.broken + sum(beat.broken for beat in told),
        audit_pending=own.audit_pending + sum(beat.audit_pending for beat in told),
        audit_lost=own.audit_lost + past.audit_lost + sum(beat.audit_lost for beat in told),
        audit_error=next((error for error in errors if error is not None), None),
    )
