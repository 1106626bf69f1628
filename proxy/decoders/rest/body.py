"""Bodies of REST requests: read strictly as what their route says, looked into by JSON pointers, and written anew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from proxy.decoders import strict_json
from proxy.decoders.rest.bad_request import unclear, unreadable
from proxy.decoders.rest.mapping import BodyKind, pointer_tokens
from proxy.decoders.rest.target import parse_pairs, write_pairs
from proxy.decoders.strict_json import NotStrictJson, Number

FORM = "application/x-www-form-urlencoded"
_TYPES: Mapping[BodyKind, str] = {"json": "application/json", "form": FORM, "text": "text/plain"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DEEPEST = 32
"""Levels of JSON: pages of openHAB have 17 and more."""
_MOST_VALUES = 4096
"""Members and items of a body, in all."""
_LONGEST_FORM = 1 << 16
_LONGEST_NUMBER = 32
_LARGEST_INTEGER = 2**63
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
_ABSENT = object()
_END = object()


class Body(msgspec.Struct, frozen=True):
    """A body that was read."""

    data: Any
    """JSON as `strict_json.parse` gives it; a form as an object of texts; a text; None where nothing was read."""
    canonical: bytes
    content_type: str | None

    def at(self, tokens: tuple[str, ...]) -> Any:
        """Return what a pointer points to; `ABSENT` where there is nothing."""
        value = self.data
        for token in tokens:
            if type(value) is dict:
                value = value.get(token, _ABSENT)
            elif type(value) is list and _INDEX.fullmatch(token) and int(token) < len(value):
                value = value[int(token)]
            else:
                return _ABSENT
        return value


ABSENT = _ABSENT
NOTHING = Body(_ABSENT, b"", None)
"""There is no body."""


def read(kind: BodyKind, content: bytes, content_type: str, further: Iterable[str]) -> Body:
    """Read a body that is not empty as the kind that a route wants.

    Args:
        kind: What it has to be.
        content: The bytes.
        content_type: What the sender says, without parameters; empty where nothing is said.
        further: Media types with which services send this kind.

    Raises:
        BadRequest: it is declared to be something else (obeys the mode), or is not what it is declared (in every mode).
    """
    if kind == "none":
        raise unreadable("unsupported-body", "the call carries a body, and the mapping has none there")
    if kind == "opaque":
        return Body(None, content, content_type or "application/octet-stream")
    own = _TYPES[kind]
    if content_type not in {own, ""} and content_type not in further:
        detail = f"the body is of type {content_type[:48]!r}, and the mapping has {own} there"
        raise unreadable("unsupported-body", detail)
    match kind:
        case "json":
            return _json(content, own)
        case "form":
            return _form(content)
        case "text":
            return _text(content)


def _json(content: bytes, content_type: str) -> Body:
    try:
        data = strict_json.parse(content, _DEEPEST)
    except NotStrictJson as bad:
        raise unclear("ambiguous-body", str(bad)) from None
    _check_values(data)
    return Body(data, strict_json.serialise(data), content_type)


def _check_values(data: Any) -> None:
    """See that numbers and texts are the same for whoever reads them, and that there are not too many.

    Raises:
        BadRequest: a number is too large or too long for usual readers, a text holds control characters, or there are
            more values than any service sends.
    """
    stack = [data]
    seen = 1
    while stack:
        value = stack.pop()
        kind = type(value)
        if kind is Number:
            _check_number(value)
        elif kind is str:
            _check_text(value)
        elif kind is dict or kind is list:
            seen += len(value)
            if seen > _MOST_VALUES:
                raise unclear("body-too-large", f"the body has more than {_MOST_VALUES} members and items")
            if kind is dict:
                for name in value:
                    _check_text(name)
                stack.extend(value.values())
            else:
                stack.extend(value)


def _check_text(text: str) -> None:
    # An escape in the body is not looked for: `\\b` is a backslash and a b.
    if not text.isprintable() and _CONTROL.search(text):
        raise unclear("ambiguous-body", "a text of the body holds control characters")


def _check_number(digits: str) -> None:
    if len(digits) > _LONGEST_NUMBER:
        raise unclear("ambiguous-body", "a number of the body has more digits than readers keep")
    if abs(float(digits)) >= _LARGEST_INTEGER:
        raise unclear("ambiguous-body", "a number of the body is too large: readers would make another one of it")


def _form(content: bytes) -> Body:
    if not content.isascii():
        raise unclear("ambiguous-body", "the form holds more than ASCII")
    if len(content) > _LONGEST_FORM:
        raise unclear("body-too-large", f"the form is longer than {_LONGEST_FORM} bytes")
    text = content.decode("ascii")
    if _CONTROL.search(text) or any(each in text for each in "\t\r\n "):
        raise unclear("ambiguous-body", "the form holds blanks or control characters that are not escaped")
    data = parse_pairs(text, "ambiguous-body", lines=True)
    return Body(data, write_pairs(data).encode("ascii"), FORM)


def _text(content: bytes) -> Body:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise unclear("ambiguous-body", "the body is not UTF-8") from None
    if _CONTROL.search(text) or text.startswith("\ufeff"):
        raise unclear("ambiguous-body", "the body holds control characters")
    return Body(text, content, "text/plain" if text.isascii() else "text/plain; charset=utf-8")


def as_text(value: Any) -> str:
    """Return a value of a body as the text that models see."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return str(value)
        case None:
            return "null"
        case _:
            return strict_json.serialise(value).decode()


class Coverage:
    """Finds what of a body has no meaning in a route."""

    def __init__(self, pointers: Iterable[str]) -> None:
        self._tree: dict[Any, Any] = {}
        self._whole = False
        for pointer in pointers:
            tokens = pointer_tokens(pointer)
            if not tokens:
                self._whole = True
                continue
            branch = self._tree
            for token in tokens[:-1]:
                branch = branch.setdefault(token, {})
            branch.setdefault(tokens[-1], {})[_END] = True

    def stranger(self, data: Any) -> str | None:
        """Return the pointer of something that is not covered; None where all is. An empty object is nothing."""
        if self._whole or data is ABSENT:
            return None
        return _stranger(data, self._tree, "")


def _stranger(value: Any, branch: dict[Any, Any], place: str) -> str | None:
    if _END in branch:
        return None
    match value:
        case dict():
            members: Iterable[tuple[str, Any]] = value.items()
        case list():
            if not value:
                return place or "the whole"
            members = ((str(i), each) for i, each in enumerate(value))
        case _:
            return place or "the whole"
    for name, inner in members:
        below = branch.get(name)
        if below is None:
            return f"{place}/{name[:64]}"
        found = _stranger(inner, below, f"{place}/{name}")
        if found is not None:
            return found
    return None
