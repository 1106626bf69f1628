"""The worker processes: started, listened to, started again when they end, and ended when they hang."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from proxy.processes.channel import Channel, ChannelClosed, ChannelFull, pair
from proxy.processes.messages import Beat, Begin, Failed, Serving, Stop, ToSupervisor, ToWorker
from proxy.supervisor.status import Past, added

START_SECONDS = 60.0
"""How long a worker may take until it serves."""
SILENCE_SECONDS = 10.0
"""A worker that says nothing for so long hangs, and is ended."""
ALIVE_SECONDS = 1.5
"""A worker that said something within that time is alive."""
LONGEST_PAUSE = 10.0
"""Seconds before a worker that ended again and again is started once more."""
_FIRST_PAUSE = 0.25
_STEADY_SECONDS = 60.0
"""A worker that lived for so long may end without a pause."""
_STOP_SECONDS = 8.0
_LAST_SECONDS = 2.0
"""How long a worker may take to end once it has closed its channel."""
_WATCH_SECONDS = 0.5


@dataclass(frozen=True)
class Listener:
    """Who hears of the workers. Called on the event loop's thread, with the worker's number."""

    begin: Callable[[int], Begin]
    """Returns what a worker begins with; from then on it hears what is sent to all."""
    on_message: Callable[[int, ToSupervisor], None]
    """What it raises ends the worker: it sent something that it should not."""
    on_serving: Callable[[int], None]
    on_ended: Callable[[int, str], None]
    """Called with the reason when a worker ended that had not been told to; it is started again."""


@dataclass
class _Worker:
    number: int
    process: asyncio.subprocess.Process | None = None
    channel: Channel[ToWorker, ToSupervisor] | None = None
    serving: asyncio.Event = field(default_factory=asyncio.Event)
    heard: float = 0.0
    begun: float = 0.0
    beat: Beat | None = None
    starts: int = 0
    problems: list[str] = field(default_factory=list)


class Workers:
    """All workers. For the event loop's thread."""

    def __init__(self, count: int, command: Sequence[str], listener: Listener) -> None:
        """Prepare them.

        Args:
            count: How many.
            command: Program and arguments of a worker; what it is told at its start comes in addition.
            listener: Who hears of them.
        """
        self._command = command
        self._listener = listener
        self._workers = [_Worker(number) for number in range(count)]
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._past = Past()

    async def start(self) -> list[str]:
        """Start all, and wait until they serve; return why one does not, a line for each reason."""
        self._tasks = [asyncio.create_task(self._keep(worker)) for worker in self._workers]
        self._tasks.append(asyncio.create_task(self._watch()))
        serving = [asyncio.create_task(worker.serving.wait()) for worker in self._workers]
        deadline = time.monotonic() + START_SECONDS
        try:
            while not all(task.done() for task in serving):
                problems = [problem for worker in self._workers for problem in worker.problems]
                failed = next((task for task in self._tasks if task.done()), None)
                if failed is not None:
                    failed.result()
                if problems:
                    return list(dict.fromkeys(problems))
                if time.monotonic() > deadline:
                    return [f"a worker did not serve within {START_SECONDS:g} s; see the lines above"]
                await asyncio.wait(serving, timeout=0.1, return_when=asyncio.ALL_COMPLETED)
        finally:
            for task in serving:
                task.cancel()
        return []

    async def forever(self) -> None:
        """Wait until one of the tasks that keep workers alive fails; they do not end by themselves."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def send(self, number: int, message: ToWorker) -> None:
        """Tell one worker; one that has ended hears what it has to when it begins again."""
        worker = self._workers[number]
        if worker.channel is None:
            return
        try:
            worker.channel.send(message)
        except ChannelFull:
            self._kill(worker)

    def tell_all(self, message: ToWorker, *, but: int | None = None) -> None:
        """Tell all workers, or all but one."""
        for worker in self._workers:
            if worker.number != but:
                self.send(worker.number, message)

    def alive(self) -> tuple[int, ...]:
        """Return the numbers of the workers that serve and have said something within `ALIVE_SECONDS`."""
        now = time.monotonic()
        return tuple(each.number for each in self._serving() if now - each.heard < ALIVE_SECONDS)

    def serving(self) -> tuple[int, ...]:
        """Return the numbers of the workers that serve."""
        return tuple(each.number for each in self._serving())

    def beats(self) -> list[Beat | None]:
        """Return what each worker said of itself last; None where it has not said anything yet."""
        return [worker.beat for worker in self._workers]

    @property
    def past(self) -> Past:
        """What workers counted that have ended since."""
        return self._past

    def restarts(self) -> int:
        """Return how often a worker had to be started again."""
        return sum(max(0, worker.starts - 1) for worker in self._workers)

    def end(self, number: int) -> None:
        """Kill a worker that does not do what it is told; it is started again."""
        self._kill(self._workers[number])

    async def stop(self) -> None:
        """End all, and take what they hand over; one that does not end in time is killed."""
        self._stopping.set()
        self.tell_all(Stop())
        keeping = self._tasks[: len(self._workers)]
        if keeping:
            await asyncio.wait(keeping, timeout=_STOP_SECONDS)
        for worker in self._workers:
            self._kill(worker)
        if keeping:
            await asyncio.wait(keeping, timeout=_STOP_SECONDS)
        for task in self._tasks:
            task.cancel()

    def _serving(self) -> Iterable[_Worker]:
        return (worker for worker in self._workers if worker.serving.is_set())

    async def _keep(self, worker: _Worker) -> None:
        """Run a worker, again and again."""
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            reason = await self._run(worker)
            if self._stopping.is_set():
                return
            self._listener.on_ended(worker.number, reason)
            pause = _FIRST_PAUSE if time.monotonic() - worker.begun > _STEADY_SECONDS else min(2 * pause, LONGEST_PAUSE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _run(self, worker: _Worker) -> str:
        """Run a worker once; return why it ended."""
        worker.begun = worker.heard = time.monotonic()
        worker.problems = []
        ours, its = pair()
        try:
            worker.process = await asyncio.create_subprocess_exec(
                *self._command,
                *("--channel", str(its.reading), str(its.writing), "--parent", str(os.getpid())),
                pass_fds=its,
            )
        except OSError as error:
            for end in ours:
                os.close(end)
            worker.problems = [f"a worker cannot be started: {error}"]
            return worker.problems[0]
        finally:
            for end in its:
                os.close(end)
        worker.starts += 1
        channel: Channel[ToWorker, ToSupervisor] = await Channel.over(ours, ToSupervisor)
        reason = "it ended"
        try:
            channel.send(self._listener.begin(worker.number))
            worker.channel = channel
            if self._stopping.is_set():
                channel.send(Stop())
            while True:
                self._take(worker, await channel.receive())
        except (ChannelClosed, ChannelFull) as closed:
            reason = str(closed)
        except ValueError as error:
            reason = f"what it said can not be read: {error}"
        finally:
            worker.channel = None
            worker.serving.clear()
            self._past = added(self._past, worker.beat)
            worker.beat = None
            channel.close()
        code = await self._gone(worker)
        reason = "; ".join([*worker.problems, reason])
        return f"{reason}, exit code {code}" if code >= 0 else f"{reason}, by signal {-code}"

    async def _gone(self, worker: _Worker) -> int:
        """Wait until a worker that is heard no more has ended, and see that it does; return its exit code."""
        process = worker.process
        if process is None:
            raise AssertionError("no worker runs")
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                return await process.wait()
        except TimeoutError:
            self._kill(worker)
            return await process.wait()
        finally:
            worker.process = None

    def _take(self, worker: _Worker, message: ToSupervisor) -> None:
        worker.heard = time.monotonic()
        match message:
            case Beat():
                worker.beat = message
            case Serving():
                worker.serving.set()
                self._listener.on_serving(worker.number)
            case Failed():
                worker.problems = message.problems
            case _:
                self._listener.on_message(worker.number, message)

    async def _watch(self) -> None:
        """End workers that hang; they are started again."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            for worker in self._workers:
                patience = SILENCE_SECONDS if worker.serving.is_set() else START_SECONDS
                if worker.channel is not None and now - worker.heard > patience:
                    self._kill(worker)

    @staticmethod
    def _kill(worker: _Worker) -> None:
        if worker.process is not None and worker.process.returncode is None:
            worker.process.kill()
