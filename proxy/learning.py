"""Lets event time pass for the models, and keeps them on disk: at most one minute of learning is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

from proxy.clocks import EventClock
from proxy.storage.model_store import AnyAnalyzer, ModelStore


@dataclass
class Learning:
    """Closes the minutes of event time."""

    analyzer: AnyAnalyzer
    clock: EventClock
    store: ModelStore
    background: Executor
    on_problem: Callable[[str], None]
    """Called with one line when the models cannot be stored; learning goes on."""
    _writing: asyncio.Future[None] | None = field(default=None)

    def advance(self) -> int:
        """Close the minutes that have passed; store the models if there were any. Return how many descriptors came."""
        descriptors = self.analyzer.advance(self.clock.now())
        if descriptors and (self._writing is None or self._writing.done()):
            try:
                state = self.analyzer.dump()
            except Exception as error:  # noqa: BLE001 -- what cannot be stored must not end what works in memory
                self.on_problem(f"the models cannot be stored: {error!r}")
                return len(descriptors)
            self._writing = asyncio.get_running_loop().run_in_executor(self.background, self._write, state)
        return len(descriptors)

    def _write(self, state: bytes) -> None:
        try:
            self.store.save(state)
        except OSError as error:
            self.on_problem(f"the models cannot be stored ({error}); learning goes on in memory; make room on the disk")

    def store_now(self) -> None:
        """Store the models and wait for it; for the end of the process.

        Raises:
            OSError: the disk refuses.
        """
        self.analyzer.advance(self.clock.now())
        self.store.save(self.analyzer.dump())
