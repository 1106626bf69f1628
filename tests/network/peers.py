"""Small servers on throw-away hosts, and what they saw."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.network.namespaces import Host

PATIENCE = 10.0
"""Seconds to wait for an answer that is to come: a lost packet is sent again after 1, 3 and 7 s."""
BRIEF = 0.3
"""Seconds to wait for one that must not come."""
SO_ORIGINAL_DST = 80
SOCKADDR_IN = 16
SOCKADDR_IN6 = 28


def original_destination(connection: socket.socket) -> tuple[str, int]:
    """Return where a redirected connection was going, as the kernel remembers it."""
    if connection.family == socket.AF_INET6:
        raw = connection.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, SOCKADDR_IN6)
        port, address = struct.unpack_from("!2xH4x16s", raw)
    else:
        raw = connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, SOCKADDR_IN)
        port, address = struct.unpack_from("!2xH4s", raw)
    return str(ipaddress.ip_address(address)), port


class EchoServer:
    """Accepts TCP connections on a host and sends back what comes, from threads of its own."""

    def __init__(self, host: Host, address: str, port: int) -> None:
        self._listener = host.listen(address, port)
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.accepted: list[tuple[str, tuple[str, int] | None]] = []
        """Who connected, and where to before a redirect (None: nowhere else)."""
        self.received = 0
        """Bytes that came, over all connections."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A listener that is only closed would leave `accept` waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def send(self, data: bytes) -> None:
        """Send something to everybody who is connected, unasked."""
        for connection in self._connections:
            connection.sendall(data)

    def abort(self) -> None:
        """Reset all connections."""
        for connection in self._connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # The thread that reads holds it open otherwise.
            connection.shutdown(socket.SHUT_RD)
            connection.close()
        self._connections.clear()

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            destination: tuple[str, int] | None = None
            with suppress(OSError):
                destination = original_destination(connection)
            self.accepted.append((peer[0], destination))
            self._connections.append(connection)
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with suppress(OSError):
            while data := connection.recv(4096):
                self.received += len(data)
                connection.sendall(data)


def echoes(connection: socket.socket, text: bytes = b"hello", *, timeout: float = PATIENCE) -> bool:
    """Whether the other side sends back what it is sent."""
    connection.settimeout(timeout)
    try:
        connection.sendall(text)
        return connection.recv(len(text)) == text
    except OSError:
        return False


def reaches(client: Host, address: str, port: int, *, source: str | None = None, timeout: float = PATIENCE) -> bool:
    """Whether a client gets an answer from an echo server there."""
    try:
        with client.connect(address, port, source=source, timeout=timeout) as connection:
            return echoes(connection, timeout=timeout)
    except OSError:
        return False


def datagram_reaches(
    client: Host, server: Host, address: str, port: int, *, source: str | None = None, timeout: float = PATIENCE
) -> bool:
    """Whether a datagram arrives."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with server.socket(family, socket.SOCK_DGRAM) as receiver, client.socket(family, socket.SOCK_DGRAM) as sender:
        receiver.bind((address, port))
        receiver.settimeout(timeout)
        if source is not None:
            sender.bind((source, 0))
        sender.sendto(b"hello", (address, port))
        try:
            return receiver.recv(16) == b"hello"
        except TimeoutError:
            return False


def pings(client: Host, address: str, *, timeout: float = PATIENCE) -> bool:
    """Whether an echo request is answered."""
    family, protocol, kind = (
        (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128) if ":" in address else (socket.AF_INET, socket.IPPROTO_ICMP, 8)
    )
    header = struct.pack("!BBHHH", kind, 0, 0, 7, 1)
    # The kernel computes the checksum for ICMPv6 only: here it is the complement of the header's sum.
    total = (kind << 8) + 7 + 1
    request = header if ":" in address else struct.pack("!BBHHH", kind, 0, 0xFFFF - total, 7, 1)
    with client.entered(), socket.socket(family, socket.SOCK_RAW, protocol) as probe:
        probe.settimeout(timeout)
        probe.sendto(request, (address, 0))
        try:
            while True:
                answer, peer = probe.recvfrom(256)
                reply = answer[20:] if family == socket.AF_INET else answer
                if peer[0] == address and reply[0] in {0, 129}:
                    return True
        except TimeoutError:
            return False
