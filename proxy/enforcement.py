"""Judges one call. Everything that wants a verdict comes through here; what raises here is refused by the caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from policy.engine import Engine
from policy.verdict import Action, Call, Verdict
from proxy.clocks import EventClock


class VerdictLog(Protocol):
    """Where verdicts are recorded."""

    def record(self, verdict: Verdict) -> None:
        """Take over a verdict for the audit log without waiting.

        Raises:
            Exception: it cannot be recorded; the call must then be refused.
        """
        ...


@dataclass(frozen=True)
class Enforcement:
    """The seam between the HTTP layers and the decision."""

    engine: Engine
    log: VerdictLog
    clock: EventClock
    real_now: Callable[[], float]
    on_quarantine: Callable[[Verdict], None]

    def now(self) -> int:
        """Return event time in milliseconds."""
        return self.clock.now()

    def judge(self, call: Call) -> Verdict:
        """Return the verdict on a call, recorded in the audit log.

        Raises:
            Exception: whatever goes wrong; there is then no verdict and the call must be refused.
        """
        verdict = self.engine.judge(call, now=self.real_now())
        if verdict.action is Action.QUARANTINE:
            # First: its sender is refused from now on, whether or not that can be recorded.
            self.on_quarantine(verdict)
        self.log.record(verdict)
        return verdict

    def conclude(self, verdict: Verdict, *, accepted: bool) -> None:
        """Note what became of a forwarded call; it teaches only if the access point accepted it."""
        self.engine.conclude(verdict, accepted=accepted)
