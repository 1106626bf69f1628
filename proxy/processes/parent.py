"""A process that must not outlive the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal

_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG (prctl(2))."""


def end_with_parent(parent: int) -> None:
    """Be killed as soon as process `parent`, which started this one, ends: a worker alone could neither learn nor stop.

    Raises:
        OSError: the kernel refuses.
        SystemExit: it has ended already.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if os.getppid() != parent:
        raise SystemExit("the process that started this one has ended")
