"""The gateway's side of the firewall helper, the one process that may change the kernel's rules.

Typed commands go to it, their outcomes come back as futures. A helper that dies is replaced, and told the plan again.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
import weakref
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from proxy.firewall.commands import Command, InstallTable, Uninstall
from proxy.firewall.framing import FrameError, FrameReader, framed
from proxy.firewall.launcher import Launcher, LauncherLostError
from proxy.firewall.messages import (
    Answer,
    Changes,
    Counters,
    Failure,
    ReadChanges,
    ReadCounters,
    Ready,
    Request,
    encoded,
    error_of,
    read_answer,
)
from proxy.firewall.nftables import Applied, Counter, FirewallError

QUEUE_SIZE = 1024
"""Most jobs unanswered; a transaction takes well under a millisecond."""
_START_SECONDS = 10.0
_INSTALL_SECONDS = 30.0
"""With full sets an installation takes a second; this only bounds the unforeseen."""
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 5.0
"""Between attempts to start another helper, doubling."""
_CHUNK = 1 << 16


class HelperBusyError(FirewallError):
    """More jobs wait than may; nothing was done."""


class HelperClosedError(FirewallError):
    """The helper has ended for good; nothing was done."""


class HelperLostError(FirewallError):
    """The helper died over it; whether it was done is not known. Another one is being started."""


class Connector(Protocol):
    """Where helpers come from."""

    def connect(self) -> socket.socket:
        """Return a connection to a fresh helper.

        Raises:
            LauncherLostError: when there can be none any more.
        """
        ...

    def close(self) -> None:
        """Make no more of them."""
        ...


@dataclass(frozen=True)
class _Job:
    """Something for the helper to do, and the future that hears of it."""

    wanted: Command | ReadCounters | ReadChanges
    future: Future[Any] = field(default_factory=Future)


class _Link:
    """One connection to one helper, from its first word on; what it was sent and has not answered."""

    def __init__(self, connection: socket.socket) -> None:
        """Wait until the helper is ready.

        Raises:
            FirewallError: when it can not work, e.g. without libnftables.
            OSError: when it is gone, or takes too long.
        """
        self.connection = connection
        self.outgoing = bytearray()
        self.pending: dict[int, _Job] = {}
        self._reader = FrameReader()
        self._number = 0
        self._next_answer(_START_SECONDS)

    def ask(self, command: Command) -> None:
        """Have a command carried out and wait for it, before anything else is sent.

        Raises:
            FirewallError: with which it failed.
            OSError: when the helper is gone, or takes too long.
        """
        self.connection.settimeout(_INSTALL_SECONDS)
        self._number += 1
        self.connection.sendall(framed(encoded(Request(self._number, command))))
        self._next_answer(_INSTALL_SECONDS)

    def add(self, job: _Job) -> None:
        """Put a job on its way.

        Raises:
            FrameError: when it does not fit a message.
        """
        self._number += 1
        self.outgoing += framed(encoded(Request(self._number, job.wanted)))
        self.pending[self._number] = job

    def send(self) -> None:
        """Send what the connection takes now."""
        sent = self.connection.send(self.outgoing)
        del self.outgoing[:sent]

    def receive(self) -> list[Answer]:
        """Return the answers that are there.

        Raises:
            ConnectionError: when the helper is gone.
            FrameError: when it speaks nonsense; or msgspec.MsgspecError.
        """
        data = self.connection.recv(_CHUNK)
        if not data:
            raise ConnectionResetError("the firewall helper has ended")
        self._reader.feed(data)
        answers = []
        while (message := self._reader.take()) is not None:
            answers.append(read_answer(message))
        return answers

    def answered(self, answer: Answer) -> _Job:
        """Return the job that an answer is for, which waits no longer.

        Raises:
            FrameError: when there is none.
        """
        try:
            return self.pending.pop(answer.number)
        except KeyError:
            raise FrameError(f"an answer to {answer.number}, which nobody asked") from None

    def _next_answer(self, seconds: float) -> None:
        self.connection.settimeout(seconds)
        answers: list[Answer] = []
        while not answers:
            answers = self.receive()
        outcome = answers[0].outcome
        if isinstance(outcome, Failure):
            raise error_of(outcome)


class FirewallHelper:
    """Hands commands to the helper; handing over neither waits nor grows without bound."""

    def __init__(self, connector: Connector | None = None, *, queue_size: int = QUEUE_SIZE) -> None:
        """Prepare it.

        Args:
            connector: where helpers come from, and closed with this; None: a `Launcher` made by `start`.
            queue_size: most jobs without an answer.
        """
        self._connector = connector
        self._queue_size = queue_size
        self._jobs: deque[_Job] = deque()
        self._unanswered = 0
        self._gate = threading.Lock()
        self._closed: str | None = None
        """Why nothing is taken any more."""
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._wake)
        self._plan: InstallTable | None = None
        self._thread: threading.Thread | None = None
        self.restarts = 0
        """How often a helper died and another one took its place."""

    def start(self) -> None:
        """Start it, in the network namespace of the calling thread, and wait until libnftables is open.

        Raises:
            FirewallError: when it does not start; LibraryMissingError when the machine does not have libnftables.
        """
        self._connector = self._connector or Launcher()
        try:
            link = _Link(self._connector.connect())
        except (OSError, FrameError, msgspec.MsgspecError) as error:
            raise FirewallError(f"the firewall helper does not start: {error}; see what it printed") from error
        self._thread = threading.Thread(
            target=self._serve, args=(self._connector, link), name="firewall-helper", daemon=True
        )
        self._thread.start()

    def submit(self, command: Command) -> Future[Applied]:
        """Hand over a command; its future ends with what it came to, or with the `FirewallError` it failed with.

        Raises:
            HelperBusyError: when too many jobs wait.
            HelperClosedError: when the helper has ended.
        """
        return self._hand_over(command)

    def counters(self) -> Future[dict[str, Counter]]:
        """Ask for the table's counters.

        Raises:
            HelperBusyError: when too many jobs wait.
            HelperClosedError: when the helper has ended.
        """
        return self._hand_over(ReadCounters())

    def changes(self) -> Future[tuple[str, ...]]:
        """Ask which parts of the table somebody changed since it was installed.

        Raises:
            HelperBusyError: when too many jobs wait.
            HelperClosedError: when the helper has ended.
        """
        return self._hand_over(ReadChanges())

    def close(self, timeout: float = 5.0) -> None:
        """Finish what waits and end; the table stays as it is.

        Args:
            timeout: seconds to wait.

        Raises:
            TimeoutError: when the kernel did not answer in time.
        """
        self._refuse("the firewall helper has ended")
        try:
            if self._thread is not None:
                self._thread.join(timeout)
                if self._thread.is_alive():
                    raise TimeoutError("the firewall helper does not finish; the kernel does not answer")
        finally:
            if self._connector is not None:
                self._connector.close()

    def _refuse(self, reason: str) -> None:
        with self._gate:
            self._closed = self._closed or reason
            os.eventfd_write(self._wake, 1)

    def _hand_over(self, wanted: Command | ReadCounters | ReadChanges) -> Future[Any]:
        job = _Job(wanted)
        # From now on it is done; whoever does not wait for it any more takes nothing back.
        job.future.set_running_or_notify_cancel()
        with self._gate:
            if self._closed is not None:
                raise HelperClosedError(self._closed)
            if self._unanswered >= self._queue_size:
                raise HelperBusyError(f"{self._queue_size} firewall jobs wait already")
            self._unanswered += 1
            self._jobs.append(job)
            os.eventfd_write(self._wake, 1)
        return job.future

    def _serve(self, connector: Connector, first: _Link) -> None:
        """Serve one helper after the other, until closed or there are no more."""
        link: _Link | None = first
        pause = _FIRST_PAUSE_SECONDS
        try:
            while link is not None:
                begun = time.monotonic()
                if self._served(link):
                    return
                if time.monotonic() - begun > _LONGEST_PAUSE_SECONDS:
                    pause = _FIRST_PAUSE_SECONDS
                link, pause = self._another(connector, pause)
        finally:
            self._refuse("the firewall helper has ended")
            while self._jobs:
                self._settle(self._jobs.popleft(), HelperClosedError(str(self._closed)))

    def _served(self, link: _Link) -> bool:
        """Serve one helper; return whether everything was answered when this was closed, or it died before."""
        lost: BaseException | None = None
        try:
            with link.connection:
                self._converse(link)
        except (OSError, FrameError, msgspec.MsgspecError) as error:
            lost = error
        finally:
            for job in link.pending.values():
                self._settle(job, HelperLostError(f"the firewall helper died: {lost}"))
        return lost is None

    def _converse(self, link: _Link) -> None:
        """Pass jobs and answers on until closed and everything is answered.

        Raises:
            OSError: when the helper is gone.
        """
        link.connection.settimeout(0)
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        while True:
            self._put_on_the_way(link)
            if self._closed is not None and not self._jobs and not link.pending:
                return
            poll.register(link.connection, select.POLLIN | (select.POLLOUT if link.outgoing else 0))
            for descriptor, events in poll.poll():
                if descriptor == self._wake:
                    os.eventfd_read(self._wake)
                    continue
                if events & select.POLLOUT:
                    link.send()
                if events & ~select.POLLOUT:
                    for answer in link.receive():
                        self._take(link.answered(answer), answer)

    def _put_on_the_way(self, link: _Link) -> None:
        while self._jobs:
            job = self._jobs.popleft()
            try:
                link.add(job)
            except FrameError as error:
                self._settle(job, FirewallError(str(error)))

    def _take(self, job: _Job, answer: Answer) -> None:
        match answer.outcome:
            case Failure() as failure:
                self._settle(job, error_of(failure))
                return
            case Counters(values):
                outcome: object = values
            case Changes(parts):
                outcome = parts
            case Applied() | Ready():
                outcome = answer.outcome
        if isinstance(job.wanted, InstallTable):
            # Without its entries: who is in quarantine by then stands in the kernel, and some may have been let go.
            self._plan = InstallTable(job.wanted.plan)
        elif isinstance(job.wanted, Uninstall):
            self._plan = None
        self._settle(job, outcome)

    def _settle(self, job: _Job, outcome: object) -> None:
        with self._gate:
            self._unanswered -= 1
        if isinstance(outcome, FirewallError):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome)

    def _another(self, connector: Connector, pause: float) -> tuple[_Link | None, float]:
        """Return a link to another helper that knows the plan, and how long to wait before the next; None: no more."""
        while True:
            self._rest(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            if self._closed is not None:
                return None, pause
            try:
                link = self._prepared(connector)
            except LauncherLostError as error:
                self._refuse(str(error))
                return None, pause
            except (FirewallError, OSError, FrameError, msgspec.MsgspecError):
                continue
            self.restarts += 1
            return link, pause

    def _prepared(self, connector: Connector) -> _Link:
        connection = connector.connect()
        try:
            link = _Link(connection)
            if self._plan is not None:
                # What the kernel refuses now, whoever watches over the table finds missing, and installs again.
                with contextlib.suppress(FirewallError):
                    link.ask(self._plan)
        except BaseException:
            connection.close()
            raise
        return link

    def _rest(self, seconds: float) -> None:
        """Wait; not on when this is closed."""
        until = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        while self._closed is None and (left := until - time.monotonic()) > 0:
            if poll.poll(left * 1000):
                os.eventfd_read(self._wake)
