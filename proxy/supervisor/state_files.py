"""Keeps models and addresses on disk, in step with what the workers tell: at most one minute of learning is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import structlog

from proxy.connections import MOST_ADDRESSES, MOST_SENDERS
from proxy.storage.address_store import AddressStore
from proxy.storage.model_store import ModelStore

log = structlog.get_logger("alleyes")


@dataclass
class StateFiles:
    """For the event loop's thread; disks are waited for in another."""

    models: ModelStore
    addresses: AddressStore
    dump: Callable[[], bytes]
    """Returns the models as they are to be stored."""
    background: Executor
    senders: dict[str, list[str]] = field(default_factory=dict)
    """Senders that each network address has carried, the longest unseen address first."""
    _changed: bool = False
    _writing: asyncio.Future[None] | None = None

    def changed(self) -> None:
        """Note that there is something new in the models."""
        self._changed = True

    def remember(self, senders: Mapping[str, Sequence[str]]) -> None:
        """Add what a worker saw; what others saw at the same address stays."""
        for ip, seen in senders.items():
            known = self.senders.pop(ip, [])
            self.senders[ip] = [*known, *(each for each in seen if each not in known)][:MOST_SENDERS]
        for ip in list(self.senders)[: max(0, len(self.senders) - MOST_ADDRESSES)]:
            del self.senders[ip]

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
        self._writing = loop.run_in_executor(self.background, self._write, state, dict(self.senders))

    def store_now(self) -> None:
        """Store everything and wait for it; for the end of the process."""
        self._write(self.dump(), self.senders)

    def _write(self, state: bytes, senders: Mapping[str, Sequence[str]]) -> None:
        try:
            self.models.save(state)
        except OSError as error:
            told = f"the models cannot be stored ({error}); learning goes on in memory; make room on the disk"
            log.error("models", detail=told)
        try:
            self.addresses.save(senders)
        except OSError as error:
            log.error("addresses not stored", detail=str(error))
