"""Turning an intended step into a real call, and judging what became of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from models.access import Operation
from models.simulation.step import Step
from tests.site.http_client import UnreachableError
from tests.site.vsl_client import Callback, VslClient, VslError

FORBIDDEN = 403
ANOMALY_TEXT = "Access denied by Anomaly detection"
"""How a refusal begins that comes from anomaly detection and not from a node's access rights."""


class Outcome(StrEnum):
    """What became of a call."""

    ANSWERED = "answered"
    REFUSED = "refused"
    """403 by anomaly detection."""
    FAILED = "failed"
    """Any other error answer."""
    SILENT = "silent"
    """No answer: timed out, reset, cut off. What a sender in quarantine sees."""


class Tally(msgspec.Struct):
    """How many calls came to which end."""

    calls: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    silent: int = 0

    def count(self, outcome: Outcome) -> None:
        """Add one call."""
        self.calls += 1
        setattr(self, outcome.value, getattr(self, outcome.value) + 1)

    def __add__(self, other: Tally) -> Tally:
        """Return the sum."""
        return Tally(
            *(
                mine + its
                for mine, its in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
            )
        )

    def __sub__(self, before: Tally) -> Tally:
        """Return what came since it was `before`."""
        return Tally(
            *(
                now - then
                for now, then in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(before), strict=True)
            )
        )

    @property
    def denied(self) -> int:
        """Calls that did not get through because somebody stood in the way."""
        return self.refused + self.silent


async def perform(client: VslClient, step: Step, callback: Callback) -> tuple[Outcome, str | None]:
    """Make the call; return what became of it and, for a successful read, the value."""
    try:
        return Outcome.ANSWERED, await _call(client, step, callback)
    except VslError as error:
        refused = error.code == FORBIDDEN and error.message.startswith(ANOMALY_TEXT)
        return (Outcome.REFUSED if refused else Outcome.FAILED), None
    except UnreachableError:
        return Outcome.SILENT, None


async def _call(client: VslClient, step: Step, callback: Callback) -> str | None:
    match step.operation:
        case Operation.GET:
            return await client.value(step.node)
        case Operation.SET:
            await client.set(step.node, step.value or "")
        case Operation.REGISTER:
            await client.register(step.value or "")
        case Operation.SUBSCRIBE:
            await client.open_callbacks()
            await client.subscribe(step.node, callback)
        case Operation.UNSUBSCRIBE:
            await client.unsubscribe(step.node)
        case Operation.NOTIFY:
            await client.notify(step.node)
        case Operation.LOCK:
            await client.open_callbacks()
            await client.lock(step.node, callback)
        case Operation.COMMIT:
            await client.commit(step.node)
        case Operation.ROLLBACK:
            await client.rollback(step.node)
    return None
