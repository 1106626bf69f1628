"""A sign of life on disk, for health checks and service managers: one small file, touched while the gateway serves."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

FILE = "alive"
_STALE_SECONDS = 10.0
_BEAT_SECONDS = 2.0


class HealthFile:
    """The file in the state directory."""

    def __init__(self, state_directory: Path) -> None:
        self._path = state_directory / FILE
        self._last = 0.0

    def beat(self) -> None:
        """Say that the event loop turns; cheap to call often. A full disk does not stop the gateway."""
        now = time.monotonic()
        if now - self._last < _BEAT_SECONDS:
            return
        self._last = now
        with contextlib.suppress(OSError):
            self._path.write_text(f"{os.getpid()}\n", encoding="ascii")

    def clear(self) -> None:
        """Say that the gateway ended."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def problem(self, now: float) -> str | None:
        """Return why the gateway is not healthy at real time `now`, None if it is."""
        try:
            age = now - self._path.stat().st_mtime
        except FileNotFoundError:
            return f"{self._path} is not there: the gateway does not run, or uses another state directory"
        except OSError as error:
            return f"{self._path}: {error.strerror}"
        if age > _STALE_SECONDS:
            return f"{self._path} is {age:.0f} s old: the gateway has ended or hangs"
        return None
