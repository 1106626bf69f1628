"""What concurrent callers write becomes one transaction: as many as come while the one before is written."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from proxy.federation.storage.base import MAX_ROWS, Held, Row, StoreBusyError, StoreError

MAX_WAITING_ROWS = 8192
"""Rows that wait to be written; beyond, callers are told to come back."""
MAX_WAITING_BYTES = 32 << 20
"""Bytes of bodies that wait, likewise."""
MAX_BATCH_BYTES = 4 << 20
"""Bytes of bodies in one transaction, unless one caller alone brings more."""


class _Call(msgspec.Struct):
    """What one caller waits for."""

    rows: Sequence[Row]
    bytes: int
    answer: asyncio.Future[list[Held]]


class GroupCommit:
    """Collects what callers put. A caller's rows are written together or not at all. One event loop's."""

    def __init__(self, commit: Callable[[Sequence[Row]], Awaitable[list[Held]]]) -> None:
        """Start with nothing waiting.

        Args:
            commit: writes rows in the given order in one transaction, durably, and says what is held of each then.
        """
        self._commit = commit
        self._waiting: deque[_Call] = deque()
        self._rows = 0
        self._bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self._closed = False

    async def put(self, rows: Sequence[Row]) -> list[Held]:
        """Have rows written, with those of other callers.

        Raises:
            StoreBusyError: too much is waiting; nothing was taken.
            StoreError: they were not written, as none of the same transaction was.
        """
        if self._closed:
            raise StoreError("the store is closed: the service is stopping; try again in a moment")
        size = sum(len(row.body or b"") for row in rows)
        if self._rows + len(rows) > MAX_WAITING_ROWS or self._bytes + size > MAX_WAITING_BYTES:
            raise StoreBusyError(
                f"{self._rows} contributions of {self._bytes} bytes wait to be written: try again in a second, or let"
                " more service processes share the load"
            )
        call = _Call(rows, size, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._rows += len(rows)
        self._bytes += size
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await call.answer

    async def close(self) -> None:
        """Take nothing more, and wait until all that was taken is written."""
        self._closed = True
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self._write_one(self._take())
        finally:
            self._writing = None

    async def _write_one(self, batch: list[_Call]) -> None:
        outcome = asyncio.ensure_future(self._commit([row for call in batch for row in call.rows]))
        await asyncio.wait([outcome])
        error = asyncio.CancelledError() if outcome.cancelled() else outcome.exception()
        if error is not None:
            for call in batch:
                if not call.answer.done():  # its caller may have given up
                    # One of its own for each caller: raising puts a trace into it.
                    each = StoreError(str(error))
                    each.__cause__ = error
                    call.answer.set_exception(each)
            return
        held = iter(outcome.result())
        for call in batch:
            answer = [next(held) for _ in call.rows]
            if not call.answer.done():
                call.answer.set_result(answer)

    def _take(self) -> list[_Call]:
        batch: list[_Call] = []
        rows = size = 0
        while self._waiting:
            call = self._waiting[0]
            full = rows + len(call.rows) > MAX_ROWS or size + call.bytes > MAX_BATCH_BYTES
            if batch and full:
                break
            batch.append(self._waiting.popleft())
            rows += len(call.rows)
            size += call.bytes
            self._rows -= len(call.rows)
            self._bytes -= call.bytes
        return batch
