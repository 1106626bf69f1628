"""Processes and what they are: children, descriptors, whether they are gone."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path


def children(process: int, containing: str = "") -> list[int]:
    """The children of a process whose command line contains a text, those of all of its threads."""
    found: list[int] = []
    for task in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread may end meanwhile
            found += [int(child) for child in (task / "children").read_text().split()]
    return [child for child in found if containing in _command(child)]


def gone(*processes: int, seconds: float = 30.0) -> None:
    """Wait until there are none of these any more."""
    deadline = time.monotonic() + seconds
    while left := [process for process in processes if _alive(process)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.01)


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return ""


def _alive(process: int) -> bool:
    """A process whose first thread has ended is there, with its sockets, until the last one has."""
    try:
        ended = "\nState:\tZ" in Path(f"/proc/{process}/status").read_text()
        return not ended or len(list(Path(f"/proc/{process}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False
