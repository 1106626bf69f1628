"""Latency in an open loop: requests come when they come, however long the earlier ones take (Poisson arrivals).

Measured from when a request was due, so that a data plane that stalls pays for all that came meanwhile.
"""

from __future__ import annotations

import asyncio
import random
import socket
import statistics
from contextlib import ExitStack

import msgspec

from tests.network.namespaces import Host

CONNECTIONS = 16
"""Kept open; a request that finds none idle waits for one, and that counts."""


class Latency(msgspec.Struct, frozen=True):
    """Of one run, microseconds."""

    p50: float
    p99: float


def run(host: Host, address: tuple[str, int], request: bytes, *, rate: int, seconds: float) -> Latency:
    """Send a request `rate` times a second.

    Args:
        host: Where the requests come from.
        address: Of the access point: address and port.
        request: Bytes of the request. Its answer must have a length, or be a 204.
        rate: Requests per second, on average.
        seconds: How long.

    Raises:
        OSError: a connection cannot be opened.
        RuntimeError: a connection was closed instead of an answer.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(host.connect(*address)) for _ in range(CONNECTIONS)]
        for each in sockets:
            each.setblocking(False)  # noqa: FBT003 -- its only argument
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found = asyncio.run(_arrivals(sockets, request, rate, seconds))
    ordered = sorted(1e6 * each for each in found)
    return Latency(statistics.median(ordered), ordered[int(len(ordered) * 0.99)])


async def _arrivals(sockets: list[socket.socket], request: bytes, rate: int, seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    idle: asyncio.Queue[socket.socket] = asyncio.Queue()
    for each in sockets:
        idle.put_nowait(each)
    found: list[float] = []

    async def one(due: float) -> None:
        end = await idle.get()
        await loop.sock_sendall(end, request)
        await _answer(loop, end)
        found.append(loop.time() - due)
        idle.put_nowait(end)

    source = random.Random(1)
    due = loop.time()
    last = due + seconds
    async with asyncio.TaskGroup() as requests:
        while (due := due + source.expovariate(rate)) < last:
            await asyncio.sleep(max(0.0, due - loop.time()))
            requests.create_task(one(due))
    return found


async def _answer(loop: asyncio.AbstractEventLoop, end: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        data = await loop.sock_recv(end, 65536)
        if not data:
            raise RuntimeError("a connection was closed instead of an answer")
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 204"):
        return
    left = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= len(await loop.sock_recv(end, left))
