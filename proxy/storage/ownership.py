"""Whose the files in the state directory are: what root makes there must stay usable for the gateway's own user."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

ROOT = 0


def give_to_owner_of(directory: Path, file: int) -> None:
    """Give an open file or directory of root's to whom the directory that holds it belongs.

    A file with a second name is left alone: whoever owns the directory could have put a link to another one there.
    Where it is not permitted, as in a container without CAP_CHOWN, nothing happens.
    """
    made, owner = os.fstat(file), directory.stat()
    linked = made.st_nlink > 1 and not stat.S_ISDIR(made.st_mode)
    if os.geteuid() == made.st_uid == ROOT != owner.st_uid and not linked:
        with contextlib.suppress(OSError):
            os.fchown(file, owner.st_uid, owner.st_gid)


def make_directory(path: Path) -> None:
    """Make a directory with mode 0700, and those above it, each for the owner of the one above.

    Raises:
        OSError: when it cannot be made, or is something else.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    except FileNotFoundError:
        make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        give_to_owner_of(path.parent, descriptor)
    finally:
        os.close(descriptor)
