"""The firewall helper's process: `python -m proxy.firewall.process DESCRIPTOR`; started by `Launcher`, not by hand.

It keeps CAP_NET_ADMIN and nothing else, and waits for orders on a socket. An order is the end of a connection; a child
is made that serves it and ends with it. So a helper that died is replaced after the gateway has given up its own
privileges. Nothing of the gateway's that parses hostile bytes is imported here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys

from proxy import privileges
from proxy.firewall.server import serve

_NICENESS = -10


def main() -> None:
    """Serve until the gateway has ended."""
    # Idle unless somebody is to be cut off, which should not have to wait for the calls of whoever is. Where it is not
    # permitted it goes without.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    privileges.drop([privileges.NET_ADMIN])
    # A terminal and a service manager send these to every process; the gateway may still need this one to end well.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Children are not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    connection = _connection_of_child(socket.socket(fileno=int(sys.argv[1])))
    if connection is not None:
        serve(connection)


def _connection_of_child(orders: socket.socket) -> socket.socket | None:
    """Return in each child with its connection; in the parent, with None, when there are no more orders."""
    with orders:
        while True:
            data, descriptors, _, _ = socket.recv_fds(orders, 1, 1)
            if not data:
                return None
            for descriptor in descriptors:
                connection = socket.socket(fileno=descriptor)
                if os.fork() == 0:
                    return connection
                connection.close()


if __name__ == "__main__":
    main()
