"""The journal: takes events from the hot path without waiting, and writes them in order from a thread of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec
import structlog

from proxy.audit.chain import encode
from proxy.audit.chained_file import ChainedFile, JournalError
from proxy.audit.event import Event, VerdictEvent, record
from proxy.audit.redaction import redacted
from proxy.audit.retention import DEFAULT, Retention
from proxy.clocks import real_now

__all__ = ["Journal", "JournalError", "JournalFull"]

CAPACITY = 8192
"""Most events waiting for the disk."""
BATCH = 512
"""Most events in one write."""
LINGER = 0.01
"""Seconds the writer waits for company after the first event of a batch: one write and one wake-up for many events;
SIGKILL loses about this much."""
SYNC_INTERVAL = 1.0
"""Seconds between forced writes to the medium: a power cut loses about this much."""
TEND_INTERVAL = 60.0
"""Seconds between looks at the age of the files while nothing is written."""
_BREATH = 32
"""Events that are encoded in one go, about half a millisecond. Each pause between two such goes wakes the thread of the
hot path and this one again: four times as many of them cost every call 9 us more."""


log = structlog.get_logger("alleyes")


class JournalFull(JournalError):
    """As many events wait for the disk as may; the caller must not let the call pass."""


class Journal:
    """An append-only file of chained records, written by one thread.

    `append` may be called from any thread. A failing disk does not stop anything: what cannot be written is counted in
    `lost`, `last_error` says why, and the first record after the recovery says how many are missing.
    """

    def __init__(
        self,
        directory: Path,
        *,
        capacity: int = CAPACITY,
        linger: float = LINGER,
        sync_interval: float = SYNC_INTERVAL,
        clock: Callable[[], float] = real_now,
        retention: Retention = DEFAULT,
        redact: AbstractSet[str] = frozenset(),
    ) -> None:
        """Open the journal of a directory, or begin it, and start the writer.

        The directory is made with mode 0700, the files with 0600. Where the last run was ended in mid-write, the torn
        bytes stay where they are and a recovery record accounts for them.

        Args:
            directory: Where the journal is.
            capacity: Most events that wait for the disk.
            linger: Seconds, see `LINGER`.
            sync_interval: Seconds, see `SYNC_INTERVAL`.
            clock: Real time in seconds since the epoch, for the journal's own records.
            redact: Service types and data types whose values are not written.
            retention: When a file is rotated, and how long rotated ones are kept.

        Raises:
            JournalError: if the directory or the file cannot be used, with the remedy.
        """
        self._capacity = capacity
        self._linger = linger
        self._sync_interval = sync_interval
        self._redact = redact
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._closing = False
        self._written = 0
        self._lost = 0
        self._unreported = 0
        self._cause = ""
        self._failing = False
        self._last_error: str | None = None
        self._unsynced_since: float | None = None
        self._file = ChainedFile(directory, clock=clock, retention=retention)
        self._writer = threading.Thread(target=self._run, name="audit-journal", daemon=True)
        self._writer.start()

    @property
    def pending(self) -> int:
        """Events that wait for the disk."""
        return self._queue.qsize()

    @property
    def written(self) -> int:
        """Events written since the journal was opened."""
        return self._written

    @property
    def lost(self) -> int:
        """Events that could not be written since the journal was opened."""
        return self._lost

    @property
    def failing(self) -> bool:
        """Whether the latest attempt to write or to reach the medium failed."""
        return self._failing

    @property
    def last_error(self) -> str | None:
        """What the latest failure was; stays after the recovery."""
        return self._last_error

    @property
    def sequence(self) -> int:
        """Number of the newest record in the file."""
        return self._file.sequence

    def append(self, event: Event) -> None:
        """Hand an event over; never waits.

        Raises:
            JournalFull: if too many events wait for the disk.
            JournalError: if the journal is closed.
        """
        if self._closing:
            raise JournalError("the audit journal is closed")
        if self._queue.qsize() >= self._capacity:
            raise JournalFull(f"{self._capacity} events wait for the disk of the audit journal")
        self._queue.put(event)

    def close(self, timeout: float | None = None) -> None:
        """Take no more events, write those that wait, and close the file. Closing twice does nothing.

        Raises:
            JournalError: if the disk has not taken everything within `timeout` seconds.
        """
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        self._writer.join(timeout)
        if self._writer.is_alive():
            raise JournalError(f"the audit journal has {self.pending} events left to write after {timeout} s")

    def _run(self) -> None:
        try:
            last = False
            while not last:
                batch, last = self._collect()
                if batch or (last and self._unreported):
                    self._write(batch)
                elif not last:
                    self._tend()
                if last or self._sync_is_due():
                    self._sync()
        finally:
            self._closing = True
            self._file.close()

    def _collect(self) -> tuple[list[Event], bool]:
        """Wait for events; return them, none when it is time to sync, and whether the journal is to be closed."""
        wait = TEND_INTERVAL
        if self._unsynced_since is not None:
            wait = max(0.0, self._unsynced_since + self._sync_interval - time.monotonic())
        batch: list[Event] = []
        try:
            event = self._queue.get(timeout=wait)
            if event is not None and not self._closing and self._queue.qsize() < BATCH:
                time.sleep(self._linger)
            while event is not None:
                batch.append(event)
                if len(batch) == BATCH:
                    return batch, False
                event = self._queue.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _write(self, batch: Sequence[Event]) -> None:
        bodies: list[bytes] = []
        for index, event in enumerate(batch):
            if index % _BREATH == _BREATH - 1:
                # Gives the interpreter back: a long batch would keep the hot path waiting for milliseconds.
                time.sleep(0)
            try:
                bodies.append(encode(record(self._redacted(event))))
            except Exception as error:  # noqa: BLE001 - an event without a form must not cost the others theirs
                self._lose(1, f"an event cannot be encoded: {error!r}")
        outcome = self._file.write(bodies, lost=self._unreported, cause=self._cause)
        if outcome.reported:
            self._unreported = 0
        failed, self._failing = self._failing, outcome.error is not None
        self._written += outcome.written
        if outcome.error is not None:
            self._lose(len(bodies) - outcome.written, outcome.error)
        self._tell(outcome.error, failed=failed)
        if self._unsynced_since is None:
            self._unsynced_since = time.monotonic()

    def _redacted(self, event: Event) -> Event:
        if not self._redact or not isinstance(event, VerdictEvent):
            return event
        return msgspec.structs.replace(event, verdict=redacted(event.verdict, self._redact))

    def _tend(self) -> None:
        error = self._file.tend()
        if error is not None:
            failed, self._failing = self._failing, True
            self._lose(0, error)
            self._tell(error, failed=failed)

    def _tell(self, error: str | None, *, failed: bool) -> None:
        """Raise the alarm where the disk begins to fail, and say when it is over; not for every record between."""
        if error is not None and not failed:
            log.error("the audit log cannot be written; calls are judged all the same, records are lost", reason=error)
        elif error is None and failed:
            log.warning("the audit log is written again", lost=self._lost)

    def _sync_is_due(self) -> bool:
        since = self._unsynced_since
        return since is not None and time.monotonic() >= since + self._sync_interval

    def _sync(self) -> None:
        self._unsynced_since = None
        try:
            self._file.sync()
        except OSError as error:
            self._failing = True
            self._lose(0, f"the medium failed: {error.strerror}")

    def _lose(self, count: int, cause: str) -> None:
        self._lost += count
        self._unreported += count
        self._cause = self._last_error = cause
