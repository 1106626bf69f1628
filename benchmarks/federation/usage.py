"""What processes use, as the kernel counts it: whatever else the machine does is not in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu(pids: Iterable[int]) -> float:
    """Return the seconds of CPU time that processes have used, threads and children that ended included."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS


def memory(pids: Iterable[int]) -> int:
    """Return the bytes of processes that are in memory."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE for pid in pids)


def descendants(pid: int) -> list[int]:
    """Return a process and all that it started, and those in turn."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            found += descendants(int(child))
    return found
