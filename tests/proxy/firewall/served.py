"""The real helper's side of a connection in a thread of the test, around a firewall that the test can look into."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from proxy.firewall.launcher import LauncherLostError
from proxy.firewall.nftables import Firewall
from proxy.firewall.server import serve


class InThread:
    """Makes helpers in threads; the firewall is opened in the network namespace of whoever asks for one."""

    def __init__(self, open_firewall: Callable[[], Firewall]) -> None:
        self._open = open_firewall
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.lost = False
        """Whether there can be no more."""

    def connect(self) -> socket.socket:
        if self.lost:
            raise LauncherLostError("no more helpers")
        ours, theirs = socket.socketpair()
        thread = threading.Thread(target=self._serve, args=(theirs,))
        self._ends.append(theirs)
        self._threads.append(thread)
        thread.start()
        return ours

    def die(self) -> None:
        """Let the newest helper die, as seen from the other end."""
        self._ends[-1].shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for thread in self._threads:
            thread.join(10)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            serve(connection, self._open)
