"""The firewall helper: the one place that holds nftables. Takes typed commands, answers with futures.

A thread now; the commands are plain values, so that it can become a process of its own without its callers noticing.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from proxy.firewall.commands import MOST_ENTRIES, Command, Quarantine
from proxy.firewall.nftables import Applied, Counter, Firewall, FirewallError

QUEUE_SIZE = 1024
"""Most jobs waiting; a transaction takes well under a millisecond."""
BATCH = 256
"""Most waiting jobs taken up at once."""


class HelperBusyError(FirewallError):
    """More jobs wait than may; nothing was done."""


class HelperClosedError(FirewallError):
    """The helper has ended; nothing was done."""


class _Job[Answer]:
    """Something to do with the firewall, and the future that hears of it."""

    def __init__(self, work: Callable[[Firewall], Answer], quarantine: Quarantine | None = None) -> None:
        self.work = work
        self.quarantine = quarantine
        """Set where the job is a quarantine, which may share a transaction with others."""
        self.future: Future[Answer] = Future()

    def do(self, firewall: Firewall) -> None:
        """Do it; what goes wrong is the caller's to know, and the helper outlives it."""
        try:
            answer = self.work(firewall)
        except Exception as error:  # noqa: BLE001 - handed on whole
            self.future.set_exception(error)
        else:
            self.future.set_result(answer)


class FirewallHelper:
    """Owns a `Firewall` in a thread of its own; handing over neither waits nor grows without bound."""

    def __init__(self, open_firewall: Callable[[], Firewall] = Firewall, *, queue_size: int = QUEUE_SIZE) -> None:
        """Prepare it.

        Args:
            open_firewall: called in the thread; the table is that of the network namespace `start` is called in.
            queue_size: most jobs waiting.
        """
        self._open = open_firewall
        self._jobs: queue.Queue[_Job[Any] | None] = queue.Queue(queue_size)
        self._opened: Future[None] = Future()
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="firewall-helper", daemon=True)

    def start(self) -> None:
        """Start it and wait until libnftables is open.

        Raises:
            LibraryMissingError: when the machine does not have it.
        """
        self._thread.start()
        self._opened.result()

    def submit(self, command: Command) -> Future[Applied]:
        """Hand over a command; its future ends with what it came to, or with the `FirewallError` it failed with.

        Raises:
            HelperBusyError: when too many jobs wait.
            HelperClosedError: when the helper has ended.
        """
        quarantine = command if isinstance(command, Quarantine) else None
        job = _Job(lambda firewall: firewall.apply(command), quarantine)
        self._hand_over(job)
        return job.future

    def counters(self) -> Future[dict[str, Counter]]:
        """Ask for the table's counters.

        Raises:
            HelperBusyError: when too many jobs wait.
            HelperClosedError: when the helper has ended.
        """
        job = _Job(lambda firewall: firewall.counters())
        self._hand_over(job)
        return job.future

    def changes(self) -> Future[tuple[str, ...]]:
        """Ask which parts of the table somebody changed since it was installed.

        Raises:
            HelperBusyError: when too many jobs wait.
            HelperClosedError: when the helper has ended.
        """
        job = _Job(lambda firewall: firewall.changes())
        self._hand_over(job)
        return job.future

    def close(self, timeout: float = 5.0) -> None:
        """Finish what waits and end; the table stays as it is.

        Args:
            timeout: seconds to wait.

        Raises:
            TimeoutError: when the kernel did not answer in time.
        """
        with self._gate:
            if self._closed:
                return
            self._closed = True
        if not self._thread.is_alive():
            return
        try:
            self._jobs.put(None, timeout=timeout)
        except queue.Full:
            message = "the firewall helper does not take up its work; the kernel does not answer"
            raise TimeoutError(message) from None
        self._thread.join(timeout)
        if self._thread.is_alive():
            message = "the firewall helper does not finish; the kernel does not answer"
            raise TimeoutError(message)

    def _hand_over(self, job: _Job[Any]) -> None:
        with self._gate:
            if self._closed:
                message = "the firewall helper has ended"
                raise HelperClosedError(message)
            try:
                self._jobs.put_nowait(job)
            except queue.Full:
                message = f"{self._jobs.maxsize} firewall jobs wait already"
                raise HelperBusyError(message) from None

    def _serve(self) -> None:
        try:
            firewall = self._open()
        except Exception as error:  # noqa: BLE001 - raised by `start`
            self._opened.set_exception(error)
            return
        self._opened.set_result(None)
        ended = False
        while not ended:
            waiting = [self._jobs.get()]
            while len(waiting) < BATCH and waiting[-1] is not None:
                try:
                    waiting.append(self._jobs.get_nowait())
                except queue.Empty:
                    break
            jobs = [job for job in waiting if job is not None]
            ended = len(jobs) < len(waiting)
            for group in _transactions(jobs):
                _settle(firewall, group)


def _transactions(jobs: Iterable[_Job[Any]]) -> Iterator[list[_Job[Any]]]:
    """Split into what is done together: quarantines that follow each other and fit one command, others alone."""
    group: list[_Job[Any]] = []
    size = 0
    for job in jobs:
        entries = 0 if job.quarantine is None else len(job.quarantine.entries)
        if group and (job.quarantine is None or group[-1].quarantine is None or size + entries > MOST_ENTRIES):
            yield group
            group, size = [], 0
        group.append(job)
        size += entries
    if group:
        yield group


def _settle(firewall: Firewall, jobs: Sequence[_Job[Any]]) -> None:
    """Do them in one transaction; if it fails, one by one, so that only those fail that must."""
    quarantines = [job.quarantine for job in jobs if job.quarantine is not None]
    if len(quarantines) > 1:
        try:
            firewall.apply(Quarantine(tuple(entry for quarantine in quarantines for entry in quarantine.entries)))
        except FirewallError:
            pass
        else:
            for job, quarantine in zip(jobs, quarantines, strict=True):
                job.future.set_result(Applied(len(quarantine.entries)))
            return
    for job in jobs:
        job.do(firewall)
