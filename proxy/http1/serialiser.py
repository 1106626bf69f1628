"""Messages as they are sent: written anew from what was judged, with framing of our own (RFC 9112)."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus

from proxy.decoders.base import Answer, Outbound
from proxy.http1.head import HOP_BY_HOP, REMEMBERED, Fields
from proxy.http1.response_reader import SWITCHING_PROTOCOLS, ResponseHead

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NEVER_PASSED = HOP_BY_HOP | {"sec-websocket-extensions"}
"""Of an answer; what of it is needed is written anew. Extensions of WebSocket are never offered to an access point."""
_WITH_BODY = frozenset({"PUT", "POST", "PATCH"})


def request(outbound: Outbound) -> bytes:
    """Return a request with a length of its own; an upgrade keeps the fields that ask for it.

    Raises:
        ValueError: a part holds a line end: it would be another message than the one that was judged.
    """
    return _request_head(outbound.method, outbound.target, outbound.headers, len(outbound.body)) + outbound.body


@lru_cache(REMEMBERED)  # as requests are read (`request_reader`), so they are written
def _request_head(method: str, target: str, headers: Fields, length: int) -> bytes:
    upgrades = any(name == "upgrade" for name, _ in headers)
    kept = {"connection", "upgrade"} if upgrades else frozenset()
    fields = [(name, value) for name, value in headers if name not in HOP_BY_HOP or name in kept]
    if length or method in _WITH_BODY:
        fields.append(("content-length", str(length)))
    return _head(f"{method} {target} HTTP/1.1", fields)


def answer(ours: Answer, *, head_only: bool) -> bytes:
    """Return an answer of the gateway's own; the connection ends with it.

    Raises:
        ValueError: a part holds a line end.
    """
    fields = [(name, value) for name, value in ours.headers if name not in HOP_BY_HOP]
    fields += [("content-length", str(len(ours.body))), ("connection", "close")]
    head = _head(f"HTTP/1.1 {ours.status} {_reason(ours.status)}", fields)
    return head if head_only else head + ours.body


@lru_cache(REMEMBERED)  # as they are read (`response_reader`)
def response_head(head: ResponseHead, *, close: bool, chunked: bool) -> bytes:
    """Return the head of an access point's answer, without what concerned its connection only.

    Everything else stays as and where it was written, so that no client notices a difference, however it reads a head.

    Args:
        head: What came.
        close: The connection ends with this answer.
        chunked: The body follows in chunks, as its length is not known.

    Raises:
        ValueError: a part holds a line end.
    """
    ours = _own_fields(head, close=close, chunked=chunked)
    dropped = _NEVER_PASSED.union(
        token.strip().lower()
        for name, value in head.fields
        if name.lower() == "connection"
        for token in value.split(",")
    )
    fields: list[tuple[str, str]] = []
    for name, value in head.fields:
        lowered = name.lower()
        if lowered in ours:
            fields.append((name, ours.pop(lowered)))
        elif lowered not in dropped:
            fields.append((name, value))
    fields += ours.items()
    return _head(f"HTTP/1.1 {head.status} {head.reason or _reason(head.status)}", fields)


def _own_fields(head: ResponseHead, *, close: bool, chunked: bool) -> dict[str, str]:
    """Return what the gateway's own connection to the service needs."""
    if head.status == SWITCHING_PROTOCOLS:
        return {"upgrade": "websocket", "connection": "Upgrade"}
    ours: dict[str, str] = {}
    if chunked:
        ours["transfer-encoding"] = "chunked"
    elif head.length is not None and head.status != HTTPStatus.NO_CONTENT:
        ours["content-length"] = str(head.length)
    if close:
        ours["connection"] = "close"
    return ours


def _head(line: str, fields: list[tuple[str, str]] | Fields) -> bytes:
    text = "\r\n".join([line, *[f"{name}: {value}" for name, value in fields], "", ""])
    if text.count("\n") != len(fields) + 2 or text.count("\r") != len(fields) + 2:
        raise ValueError("a line end within a line")
    return text.encode("latin-1")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
