"""Absolute deadlines of a connection: every phase ends in time, however slowly bytes drip in.

Nothing is timed here; whoever has a clock asks which connections are overdue (`ConnectionTable.overdue`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from enum import StrEnum


class Phase(StrEnum):
    """What a connection waits for."""

    HANDSHAKE = "handshake"
    """The TLS handshake, or where there is none the layer that follows it."""
    FIRST_REQUEST = "first-request"
    """The first byte of the first request."""
    HEAD = "head"
    """The end of a request's head."""
    BODY = "body"
    """The end of a request's body."""
    ANSWER = "answer"
    """The end of the access point's answer."""
    LASTING = "lasting"
    """The next bytes of an answer that lasts."""
    IDLE = "idle"
    """The first byte of the next request."""
    CHANNEL = "channel"
    """The next frame of the service on its callback channel, be it a ping."""


class Deadline:
    """The phase of one connection, and when it must be over."""

    __slots__ = ("_clock", "_seconds", "at", "phase")

    def __init__(self, seconds: Mapping[Phase, float], clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with the handshake.

        Args:
            seconds: How long each phase may take.
            clock: Seconds that only go forward.
        """
        self._seconds = seconds
        self._clock = clock
        self.phase = Phase.HANDSHAKE
        self.at = clock() + seconds[Phase.HANDSHAKE]

    def enter(self, phase: Phase) -> None:
        """Begin a phase. The one that goes on keeps its deadline: single bytes do not renew it."""
        if phase is not self.phase:
            self.phase = phase
            self.at = self._clock() + self._seconds[phase]

    def renew(self) -> None:
        """Begin the same phase again, as something was completed in it."""
        self.at = self._clock() + self._seconds[self.phase]

    def stop(self) -> None:
        """Expect nothing more: the connection is being cut."""
        self.at = math.inf
