"""Gives up capabilities for good: what parses hostile bytes is not to hold them.

By hand on prctl(2) and capset(2), as the packages for it are not kept up; see docs/adr/0009-firewall-helper.md.
"""

from __future__ import annotations

import ctypes
import os
import pwd
from collections.abc import Iterable
from pathlib import Path

NET_BIND_SERVICE = 10
NET_ADMIN = 12
SETPCAP = 8
"""Numbers of capabilities(7)."""

PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4
"""Numbers of prctl(2)."""
CAPABILITY_VERSION_3 = 0x20080522
"""For capset(2): capability sets of 64 bits, in two halves."""

ROOT = 0
TASKS = Path("/proc/self/task")
LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")
SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")
"""What /proc/.../status calls what a thread has, or can have again by itself."""


class PrivilegesError(Exception):
    """Not everything could be given up; the text says what is left and what to do."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Half(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop(keep: Iterable[int] = (), *, passed_on: bool = False) -> None:
    """Leave the process with these capabilities at most, and with no way to get others; it can't be taken back.

    Call it before the process starts threads: each has capabilities of its own, and only its own can be changed.

    Args:
        keep: numbers of capabilities; one that the process does not have is not given to it.
        passed_on: whether programs that this process starts have them as well.

    Raises:
        PrivilegesError: when something is left.
    """
    kept = sum(1 << number for number in set(keep))
    _become_single_threaded()
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    held = capabilities()
    if held["CapEff"] >> SETPCAP & 1:
        # Without this one the bounding set stays; a program started with no-new-privileges gains nothing from it.
        for number in range(int(LAST_CAPABILITY.read_text(encoding="ascii")) + 1):
            if not kept >> number & 1:
                _prctl(PR_CAPBSET_DROP, number)
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    permitted = held["CapPrm"] & kept
    _capset(permitted, inheritable=permitted if passed_on else 0)
    if passed_on:
        for number in (number for number in set(keep) if permitted >> number & 1):
            _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number)
    left = {name: value for name, value in capabilities().items() if value & ~kept}
    if left:
        listed = ", ".join(f"{name} {value:x}" for name, value in left.items())
        raise PrivilegesError(f"capabilities could not be given up: {listed} -- report this with the kernel's version")


def user_for(directory: Path) -> int:
    """Return who this process is after `become_owner_of`: as root the directory's owner, else who it is already."""
    if os.geteuid() != ROOT:
        return os.geteuid()
    try:
        return directory.stat().st_uid
    except OSError:
        return ROOT


def become_owner_of(directory: Path) -> None:
    """Where root runs for a directory of somebody else's, be that user from now on.

    Without its capabilities root can't write there. Those that it has stay until `drop`. Nothing happens for others,
    nor where there is no such directory.

    Raises:
        PrivilegesError: when the kernel does not permit it.
    """
    try:
        owner = directory.stat()
    except OSError:
        return
    if os.geteuid() != ROOT or owner.st_uid == ROOT:
        return
    try:
        groups = os.getgrouplist(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:
        groups = [owner.st_gid]
    try:
        _prctl(PR_SET_KEEPCAPS, 1)
        os.setgroups(groups)
        os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
        os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
    except OSError as error:
        raise PrivilegesError(
            f"{directory} belongs to user {owner.st_uid}, whom root may not become here ({error.strerror})"
            " -- run the gateway as that user, or give the directory to root"
        ) from error
    # Leaving root's id cleared what was effective; giving up the bounding set needs it.
    _capset(capabilities()["CapPrm"])


def capabilities(status: Path = Path("/proc/thread-self/status")) -> dict[str, int]:
    """Return the capability sets of the thread that a status file is of, each as bits, by the names of `SETS`."""
    lines = (line.partition(":") for line in status.read_text(encoding="utf-8").splitlines())
    return {name: int(value, 16) for name, _, value in lines if name in SETS}


def _become_single_threaded() -> None:
    """End idle threads of libraries.

    Raises:
        PrivilegesError: when there are others.
    """
    if len(_threads()) > 1:
        # OpenBLAS, which numpy loads, ends its threads before a fork, and starts others when it needs them.
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    threads = _threads()
    if len(threads) > 1:
        raise PrivilegesError(
            f"{len(threads)} threads ({', '.join(threads)}) would keep their capabilities"
            " -- start with OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1"
        )


def _threads() -> list[str]:
    return [(task / "comm").read_text(encoding="utf-8").strip() for task in TASKS.iterdir()]


def _prctl(*arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [ctypes.c_ulong(number) for number in (*arguments[1:], 0, 0, 0, 0)[:4]]
    if libc.prctl(ctypes.c_int(arguments[0]), *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {arguments}: {os.strerror(ctypes.get_errno())}")


def _capset(wanted: int, *, inheritable: int = 0) -> None:
    """Make these bits the effective and permitted capabilities of this thread, and those the inheritable ones."""
    libc = ctypes.CDLL(None, use_errno=True)
    halves = [(wanted >> shift & 0xFFFFFFFF, inheritable >> shift & 0xFFFFFFFF) for shift in (0, 32)]
    data = (_Half * 2)(*(_Half(effective=own, permitted=own, inheritable=passed) for own, passed in halves))
    header = _Header(version=CAPABILITY_VERSION_3, pid=0)
    if libc.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        raise OSError(ctypes.get_errno(), f"capset {wanted:x}: {os.strerror(ctypes.get_errno())}")
