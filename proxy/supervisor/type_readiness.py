"""Tells the workers which service types are ready to be enforced (`mode: auto`), each time that the models changed.

It is decided here, once for the node, so that all workers refuse by the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

import structlog

from policy.document import ModeSetting, PolicyDocument
from policy.readiness import Maturity, Observation, Readiness
from proxy.audit.event import Kind
from proxy.audit.trail import Notes
from proxy.processes.messages import Ready
from proxy.storage.readiness_store import ReadinessStore

log = structlog.get_logger("alleyes")


@dataclass
class TypeReadiness:
    """For the event loop's thread; disks are waited for in another."""

    policy: Callable[[], PolicyDocument]
    """Returns the policy in force."""
    store: ReadinessStore
    background: Executor
    notes: Notes
    tell: Callable[[Ready], None]
    """Tells all workers."""
    _readiness: Readiness = field(init=False)

    def __post_init__(self) -> None:
        self._readiness = Readiness(self.store.load())

    @property
    def ready(self) -> list[str]:
        """The types that may be enforced."""
        return sorted(self._readiness.ready)

    def models_changed(self, models: Mapping[str, Observation], now: int | None) -> None:
        """Look at the models as of event time `now` (ms), when a minute was learnt last; None if none was."""
        before = self._readiness.ready
        self._readiness.observe(models, self.policy().readiness, now)
        ready = self._readiness.ready
        self.background.submit(self._write, self._readiness.state)
        if ready != before:
            self.tell(Ready(sorted(ready)))
            self._record(ready - before, "is enforced from now on: its model is ready")
            self._record(before - ready, "is only monitored from now on: its model is gone")

    def missing(self) -> dict[str, list[str]]:
        """Return what the types lack that the policy leaves to their readiness."""
        policy = self.policy()
        lacking = {
            name: self._readiness.missing(name, policy.readiness)
            for name in self._readiness.state
            if _left_to_readiness(policy, name)
        }
        return {name: missing for name, missing in lacking.items() if missing}

    def _record(self, types: Iterable[str], change: str) -> None:
        for name in sorted(types):
            if _left_to_readiness(self.policy(), name):
                self.notes.note(Kind.READINESS, f"Service type {name} {change} (mode auto).", service_type=name)

    def _write(self, types: Mapping[str, Maturity]) -> None:
        try:
            self.store.save(types)
        except OSError as error:
            log.error("readiness not stored", detail=str(error))


def _left_to_readiness(policy: PolicyDocument, name: str) -> bool:
    override = policy.service_types.get(name)
    return (override.mode if override is not None and override.mode else policy.mode) is ModeSetting.AUTO
