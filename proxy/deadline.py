"""A time for a whole HTTP exchange, where `http.client` has one for each byte only."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from types import TracebackType
from typing import Self


class Deadline:
    """Connects, and ends the connection when the time is over; what came by then is not all."""

    def __init__(self, connection: http.client.HTTPConnection, seconds: float) -> None:
        """Take a connection that is not open yet."""
        self._connection = connection
        self._seconds = seconds
        # `http.client` lets go of the socket as soon as an answer says that it ends with the connection, and reads on.
        self._socket: socket.socket | None = None
        self._passed = threading.Event()
        self._timer = threading.Timer(seconds, self._give_up)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            OSError: nobody is there; also what else the connection raises.
        """
        self._timer.start()
        try:
            self._connection.connect()
        except BaseException:
            self._timer.cancel()
            raise
        self._socket = self._connection.sock
        if self._passed.is_set():
            self._cut()  # the time was over before there was a socket to cut
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it.

        Raises:
            TimeoutError: the time is over, even if something looks like an answer.
        """
        self._timer.cancel()
        if error is None and self._passed.is_set():
            raise TimeoutError(f"it took longer than {self._seconds:g} s")

    def _give_up(self) -> None:
        self._passed.set()
        self._cut()

    def _cut(self) -> None:
        held = self._socket or self._connection.sock
        if held is not None:
            with contextlib.suppress(OSError):
                # The base class's: the TLS socket's own would pull the session away under the thread that reads.
                socket.socket.shutdown(held, socket.SHUT_RDWR)
