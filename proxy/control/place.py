"""Where the control socket is: in the state directory, for the gateway's user alone.

A socket's address holds 107 bytes; the path of a state directory may be longer, so it is reached by a descriptor.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

FILE = "control.sock"
MODE = 0o600
_WAITING = 16
"""Most connections that wait to be taken."""


def listening_socket(directory: Path) -> socket.socket:
    """Return a socket that listens in a state directory, in place of one that an earlier gateway left there.

    Call it only with the directory's audit log open: nobody else serves from the directory then.

    Raises:
        OSError: it cannot be made, or something else is in its place.
    """
    path = directory / FILE
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(17, "something that is no socket is in the way; remove it", str(path))
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        # The file gets the mode of the socket: there is no moment at which others could connect.
        os.fchmod(listener.fileno(), MODE)
        with _address(directory) as address:
            listener.bind(address)
        listener.listen(_WAITING)
    except BaseException:
        listener.close()
        raise
    return listener


def connected_socket(directory: Path, seconds: float) -> socket.socket:
    """Return a connection to the gateway that serves from a state directory.

    Raises:
        OSError: nobody serves there, or not us.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(seconds)
        with _address(directory) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def remove(directory: Path) -> None:
    """Take the socket's file away when the gateway ends."""
    with contextlib.suppress(OSError):
        (directory / FILE).unlink()


@contextlib.contextmanager
def _address(directory: Path) -> Iterator[str]:
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{FILE}"
    finally:
        os.close(descriptor)
