"""Runs a load beside what is loaded, and reads what it costs there."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from benchmarks.federation.load import Load, Plan
from benchmarks.federation.usage import cpu, memory


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What a load came to, and what it cost those who were loaded."""

    load: Load
    cpu_us: float
    """Microseconds of CPU time of the service, per request that was answered as it should be."""
    database_us: float
    """The same of the database server, where there is one."""
    handshake_us: float
    """Of the service, per connection."""
    connection_bytes: float
    """Memory of the service, per connection."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.load.accepted / self.load.seconds


@contextmanager
def connected(plan: Plan) -> Iterator[Callable[[], Load]]:
    """Connect all members; what is given loads, each time with what comes next."""
    command = [sys.executable, "-m", "benchmarks.federation.load"]
    # A process of its own, so that the load does not wait for who measures it.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603, ours
        assert process.stdin is not None  # noqa: S101 -- so with pipes
        assert process.stdout is not None  # noqa: S101
        ask, answers = process.stdin, process.stdout

        def load() -> Load:
            ask.write(b"\n")
            ask.flush()
            return msgspec.json.decode(answers.readline(), type=Load, strict=False)

        try:
            ask.write(msgspec.json.encode(plan) + b"\n")
            ask.flush()
            if answers.readline().strip() != b"connected":
                raise RuntimeError("the load could not connect; see above")
            yield load
        finally:
            process.kill()


class Loaded:
    """Who is loaded, in rounds, and what that costs."""

    def __init__(self, plan: Plan, load: Callable[[], Load], service: Sequence[int], made: tuple[float, int]) -> None:
        """Take who is connected; `made` is CPU time and memory from before."""
        self._load = load
        self._service = service
        members = len(plan.members)
        self._handshake_us = 1e6 * (cpu(service) - made[0]) / members
        self._connection_bytes = (memory(service) - made[1]) / members
        self._rounds: list[tuple[Load, float, float]] = []

    def round(self, database: Callable[[], float], settle: Callable[[], None]) -> float:
        """Load, and wait until all that was asked for is done; return CPU time per request, us.

        Args:
            database: Seconds of CPU time that the database server has used.
            settle: Waits until the service has nothing to do any more.
        """
        before, stored = cpu(self._service), database()
        found = self._load()
        settle()
        spent = cpu(self._service) - before
        self._rounds.append((found, spent, database() - stored))
        return 1e6 * spent / (found.accepted or 1)

    @property
    def cost(self) -> Cost:
        """Of all rounds: rates and CPU times of all together, latencies of the round in the middle."""
        loads = [load for load, _, _ in self._rounds]
        statuses: Counter[int] = Counter()
        acknowledged: dict[str, int] = {}
        for each in loads:
            statuses.update(each.statuses)
            acknowledged |= each.acknowledged
        load = Load(
            seconds=sum(each.seconds for each in loads),
            statuses=dict(statuses),
            p50=statistics.median(each.p50 for each in loads),
            p99=statistics.median(each.p99 for each in loads),
            acknowledged=acknowledged,
            largest=max(each.largest for each in loads),
        )
        answered = load.accepted or 1
        return Cost(
            load=load,
            cpu_us=1e6 * sum(spent for _, spent, _ in self._rounds) / answered,
            database_us=1e6 * sum(storing for _, _, storing in self._rounds) / answered,
            handshake_us=self._handshake_us,
            connection_bytes=self._connection_bytes,
        )


@contextmanager
def loaded(plan: Plan, service: Sequence[int]) -> Iterator[Loaded]:
    """Connect all members to the processes of a service."""
    idle = cpu(service), memory(service)
    with connected(plan) as load:
        yield Loaded(plan, load, service, idle)


def measure(plan: Plan, service: Sequence[int]) -> Cost:
    """Load once with what leaves nothing to be done."""
    with loaded(plan, service) as found:
        found.round(nothing, at_once)
    return found.cost


def nothing() -> float:
    """Return what a database uses that is not there."""
    return 0.0


def at_once() -> None:
    """Wait for nothing: reads leave nothing to be done."""
