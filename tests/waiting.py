"""Waiting for what happens elsewhere: for as long as the slowest machine needs, and no longer than it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 40.0
"""Seconds that something may take that is to happen. Success costs none of them."""


def eventually(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.03)


async def until(holds: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Wait until something holds, while the loop goes on; return how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it never came to hold"
        await asyncio.sleep(0.01)
    return time.monotonic() - began
