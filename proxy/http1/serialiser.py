"""Messages as they are sent: written anew from what was judged, with framing of our own (RFC 9112)."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus

from proxy.decoders.base import Answer, Outbound
from proxy.http1.head import HOP_BY_HOP, REMEMBERED, Fields
from proxy.http1.response_reader import SWITCHING_PROTOCOLS, ResponseHead

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_WEBSOCKET = frozenset({"sec-websocket-accept", "sec-websocket-protocol", "content-type"})
"""Of an answer that opens a callback channel; its type is the format of the messages."""
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

    Args:
        head: What came.
        close: The connection ends with this answer.
        chunked: The body follows in chunks, as its length is not known.

    Raises:
        ValueError: a part holds a line end.
    """
    named = {token.strip().lower() for name, value in head.fields if name == "connection" for token in value.split(",")}
    if head.status == SWITCHING_PROTOCOLS:
        fields = [("upgrade", "websocket"), ("connection", "Upgrade")]
        fields += [(name, value) for name, value in head.fields if name in _WEBSOCKET]
    else:
        fields = [(name, value) for name, value in head.fields if name not in HOP_BY_HOP and name not in named]
        if chunked:
            fields.append(("transfer-encoding", "chunked"))
        elif head.length is not None and head.status != HTTPStatus.NO_CONTENT:
            fields.append(("content-length", str(head.length)))
        if close:
            fields.append(("connection", "close"))
    return _head(f"HTTP/1.1 {head.status} {head.reason or _reason(head.status)}", fields)


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
