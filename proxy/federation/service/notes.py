"""Tells an administrator what callers do wrong, in the operational log, without letting them fill it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

QUIET = 60.0
"""Seconds for which the same of the same caller is only counted."""
_MOST = 10_000
_LINES = 100
"""Lines within those seconds, of all callers together."""

log = structlog.get_logger("alleyes")


@dataclass
class Notes:
    """What was noted, and how often since it was told."""

    monotonic: Callable[[], float]
    _told: OrderedDict[tuple[str, str], list[float]] = field(default_factory=OrderedDict)
    """By caller and event: when it was told last, and how often it happened since."""
    _window: float = 0.0
    _lines: int = 0

    def note(self, event: str, caller: str, **details: object) -> None:
        """Tell that a caller did something wrong, or count it."""
        now = self.monotonic()
        entry = self._told.get((caller, event))
        if entry is not None and now - entry[0] < QUIET:
            entry[1] += 1
            return
        if now - self._window >= QUIET:
            self._window, self._lines = now, 0
        if self._lines >= _LINES:
            return
        self._lines += 1
        more = {"more": int(entry[1])} if entry is not None and entry[1] else {}
        self._told[caller, event] = [now, 0]
        self._told.move_to_end((caller, event))
        if len(self._told) > _MOST:
            self._told.popitem(last=False)
        log.warning(event, caller=caller, **details, **more)
