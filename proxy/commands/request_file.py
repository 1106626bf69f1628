"""A request in a file, read by the gateway's own HTTP layer."""

from __future__ import annotations

import re

from proxy.decoders.base import Request
from proxy.http1.bad_message import BadMessage
from proxy.http1.head import HeadLimits
from proxy.http1.request_reader import Authority, RequestReader
from proxy.http1.room import BodyLimits, Room

_LIMITS = HeadLimits(line_bytes=8 * 1024, head_bytes=16 * 1024, fields=64)
_BODY = 1024 * 1024
_DESTINATION = Authority("192.0.2.2", 80)
_END = re.compile(rb"\r?\n\r?\n")
_WITHOUT_VERSION = re.compile(rb"[A-Z]+ [!-~]+ *")


def read_request(content: bytes) -> Request:
    """Read a request as people write it down.

    Lines of the head may end with LF, and the version, Host and the length be left out.

    Raises:
        BadMessage: it is not one that the gateway takes.
    """
    found = _END.search(content)
    head, body = (content[: found.start()], content[found.end() :]) if found else (content.rstrip(b"\r\n"), b"")
    lines = re.split(rb"\r?\n", head)
    if _WITHOUT_VERSION.fullmatch(lines[0]):
        lines[0] = lines[0].rstrip() + b" HTTP/1.1"
    names = {line.partition(b":")[0].strip().lower() for line in lines[1:]}
    if b"content-length" not in names and b"transfer-encoding" not in names:
        # The line end that editors add at the end of a file is not part of a body.
        body = body.removesuffix(b"\n").removesuffix(b"\r")
        if body:
            lines.append(b"Content-Length: %d" % len(body))
    if b"host" not in names:
        lines.append(b"Host: 192.0.2.2")
    reader = RequestReader(_DESTINATION, _LIMITS, BodyLimits(_BODY, _BODY), Room(_BODY))
    reader.feed(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    received = reader.next()
    if received is None:
        raise BadMessage("malformed-request", "the request is not complete")
    return received.request
