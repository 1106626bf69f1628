"""Runs what may block for minutes in a few threads of its own.

The event loop's executor is for disks: whoever waits for a slow peer in it keeps these waiting, and the end of the
process, too.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future


class DaemonThreads:
    """For one event loop."""

    def __init__(self, most: int, name: str) -> None:
        """Run at most `most` functions at once; others wait for their turn. `name` is that of the threads."""
        self._room = asyncio.Semaphore(most)
        self._name = name

    async def run[T](self, function: Callable[[], T]) -> T:
        """Return what a function returns. Where nobody waits for it any longer, it runs on, unheard.

        Raises:
            Exception: what it raises.
        """
        done: Future[T] = Future()

        def work() -> None:
            done.set_running_or_notify_cancel()
            try:
                done.set_result(function())
            except BaseException as error:  # noqa: BLE001 -- raised where the result is waited for
                done.set_exception(error)

        async with self._room:
            threading.Thread(target=work, name=self._name, daemon=True).start()
            return await asyncio.wrap_future(done)
