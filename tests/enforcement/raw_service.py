"""A service that sends exactly the bytes a test wants."""

from __future__ import annotations

import json
import socket
import ssl
from types import TracebackType
from typing import Self

from tests.network.namespaces import Host
from tests.site.gateway_process import AGENT_PORT

SECONDS = 3.0


class RawService:
    """One connection to an access point, from a service's own address."""

    def __init__(
        self, host: Host, address: str, source: str, context: ssl.SSLContext | None, port: int = AGENT_PORT
    ) -> None:
        """Connect; TLS with `context`, plain without.

        Raises:
            OSError: refused, silent, or the handshake failed.
        """
        self._socket: socket.socket = host.connect(address, port, source=source, timeout=SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            try:
                self._socket = context.wrap_socket(self._socket)
            except BaseException:
                self._socket.close()
                raise

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._socket.close()

    @property
    def tls(self) -> ssl.SSLSocket:
        """The TLS side of the connection."""
        assert isinstance(self._socket, ssl.SSLSocket)
        return self._socket

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def receive(self, seconds: float = SECONDS) -> bytes:
        """Return what comes until the answer is whole, the connection ends, or nothing comes for `seconds`."""
        self._socket.settimeout(seconds)
        received = b""
        try:
            while not _whole(received):
                data = self._socket.recv(65536)
                if not data:
                    break
                received += data
        except OSError:
            pass
        return received

    def ask(self, method: str, target: str, body: object | None = None) -> tuple[int, bytes]:
        """Send a request as a service would; return status and body, status 0 where no answer came."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {target} HTTP/1.1\r\nHost: agent\r\nAccept: application/json\r\n"
        if body is not None:
            head += f"Content-Type: application/json; UTF-8\r\nContent-Length: {len(content)}\r\n"
        self.send(head.encode() + b"\r\n" + content)
        return status_and_body(self.receive())

    def register(self, model: str) -> int:
        """Register as a service of this type; return the status."""
        return self.ask("POST", "/service/register", {"modelId": model, "modelHash": "", "binaryHash": ""})[0]


def _whole(received: bytes) -> bool:
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return False
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        return body.endswith(b"0\r\n\r\n")
    for line in lowered.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return True


def status_and_body(received: bytes) -> tuple[int, bytes]:
    """Return status and body of an answer, chunks joined; status 0 where there is none."""
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 "):
        return 0, b""
    if b"transfer-encoding: chunked" in head.lower():
        joined, rest = b"", body
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            joined, rest = joined + rest[:length], rest[length + 2 :]
            if length == 0:
                break
        body = joined
    return int(head[9:12]), body
