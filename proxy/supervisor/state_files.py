"""Keeps models and addresses on disk, in step with what the workers tell: at most one minute of learning is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import structlog

from proxy.storage.address_store import AddressStore, Seen
from proxy.storage.model_store import ModelStore

log = structlog.get_logger("alleyes")


@dataclass
class StateFiles:
    """For the event loop's thread; disks are waited for in another."""

    models: ModelStore
    addresses: AddressStore
    dump: Callable[[], bytes]
    """Returns the models as they are to be stored."""
    seen: Callable[[], Mapping[str, Mapping[str, Seen]]]
    """Returns who was seen at each network address, as it is to be stored."""
    background: Executor
    _changed: bool = False
    _writing: asyncio.Future[None] | None = None

    def changed(self) -> None:
        """Note that there is something new in the models."""
        self._changed = True

    def store_soon(self) -> None:
        """Store what changed, unless that is under way."""
        if not self._changed or (self._writing is not None and not self._writing.done()):
            return
        self._changed = False
        try:
            state = self.dump()
        except Exception as error:  # noqa: BLE001 -- what cannot be stored must not end what works in memory
            log.error("models", detail=f"the models cannot be stored: {error!r}")
            return
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self.background, self._write, state, self.seen())

    def store_now(self) -> None:
        """Store everything and wait for it; for the end of the process."""
        self._write(self.dump(), self.seen())

    def _write(self, state: bytes, seen: Mapping[str, Mapping[str, Seen]]) -> None:
        try:
            self.models.save(state)
        except OSError as error:
            told = f"the models cannot be stored ({error}); learning goes on in memory; make room on the disk"
            log.error("models", detail=told)
        try:
            self.addresses.save(seen)
        except OSError as error:
            log.error("addresses not stored", detail=str(error))
