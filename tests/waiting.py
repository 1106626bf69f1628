"""Waiting for what happens elsewhere: for as long as the slowest machine needs, and no longer than it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 90.0
"""Seconds that something may take that is to happen. Success costs none of them."""
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.15
"""Seconds between two looks, ever longer: who looks by asking a service must not be asking too much."""


def eventually(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    began, pause = time.monotonic(), FIRST_PAUSE
    while not holds():
        assert time.monotonic() - began < seconds, "it never came to hold"
        time.sleep(pause)
        pause = min(pause * 1.2, LONGEST_PAUSE)


async def until(holds: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Wait until something holds, while the loop goes on; return how long it took."""
    began, pause = time.monotonic(), FIRST_PAUSE
    while not holds():
        assert time.monotonic() - began < seconds, "it never came to hold"
        await asyncio.sleep(pause)
        pause = min(pause * 1.2, LONGEST_PAUSE)
    return time.monotonic() - began
