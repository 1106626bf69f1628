"""Requests and answers between the HTTP session and the router."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus

import msgspec

from tests.site.http_client import chunked
from tests.site.knowledge_agent.messages import encode

NO_BODY = "Content-Length: 0"


class Request(msgspec.Struct):
    """One request; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    certificate: bytes | None = None
    """The client's verified leaf certificate, DER."""

    @property
    def path(self) -> str:
        """The path without query and without trailing slash."""
        path = self.target.partition("?")[0]
        return path.rstrip("/") or "/"

    @property
    def query(self) -> dict[str, str]:
        """The `key=value` items of the query, undecoded; later ones win."""
        items = self.target.partition("?")[2].replace(";", "&").split("&")
        return dict(item.split("=", 1) for item in items if "=" in item)

    @property
    def upgrades(self) -> bool:
        """Whether the client asks for a WebSocket."""
        return self.method == "GET" and self.headers.get("upgrade", "").lower() == "websocket"


class Response(msgspec.Struct):
    """One answer."""

    status: int
    headers: dict[str, str] = {}
    body: bytes | None = None

    def render(self, *, keep_alive: bool, now: int) -> bytes:
        """Return the bytes, the body in one chunk; `now` is the time of day, ms."""
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}", f"Date: {formatdate(now / 1000, usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if not keep_alive:
            lines.append("Connection: close")
        if self.body is not None:
            head = "\r\n".join([*lines, "Transfer-Encoding: chunked", "\r\n"]).encode("latin-1")
            return head + chunked(self.body)
        if self.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.SWITCHING_PROTOCOLS}:
            lines.append(NO_BODY)
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "VSL"


def answer(message: object, kind: str, content_type: str | None = None, status: int = 200) -> Response:
    """Return an answer with a message as its body."""
    return Response(status, {"Content-Type": content_type or kind}, encode(message, kind))
