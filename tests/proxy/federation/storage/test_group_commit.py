from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from proxy.federation.storage.base import MAX_ROWS, Held, Row, StoreBusyError, StoreError
from proxy.federation.storage.group_commit import MAX_BATCH_BYTES, MAX_WAITING_BYTES, MAX_WAITING_ROWS, GroupCommit
from tests.waiting import PATIENCE


def row(sequence: int, body: bytes = b"x") -> Row:
    return Row("a", "t", 1, sequence, body)


class Writer:
    """Writes batches one by one, when told to go on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def commit(self, rows: Sequence[Row]) -> list[Held]:
        self.batches.append([each.sequence for each in rows])
        self.begun.set()
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return [Held(stored=True, epoch=each.epoch, sequence=each.sequence) for each in rows]


async def started(count: int) -> tuple[Writer, GroupCommit, list[asyncio.Task[list[Held]]]]:
    """A first caller's batch is being written, others wait."""
    writer = Writer()
    puts = GroupCommit(writer.commit)
    tasks = [asyncio.create_task(puts.put([row(0)]))]
    await writer.begun.wait()
    tasks += [asyncio.create_task(puts.put([row(n)])) for n in range(1, count)]
    await asyncio.sleep(0)
    return writer, puts, tasks


async def test_who_comes_meanwhile_is_one_batch() -> None:
    writer, _, tasks = await started(20)
    writer.go.set()
    answers = await asyncio.gather(*tasks)
    assert [held.sequence for (held,) in answers] == list(range(20))
    assert writer.batches == [[0], list(range(1, 20))]


async def test_a_lone_caller_does_not_wait_for_others() -> None:
    writer = Writer()
    writer.go.set()
    assert len(await asyncio.wait_for(GroupCommit(writer.commit).put([row(1), row(2)]), PATIENCE)) == 2


async def test_batches_are_bounded_and_no_caller_is_split() -> None:
    writer = Writer()
    writer.go.set()
    puts = GroupCommit(writer.commit)
    await asyncio.gather(*(puts.put([row(n), row(n)]) for n in range(MAX_ROWS)))
    assert [len(batch) for batch in writer.batches] == [MAX_ROWS, MAX_ROWS]
    writer.batches.clear()
    half = b"x" * (MAX_BATCH_BYTES // 2)
    await asyncio.gather(*(puts.put([row(n, half)]) for n in range(3)))
    assert [len(batch) for batch in writer.batches] == [2, 1]


async def test_an_error_is_told_to_all_of_the_batch_and_to_nobody_else() -> None:
    writer, puts, tasks = await started(3)
    writer.error = StoreError("disk full; make room")
    writer.go.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in outcomes] == ["disk full; make room"] * 3
    assert all(isinstance(each, StoreError) for each in outcomes)
    writer.error = None
    assert await puts.put([row(9)])


async def test_a_defect_is_told_too() -> None:
    writer, _, tasks = await started(2)
    writer.error = ZeroDivisionError("a defect")
    writer.go.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, StoreError) and isinstance(each.__cause__, ZeroDivisionError) for each in outcomes)


async def test_who_gives_up_takes_nobody_along() -> None:
    writer, _, tasks = await started(3)
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.sleep(0)
    writer.go.set()
    assert (await tasks[2])[0].sequence == 2


async def test_too_many_rows_are_sent_back() -> None:
    writer, puts, tasks = await started(1)
    for _ in range(0, MAX_WAITING_ROWS, MAX_ROWS):
        tasks.append(asyncio.create_task(puts.put([row(n) for n in range(MAX_ROWS)])))
    await asyncio.sleep(0)
    with pytest.raises(StoreBusyError, match="try again in a second"):
        await puts.put([row(1)])
    writer.go.set()
    await asyncio.gather(*tasks)
    assert await puts.put([row(1)])


async def test_too_many_bytes_are_sent_back() -> None:
    writer, puts, tasks = await started(1)
    big = b"x" * (1 << 20)
    tasks += [asyncio.create_task(puts.put([row(n, big)])) for n in range(MAX_WAITING_BYTES >> 20)]
    await asyncio.sleep(0)
    with pytest.raises(StoreBusyError, match="bytes wait to be written"):
        await puts.put([row(1)])
    writer.go.set()
    await asyncio.gather(*tasks)


async def test_closing_writes_what_was_taken_and_takes_no_more() -> None:
    writer, puts, tasks = await started(3)
    closing = asyncio.create_task(puts.close())
    await asyncio.sleep(0)
    with pytest.raises(StoreError, match="closed"):
        await puts.put([row(9)])
    assert not closing.done()
    writer.go.set()
    await closing
    assert all(task.done() for task in tasks)
    assert writer.batches == [[0], [1, 2]]
