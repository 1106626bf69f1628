"""The state directory as a supervisor finds it: opened whole, or not at all, and nothing of it changed."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import structlog

from proxy.audit.chained_file import JournalError
from proxy.audit.journal import Journal
from proxy.audit.keys import SigningKey
from proxy.audit.opening import supervisors_log
from proxy.firewall.plan import LAST_SEED, Plan
from proxy.inputs import Inputs, StartRefused
from proxy.storage.model_store import ModelStore, ModelStoreError
from proxy.storage.plan_store import PlanStore, PlanStoreError
from proxy.storage.quarantine_store import QuarantineStore, QuarantineStoreError

log = structlog.get_logger("alleyes")


@dataclass(frozen=True)
class StateOnDisk:
    """What a supervisor goes on with."""

    directory: Path
    model_store: ModelStore
    models: bytes | None
    """What the models knew; None for nothing."""
    quarantines: QuarantineStore
    journal: Journal
    key: SigningKey
    """With which the heads of all audit chains are signed."""

    @classmethod
    def opened(cls, inputs: Inputs) -> StateOnDisk:
        """Open the state directory, and make what a first start lacks.

        Raises:
            StartRefused: with every reason why it cannot be used.
        """
        document = inputs.document
        directory = _usable(document.state_directory)
        model_store = ModelStore(directory, inputs.policy.document.scoring)
        problems: list[str] = []
        try:
            loaded = model_store.load()
        except ModelStoreError as error:
            problems.append(str(error))
        try:
            quarantines = QuarantineStore(directory)
        except QuarantineStoreError as error:
            problems.append(str(error))
        try:
            journal, key = supervisors_log(document)
        except JournalError as error:
            problems.append(str(error))
        if problems:
            raise StartRefused(problems)
        if loaded.warning is not None:
            log.warning("models", detail=loaded.warning)
        return cls(directory, model_store, loaded.state, quarantines, journal, key)


def seed(state: Path, plan: Plan) -> int:
    """Return what decides which sender has which worker: the same as last time, and nothing that senders know."""
    try:
        before = PlanStore(state).load()
    except PlanStoreError:
        before = None
    if before is not None and before.workers == plan.workers > 1:
        return before.seed
    return 1 + secrets.randbelow(LAST_SEED)


def _usable(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartRefused(
            [f"state_directory {path}: {error.strerror}; make it, or give another one in gateway.yaml"]
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StartRefused([f"state_directory {path}: is not writable; give it to the gateway's user"])
    return path
