"""How long to wait after failures: exponentially longer, and by chance, so that clients do not come back together.

Source: Brooker 2015, "Exponential Backoff And Jitter" (full jitter).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom

FIRST = 1.0
MOST = 300.0
LEAST = 0.1
_DOUBLINGS = 32
"""More do not change anything, and floats end somewhere."""

_chance = SystemRandom().random


@dataclass
class Backoff:
    """The waits of one activity. All times in seconds of real time."""

    first: float = FIRST
    """The first wait is no longer."""
    most: float = MOST
    """No wait is longer."""
    chance: Callable[[], float] = _chance
    """Returns a number from 0 to 1."""
    failures: int = 0
    """In a row."""

    def failed(self) -> float:
        """Note a failure; return how long to wait before the next attempt."""
        longest = min(self.most, self.first * 2.0 ** min(self.failures, _DOUBLINGS))
        self.failures += 1
        return max(min(LEAST, longest), longest * self.chance())

    def succeeded(self) -> None:
        """Begin with short waits again."""
        self.failures = 0
