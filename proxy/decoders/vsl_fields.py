"""Header fields of VSL requests: which decide on the meaning, and which the access point gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from proxy.decoders import vsl_media
from proxy.decoders.base import Headers

WEBSOCKET = ("sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol")
PREFLIGHT = ("origin", "access-control-request-method", "access-control-request-headers")
"""What a browser asks with OPTIONS; passed on with that alone."""
_PASSED_ON = frozenset({"user-agent"})
_ONCE = frozenset({"host", "content-type", "content-length", "accept", "authorization", "upgrade", "expect"})
_ONLY_ONCE = _ONCE.union(WEBSOCKET, PREFLIGHT)
_TOLD = _PASSED_ON | _ONLY_ONCE
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LARGEST_COUNT = 64
_LARGEST_BYTES = 8192
_REMEMBERED = 512
"""Sets of header fields whose reading is remembered: services send the same with every call."""


class BadFields(ValueError):
    """Header fields that are ambiguous or too many. `code` is their refusal's code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Fields(msgspec.Struct, frozen=True):
    """The header fields of a request, checked."""

    by_name: Mapping[str, str]
    passed_on: Headers
    """Those that the access point gets."""
    content_type: str
    """Media type of the body, without parameters; empty where none is given."""


@lru_cache(_REMEMBERED)
def read(headers: Headers) -> Fields:
    """Return the fields by name, and those that are passed on.

    Raises:
        BadFields: a field that decides on the meaning of the request occurs twice, or there are too many.
    """
    if len(headers) > _LARGEST_COUNT or sum(len(n) + len(v) for n, v in headers) > _LARGEST_BYTES:
        raise BadFields("headers-too-large", "more header fields than any service sends")
    found: dict[str, str] = {}
    for name, value in headers:
        if name in found and name in _ONLY_ONCE:
            raise BadFields("ambiguous-headers", f"the header {name} occurs twice")
        if name in _TOLD and not value.isascii():
            raise BadFields("ambiguous-headers", f"the header {name} holds more than ASCII")
        if _CONTROL.search(value):
            raise BadFields("ambiguous-headers", f"the header {name} holds control characters")
        found[name] = value
    if "host" not in found:
        raise BadFields("ambiguous-headers", "the header host is missing")
    passed_on = [(name, value) for name, value in headers if name in _PASSED_ON]
    accept = found.get("accept")
    wanted = None if accept is None else vsl_media.wanted(accept)
    if wanted is not None:
        passed_on.append(("accept", wanted))
    return Fields(found, tuple(passed_on), vsl_media.name_of(found.get("content-type", "")))
