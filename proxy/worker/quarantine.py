"""Carries out in a worker what a quarantine means there: new calls are refused already, live connections are cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from policy.quarantine import ProtectedError, QuarantineEntry, QuarantineRegister, identity_of
from policy.verdict import Verdict
from proxy.connections import ConnectionTable
from proxy.http1.deadlines import Phase
from proxy.processes.messages import Quarantined
from proxy.registry import SiteRegistry

_ANSWER_FIRST_SECONDS = 0.2
"""The refused caller gets its answer, and a rollback its time, before that connection is cut."""


@dataclass(frozen=True)
class WorkerQuarantine:
    """Keeps live connections in step with the register, and tells the supervisor. For the event loop's thread."""

    register: QuarantineRegister
    connections: ConnectionTable
    registry: SiteRegistry
    abort: Callable[[Iterable[str]], None]
    send: Callable[[Quarantined], None]
    forgive: Callable[[str], None]
    """Called with the identity of a sender whose quarantine somebody ended: what led there counts no longer."""
    real_now: Callable[[], float]

    def enter(self, verdict: Verdict) -> None:
        """Carry out a verdict that quarantined its sender."""
        identity = identity_of(verdict.call.sender)
        entry = self.register.holding(identity, self.real_now())
        if entry is None:
            return
        self.send(Quarantined(entry))
        self._cut_off(identity)

    def hold(self, entry: QuarantineEntry, now: float) -> None:
        """Shut out a sender that another worker or somebody by hand quarantined; real time, seconds since the epoch."""
        try:
            self.register.add(entry, now=now)
        except ProtectedError:
            return  # the policy changed in between; the supervisor releases it as well
        self._cut_off(entry.identity)

    def free(self, identity: str) -> None:
        """Let a sender through again whose quarantine was ended by hand."""
        self.register.release(identity)
        self.forgive(identity)

    def expire(self, now: float) -> None:
        """Let senders through again whose time has come."""
        self.register.take_evicted()
        self.register.expire(now)

    def _cut_off(self, identity: str) -> None:
        """Cut all at once but those that wait for an answer: one of them is the refused caller's."""
        concerned = self.connections.of_identity(identity, self.registry)
        waiting = [each for each in concerned if self.connections[each].deadline.phase is Phase.ANSWER]
        self.abort([each for each in concerned if each not in waiting])
        # These alone: whoever comes later is refused call by call, or has been freed by then.
        asyncio.get_running_loop().call_later(_ANSWER_FIRST_SECONDS, self.abort, waiting)
