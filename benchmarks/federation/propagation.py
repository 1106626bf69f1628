"""How long it takes until another origin has the sum with what one contributed: it waits for it (long-poll)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import uvloop

from benchmarks.federation.load import Connection, Member, connect, context
from benchmarks.federation.stamping import body

_ETAG = b"etag: "
_PAUSE = 0.3
"""Seconds between two rounds: longer than those who were woken just now have to wait."""


def measure(
    authority: str,
    ports: Sequence[int],
    members: Sequence[Member],
    heads: tuple[str, str],
    models: list[bytes],
    epoch: int,
) -> list[float]:
    """Return milliseconds, one for each model that is contributed, from before it is sent until the sum is there.

    Args:
        authority: PEM.
        ports: One contributes at the first one, the other waits at the last one.
        members: The two.
        heads: Of the contribution, and of who waits; without their ends.
        models: What is contributed (`stamping.body`).
        epoch: Of these contributions.

    Raises:
        RuntimeError: an answer is not as it should be.
        OSError: the service cannot be reached.
    """
    return uvloop.run(_measure(authority, ports, members, heads, models, epoch))


async def _measure(
    authority: str,
    ports: Sequence[int],
    members: Sequence[Member],
    heads: tuple[str, str],
    models: list[bytes],
    epoch: int,
) -> list[float]:
    speaker, listener = members
    telling = await connect(ports[0], context(authority, speaker.certificate))
    waiting = await connect(ports[-1], context(authority, listener.certificate))
    found = []
    _, etag = await _read(waiting, heads[1], b'"none"')
    for number, model in enumerate(models):
        await asyncio.sleep(_PAUSE)
        answer = asyncio.create_task(_read(waiting, heads[1], etag))
        await asyncio.sleep(_PAUSE)
        sent = body(model, epoch, speaker.sequence + number + 1)
        begun = time.monotonic()
        status, _, why = await telling.ask(b"%bContent-Length: %d\r\n\r\n%b" % (heads[0].encode(), len(sent), sent))
        if status >= 300:
            raise RuntimeError(f"the contribution was refused: {status} {why!r}")
        arrived, etag = await answer
        found.append((arrived - begun) * 1e3)
    for connection in (telling, waiting):
        connection.transport.abort()
    return found


async def _read(connection: Connection, head: str, etag: bytes) -> tuple[float, bytes]:
    """Wait for something other than `etag`; return when it was there, and its tag."""
    status, answer, why = await connection.ask(b"%bIf-None-Match: %b\r\n\r\n" % (head.encode(), etag))
    if status != 200:
        raise RuntimeError(f"no sum: {status} {why!r}")
    begin = answer.lower().index(_ETAG) + len(_ETAG)
    return time.monotonic(), answer[begin:].split(b"\r\n", 1)[0]
