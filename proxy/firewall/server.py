"""The helper's side of its connection: takes requests, carries them out in their order, answers each.

Quarantines that wait together share a transaction. What is not a valid request ends the conversation, and with it the
process: nobody but the gateway is at the other end, and it does not make mistakes of that kind.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Sequence

from proxy.firewall.commands import MOST_ENTRIES, Quarantine
from proxy.firewall.framing import FrameReader, framed
from proxy.firewall.messages import (
    READY_NUMBER,
    Answer,
    Changes,
    Counters,
    Outcome,
    ReadChanges,
    ReadCounters,
    Ready,
    Request,
    encoded,
    failure_of,
    read_request,
)
from proxy.firewall.nftables import Applied, Firewall, FirewallError

BATCH = 256
"""Most requests taken up at once; the others wait on the stream, and so with whoever sends them."""
_CHUNK = 1 << 16


def serve(connection: socket.socket, open_firewall: Callable[[], Firewall] = Firewall) -> None:
    """Serve until the other end closes.

    Args:
        connection: to the gateway.
        open_firewall: opens the firewall of the network namespace of the calling thread.

    Raises:
        FrameError: a message is too long.
        msgspec.MsgspecError: a message is no request.
    """
    try:
        firewall = open_firewall()
    except FirewallError as error:
        connection.sendall(_answer(READY_NUMBER, failure_of(error)))
        return
    reader = FrameReader()
    try:
        connection.sendall(_answer(READY_NUMBER, Ready()))
        while requests := _waiting(connection, reader):
            for group in _transactions(requests):
                connection.sendall(b"".join(_settled(firewall, group)))
    except ConnectionError:
        # The gateway has ended without waiting for its answers.
        return


def _answer(number: int, outcome: Outcome) -> bytes:
    return framed(encoded(Answer(number, outcome)))


def _waiting(connection: socket.socket, reader: FrameReader) -> list[Request]:
    """Return at least one request and those that are there behind it; none when the other end has closed."""
    requests: list[Request] = []
    while len(requests) < BATCH:
        message = reader.take()
        if message is not None:
            requests.append(read_request(message))
            continue
        try:
            data = connection.recv(_CHUNK, socket.MSG_DONTWAIT if requests else 0)
        except BlockingIOError:
            break
        if not data:
            break
        reader.feed(data)
    return requests


def _transactions(requests: Iterable[Request]) -> Iterator[list[Request]]:
    """Split into what is done together: quarantines that follow each other and fit one command, others alone."""
    group: list[Request] = []
    size = 0
    for request in requests:
        entries = len(request.wanted.entries) if isinstance(request.wanted, Quarantine) else MOST_ENTRIES + 1
        if group and size + entries > MOST_ENTRIES:
            yield group
            group, size = [], 0
        group.append(request)
        size += entries
    if group:
        yield group


def _settled(firewall: Firewall, requests: Sequence[Request]) -> Iterator[bytes]:
    """Do them in one transaction; if it fails, one by one, so that only those fail that must."""
    quarantines = [request.wanted for request in requests if isinstance(request.wanted, Quarantine)]
    if len(quarantines) > 1:
        try:
            firewall.apply(Quarantine(tuple(entry for quarantine in quarantines for entry in quarantine.entries)))
        except FirewallError:
            pass
        else:
            for request, quarantine in zip(requests, quarantines, strict=True):
                yield _answer(request.number, Applied(len(quarantine.entries)))
            return
    for request in requests:
        yield _answer(request.number, _outcome(firewall, request))


def _outcome(firewall: Firewall, request: Request) -> Outcome:
    """Do one; what goes wrong is the caller's to know, and the helper outlives it."""
    try:
        match request.wanted:
            case ReadCounters():
                return Counters(firewall.counters())
            case ReadChanges():
                return Changes(firewall.changes())
            case command:
                return firewall.apply(command)
    except Exception as error:  # noqa: BLE001 - handed on whole
        return failure_of(error)
