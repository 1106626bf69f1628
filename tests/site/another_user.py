"""What it takes for a program of a test, which root runs from root's places, to become another user."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[2]
_SCRIPT = """
set -e
holder="$1" closed="$2" kept="$3"
shift 3
mount --bind "$closed/$kept" "$holder"
mount -t tmpfs -o mode=0755 tmpfs "$closed"
mkdir "$closed/$kept"
mount --move "$holder" "$closed/$kept"
exec "$@"
"""


def becoming(user: int, holder: Path) -> list[str]:
    """Return the beginning of a command for a program of ours that becomes another user.

    An interpreter in a home directory is out of others' reach. In a mount namespace of its own the program sees that
    directory with nothing but the way to the interpreter in it; the machine's own is not changed. Skips the test where
    it can not be done.

    Args:
        user: who it becomes.
        holder: an empty directory.
    """
    if os.geteuid() != 0 or Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] == "1":
        pytest.skip(f"nobody here can become user {user}: run as root")
    used = (Path(sys.executable).resolve(), Path(sys.base_prefix).resolve(), Path(sys.prefix), _REPOSITORY)
    closed = {way for path in used if (way := _closed(path)) is not None}
    if not closed:
        return []
    if len(closed) > 1 or shutil.which("unshare") is None:
        pytest.skip(f"user {user} can not read Python's files, nor be helped to: {sorted(closed)}")
    (directory, kept) = closed.pop()
    return ["unshare", "--mount", "sh", "-c", _SCRIPT, "sh", str(holder), str(directory), kept]


def _closed(path: Path) -> tuple[Path, str] | None:
    """Return the uppermost directory on the way that others may not enter, and what is next on the way."""
    for directory in reversed(path.parents):
        if not directory.stat().st_mode & 0o001:
            return directory, path.relative_to(directory).parts[0]
    return None
