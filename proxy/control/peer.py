"""Who is at the other end of the control socket, as the kernel says."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from dataclasses import dataclass

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group (struct ucred of unix(7))."""
ROOT = 0


@dataclass(frozen=True)
class Peer:
    """The process that connected, and whose it was then."""

    pid: int
    uid: int

    @property
    def may_control(self) -> bool:
        """Whether it is root's, or the gateway's own user's. The socket's mode says it, too; this is a second lock."""
        return self.uid in {ROOT, os.geteuid()}

    def __str__(self) -> str:
        """Return whom the audit log is to name."""
        try:
            name = pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"uid {self.uid}"
        return f"{name} (uid {self.uid})"


def peer_of(connection: socket.socket) -> Peer:
    """Return who connected.

    Raises:
        OSError: the kernel does not say.
    """
    pid, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid, uid)
