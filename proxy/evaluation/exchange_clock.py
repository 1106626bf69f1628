"""When nodes talk to each other, by the time stamps of a trace, which are not always a clock."""

from __future__ import annotations

from enum import Enum, auto

EXCHANGE = 10_000
"""Event time, ms, at whose multiples the levels talk: what a node closed or refused is known everywhere one later."""
STEP = 60_000
"""Milliseconds by which time may advance at once or step back without further evidence."""
AHEAD = 2
"""Accesses in a row, further ahead, that the clock follows: one alone may be a wrong time stamp."""
BEHIND = 32
"""Accesses in a row, further behind, after which it is another clock. Delayed rows are fewer."""


class Turn(Enum):
    """What an access means to the clock."""

    HELD = auto()
    """Nothing, for the time being."""
    ON = auto()
    """It is time to exchange."""
    ANEW = auto()
    """So it is, and time has stepped back for good."""


class ExchangeClock:
    """Follows event time, but not a single access ahead of it, and back only if it stays there.

    Whoever uses it calls `turn` for accesses at times outside of [`low`, `due`), and for no others: most accesses cost
    two comparisons.
    """

    def __init__(self) -> None:
        """Start without any time, so that the first access is one to be asked about."""
        self.now = 0
        """Event time of the last exchange, ms."""
        self.low = 0
        self.due = 0
        self._started = False
        self._ahead: list[int] = []
        self._behind = 0

    def turn(self, time: int) -> Turn:
        """Say what an access at an event time (ms) means; if there is to be an exchange, `now` is its time."""
        if not self._started:
            return self._exchange(time, Turn.ON)
        low, due = self._window()
        if low <= time < due:
            self._ahead.clear()
            self._behind = 0
            self.low, self.due = low, due
            return Turn.HELD
        if due <= time <= self.now + STEP:
            return self._exchange(time, Turn.ON)
        if time >= due:
            self._behind = 0
            self._ahead.append(time)
            if len(self._ahead) >= AHEAD:
                first = min(self._ahead)
                return self._exchange(time if time - first <= STEP else first, Turn.ON)
        else:
            self._ahead.clear()
            self._behind += 1
            if self._behind >= BEHIND:
                return self._exchange(time, Turn.ANEW)
        self.low = self.due = 0  # the next access tells more, wherever it is
        return Turn.HELD

    def _exchange(self, time: int, turn: Turn) -> Turn:
        self._started = True
        self.now = time
        self.low, self.due = self._window()
        self._ahead.clear()
        self._behind = 0
        return turn

    def _window(self) -> tuple[int, int]:
        return self.now - STEP, (self.now // EXCHANGE + 1) * EXCHANGE
