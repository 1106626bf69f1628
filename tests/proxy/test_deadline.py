"""An exchange ends with its time, whatever the peer does."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from proxy.deadline import Deadline
from tests.waiting import PATIENCE, eventually


@contextmanager
def dripping(head: bytes) -> Iterator[int]:
    """A peer that answers with a head at once, and then with a byte now and then, for ever."""
    stop = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            try:
                client.sendall(head)
                while not stop.wait(0.01):
                    client.sendall(b" ")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def exchange(connection: http.client.HTTPConnection, seconds: float) -> bytes:
    with Deadline(connection, seconds):
        connection.request("GET", "/")
        return connection.getresponse().read()


@pytest.mark.parametrize("field", [b"Connection: close", b"Content-Length: 99999"])
def test_an_answer_that_never_ends_is_cut(field: bytes) -> None:
    with dripping(b"HTTP/1.1 200 OK\r\n" + field + b"\r\n\r\n") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        with pytest.raises((TimeoutError, http.client.IncompleteRead)):
            exchange(connection, 0.3)
        connection.close()


def test_what_comes_in_time_is_an_answer() -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        assert exchange(connection, PATIENCE) == b"ok"
        connection.close()


def test_nobody_there_leaves_no_timer_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    before = threading.active_count()
    with pytest.raises(OSError, match="refused"), Deadline(http.client.HTTPConnection("127.0.0.1", port), PATIENCE):
        pass
    eventually(lambda: threading.active_count() <= before)
