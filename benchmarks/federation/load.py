"""A load: origins that each have a connection of their own, with their certificate, and ask one thing after the other.

`python -m benchmarks.federation.load`, a process of its own: reads a `Plan` from its first line, says `connected` once
all are, loads whenever another line tells it to, and prints a `Load` each time.
"""

from __future__ import annotations

import asyncio
import ssl
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import cast

import msgspec

from benchmarks.federation.stamping import body
from proxy.event_loop import new_event_loop

HOST = "127.0.0.1"
_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_BODILESS = {204, 304}
_PATIENCE = 30.0


class Member(msgspec.Struct, frozen=True):
    """Who loads."""

    name: str
    certificate: str
    """A file: PEM, with its key."""
    sequence: int
    """What it published last; 0: nothing yet."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be asked."""

    ports: list[int]
    """The members are spread over them."""
    authority: str
    """PEM."""
    members: list[Member]
    head: str
    """Of each request, up to where `Content-Length` would follow; no body: all of it."""
    models: list[bytes]
    """What is sent in turn (`stamping.body`); none: nothing."""
    epoch: int
    seconds: float


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    seconds: float
    statuses: dict[int, int]
    p50: float
    """Milliseconds."""
    p99: float
    acknowledged: dict[str, int]
    """The last sequence of each member that was answered with a 2xx."""
    largest: int
    """Bytes of the largest answer, without its head."""

    @property
    def accepted(self) -> int:
        """How many were answered as they should be."""
        return sum(count for status, count in self.statuses.items() if status < 400)

    @property
    def refused(self) -> int:
        """How many were not."""
        return sum(count for status, count in self.statuses.items() if status >= 400)


class Connection(asyncio.Protocol):
    """One connection. Answers need a length, or have no body."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes, bytes]] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes of an answer."""
        self._received += data
        end = self._received.find(_END)
        if end < 0 or self._answer is None or self._answer.done():
            return
        head = bytes(self._received[: end + 2])
        status, length = int(head[9:12]), 0
        if status not in _BODILESS and (at := head.lower().find(_LENGTH)) >= 0:
            length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
        begin = end + len(_END)
        if len(self._received) >= begin + length:
            answer = bytes(self._received[begin : begin + length])
            self._received.clear()
            self._answer.set_result((status, head, answer))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that there will be no answer."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError(str(exc or "the connection was closed")))

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Send a request; return status, head and body of its answer.

        Raises:
            ConnectionError: there is none.
        """
        if self.transport.is_closing():
            raise ConnectionResetError("the connection was closed")
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answer


def context(authority: str, certificate: str) -> ssl.SSLContext:
    """Return how a member connects."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(cadata=authority)
    made.load_cert_chain(certificate)
    return made


async def connect(port: int, tls: ssl.SSLContext) -> Connection:
    """Connect to a service.

    Raises:
        OSError: it cannot be reached, or its certificate or ours is not taken.
    """
    _, protocol = await asyncio.get_running_loop().create_connection(Connection, HOST, port, ssl=tls)
    return protocol


class _Loading:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._head = plan.head.encode()
        self._sequences = [member.sequence for member in plan.members]
        self._forget()

    def _forget(self) -> None:
        self._statuses: Counter[int] = Counter()
        self._latencies: list[float] = []
        self._acknowledged: dict[str, int] = {}
        self._largest = 0

    async def connect(self) -> list[Connection]:
        """Connect all members: a few at a time, as those of a site would."""
        plan, connections = self._plan, []
        for number, member in enumerate(plan.members):
            port = plan.ports[number % len(plan.ports)]
            connections.append(await connect(port, context(plan.authority, member.certificate)))
        return connections

    async def run(self, connections: Sequence[Connection]) -> Load:
        """Load until the time is over, or nobody answers any more; each time with what comes next."""
        self._forget()
        begun = time.monotonic()
        until = begun + self._plan.seconds
        loads = [
            self._one(number, member, connection, until)
            for number, (member, connection) in enumerate(zip(self._plan.members, connections, strict=True))
        ]
        await asyncio.wait_for(asyncio.gather(*loads), self._plan.seconds + _PATIENCE)
        latencies = sorted(self._latencies) or [0.0]
        return Load(
            seconds=time.monotonic() - begun,
            statuses=dict(self._statuses),
            p50=statistics.median(latencies) * 1e3,
            p99=latencies[len(latencies) * 99 // 100] * 1e3,
            acknowledged=self._acknowledged,
            largest=self._largest,
        )

    async def _one(self, number: int, member: Member, connection: Connection, until: float) -> None:
        while (begun := time.monotonic()) < until:
            sequence = self._sequences[number] = self._sequences[number] + 1
            try:
                status, _, answer = await connection.ask(self._request(number, sequence))
            except ConnectionError:
                return
            self._latencies.append(time.monotonic() - begun)
            self._statuses[status] += 1
            self._largest = max(self._largest, len(answer))
            if status < 300:
                self._acknowledged[member.name] = sequence

    def _request(self, number: int, sequence: int) -> bytes:
        models = self._plan.models
        if not models:
            return self._head
        sent = body(models[(number + sequence) % len(models)], self._plan.epoch, sequence)
        return b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(sent), sent)


async def _main(plan: Plan) -> None:
    loading = _Loading(plan)
    connections = await loading.connect()
    print("connected", flush=True)
    while await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        print(msgspec.json.encode(await loading.run(connections)).decode(), flush=True)
    for connection in connections:
        connection.transport.abort()


if __name__ == "__main__":
    asyncio.run(_main(msgspec.json.decode(sys.stdin.readline(), type=Plan)), loop_factory=new_event_loop)
