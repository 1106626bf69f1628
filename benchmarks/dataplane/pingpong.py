"""Two ends of a connection that carries an answer after the other, each a process of its own.

`serve ADDRESS PORT` answers each byte with a byte. `ask ADDRESS PORT` reads own addresses from its input, a line each:
connects from it, says `asking` once answers come, asks on until there is silence, and says when the last answer came.
A third argument is the seconds that it rests after each answer.
"""

from __future__ import annotations

import socket
import sys
import time

SILENCE = 0.15
"""Seconds without an answer after which there comes none."""
_BEFORE_READY = 50


def serve(address: str, port: int) -> None:
    """Answer one connection after the other, for ever; one that falls silent is left."""
    with socket.create_server((address, port)) as listener:
        print("serving", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(SILENCE / 2)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _answer(connection)


def _answer(connection: socket.socket) -> None:
    try:
        while connection.recv(1):
            connection.send(b"!")
    except OSError:
        return


def ask(address: str, port: int, pace: float) -> None:
    """Ask from each address that comes in until there is silence."""
    for line in sys.stdin:
        with socket.create_connection((address, port), timeout=5, source_address=(line.strip(), 0)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(SILENCE)
            print(_last_answer(connection, pace), flush=True)


def _last_answer(connection: socket.socket, pace: float) -> float:
    """Return the monotonic time of the last answer, in seconds; the same clock for every process."""
    answers, last = 0, 0.0
    try:
        while True:
            connection.send(b"?")
            if not connection.recv(1):
                # The answering end has left a connection on which nothing came any more.
                return last
            last = time.monotonic()
            answers += 1
            if answers == _BEFORE_READY:
                print("asking", flush=True)
            if pace:
                time.sleep(pace)
    except TimeoutError:
        return last


if __name__ == "__main__":
    role, host, number, *rest = sys.argv[1:]
    if role == "serve":
        serve(host, int(number))
    else:
        ask(host, int(number), float(rest[0]) if rest else 0.0)
