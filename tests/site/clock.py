"""Event time that runs faster than real time."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Event time in milliseconds since the epoch: starts at `start` and runs `scale` times as fast as real time."""

    def __init__(self, scale: float = 1.0, *, start: int | None = None) -> None:
        """Start now; `start` defaults to the real time of day."""
        self.scale = scale
        self.start = time.time_ns() // 1_000_000 if start is None else start
        self.began = time.monotonic()
        """Reading of the monotonic clock at the start, s."""

    def event_now(self) -> int:
        """Return the present event time in milliseconds."""
        return self.start + int((time.monotonic() - self.began) * 1000 * self.scale)

    def seconds_until(self, event_ms: int) -> float:
        """Return the real seconds until an event time; negative once it has passed."""
        return self.began + (event_ms - self.start) / 1000 / self.scale - time.monotonic()

    async def sleep_until(self, event_ms: int) -> None:
        """Sleep until an event time; at once if it has passed."""
        await asyncio.sleep(max(0.0, self.seconds_until(event_ms)))
