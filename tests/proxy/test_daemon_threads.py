"""What blocks runs in few threads, which keep nobody from ending."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from proxy.daemon_threads import DaemonThreads


async def test_results_and_errors_come_back_from_threads_that_keep_nobody() -> None:
    threads = DaemonThreads(2, "fetching")
    thread = await threads.run(threading.current_thread)
    assert (thread.daemon, thread.name) == (True, "fetching")
    assert thread is not threading.current_thread()

    def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await threads.run(fail)


async def test_no_more_than_so_many_run_at_once() -> None:
    threads = DaemonThreads(2, "fetching")
    begun, release = threading.Semaphore(0), threading.Event()
    running: list[int] = []

    def block(number: int) -> int:
        running.append(number)
        begun.release()
        release.wait(30)
        return number

    tasks = [asyncio.create_task(threads.run(partial(block, number))) for number in range(5)]
    for _ in range(2):
        await asyncio.to_thread(begun.acquire, timeout=30)
    assert len(running) == 2
    release.set()
    assert await asyncio.gather(*tasks) == list(range(5))


async def test_who_is_not_waited_for_gives_its_place_away() -> None:
    threads = DaemonThreads(1, "fetching")
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()

    def block() -> None:
        begun.set()
        release.wait(30)
        ended.set()

    task = asyncio.create_task(threads.run(block))
    await asyncio.to_thread(begun.wait, 30)
    task.cancel()
    assert await threads.run(lambda: 7) == 7
    release.set()
    assert await asyncio.to_thread(ended.wait, 30)
