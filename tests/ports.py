"""Ports of the loopback for what a test starts."""

from __future__ import annotations

import socket

_kept: list[socket.socket] = []


def free_port() -> int:
    """A port that nobody else is given for as long as this process lives.

    Who listens with SO_REUSEADDR may have it all the same: the socket that keeps it does not listen.
    """
    keeping = socket.socket()
    keeping.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeping.bind(("127.0.0.1", 0))
    _kept.append(keeping)
    return int(keeping.getsockname()[1])
