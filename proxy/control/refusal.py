"""Why something that was asked for over the control socket was not done."""

from __future__ import annotations

from collections.abc import Sequence


class NotDone(Exception):
    """It was not done; the text says why, `remedy` what can be done."""

    def __init__(self, status: int, error: str, remedy: str, problems: Sequence[str] = ()) -> None:
        """Keep the HTTP status, the reason, the remedy, and several reasons where there are, a line each."""
        super().__init__(error)
        self.status = status
        self.error = error
        self.remedy = remedy
        self.problems = tuple(problems)
