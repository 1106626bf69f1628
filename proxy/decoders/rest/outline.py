"""What a body holds that no route understands: names of members and kinds of values, and no value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from proxy.decoders import strict_json
from proxy.decoders.rest.bad_request import BadRequest
from proxy.decoders.rest.target import parse_pairs
from proxy.decoders.rest.unmatched import looks_secret
from proxy.decoders.strict_json import NotStrictJson, Number

LARGEST = 4096
"""Bytes of a body that is looked into."""
MOST = 24
"""Members that are named."""
_DEEPEST = 4
_NAME = re.compile(r"[A-Za-z0-9_.:$@-]{1,48}")
_JSON = re.compile(r"application/([a-z0-9.-]+\+)?json")
_FORM = "application/x-www-form-urlencoded"


def outline(content: bytes, content_type: str) -> tuple[str, ...]:
    """Return JSON pointers with the kinds of their values: `/params/on boolean`; none for what is no JSON and no form.

    Args:
        content: The body.
        content_type: Its media type.
    """
    if len(content) > LARGEST:
        return ()
    try:
        if _JSON.fullmatch(content_type):
            return tuple(_members(strict_json.parse(content)))[:MOST]
        if content_type == _FORM:
            names = parse_pairs(content.decode("ascii"), "ambiguous-body", lines=True)
            return tuple(f"/{name} text" for name in names if _told(name))[:MOST]
    except (NotStrictJson, BadRequest, UnicodeDecodeError):
        pass
    return ()


def _told(name: str) -> bool:
    """Tell whether a name may be written down: what is no plain name may be a value, or a credential."""
    return _NAME.fullmatch(name) is not None and not looks_secret(name)


def _members(value: Any, pointer: str = "", depth: int = 0) -> Iterator[str]:
    if isinstance(value, dict) and value and depth < _DEEPEST and all(map(_told, value)):
        for name, inner in value.items():
            yield from _members(inner, f"{pointer}/{name}", depth + 1)
    elif pointer:
        yield f"{pointer} {_kind(value)}"


def _kind(value: Any) -> str:
    if isinstance(value, Number):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    return "null" if value is None else "composed"
