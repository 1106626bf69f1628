"""Runs a load beside what is loaded, and reads what it costs there."""

from __future__ import annotations

import subprocess
import sys
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
    """Connect all members; what is given loads, once."""
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


def measure(plan: Plan, service: Sequence[int], database: Callable[[], float], settle: Callable[[], None]) -> Cost:
    """Load, and wait until all that was asked for is done.

    Args:
        plan: The load.
        service: Process ids of who is loaded.
        database: Seconds of CPU time that the database server has used.
        settle: Waits until the service has nothing to do any more.
    """
    idle, resident = cpu(service), memory(service)
    with connected(plan) as load:
        before, stored = cpu(service), database()
        per_connection = (memory(service) - resident) / len(plan.members)
        found = load()
        settle()
        spent, storing = cpu(service) - before, database() - stored
    answered = found.accepted or 1
    return Cost(
        load=found,
        cpu_us=1e6 * spent / answered,
        database_us=1e6 * storing / answered,
        handshake_us=1e6 * (before - idle) / len(plan.members),
        connection_bytes=per_connection,
    )
