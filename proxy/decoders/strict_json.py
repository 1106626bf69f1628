"""JSON without the freedoms in which two parsers disagree (RFC 8259, sections 4 and 6)."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

DEEPEST = 16
"""Levels of nesting, where nothing else is said."""
_SPACE = " \t\n\r"
"""What may stand around a value (RFC 8259, section 2)."""
_HALF = re.compile("[\ud800-\udfff]")


class NotStrictJson(ValueError):
    """Text that is not JSON, or that two parsers could read differently."""


class Number(str):
    """A number as it stood in the text: `serialise` writes it as a number again, digit for digit."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJson("a member name occurs twice")
    return members


def _no_constant(name: str) -> None:
    raise NotStrictJson(f"{name} is not JSON")


def _digits(value: object) -> msgspec.Raw:
    if isinstance(value, Number):
        return msgspec.Raw(str.encode(value))
    raise TypeError(f"{type(value).__name__} is not written")


# No more escapes than needed, as the middleware writes it: a service may take frames apart by itself.
_ENCODER = msgspec.json.Encoder(enc_hook=_digits)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=Number, parse_float=Number, parse_constant=_no_constant
)


def _check(value: Any, deepest: int, level: int = 0) -> None:
    if level > deepest:
        raise NotStrictJson(f"nested deeper than {deepest} levels")
    match value:
        case str() if not value.isascii() and _HALF.search(value):
            raise NotStrictJson("an escape stands for half a character")
        case dict():
            for name, inner in value.items():
                _check(name, deepest, level)
                _check(inner, deepest, level + 1)
        case list():
            for inner in value:
                _check(inner, deepest, level + 1)


def parse(body: bytes, deepest: int = DEEPEST) -> Any:
    """Parse a JSON text; numbers come as `Number`.

    Args:
        body: The text.
        deepest: Levels of nesting that it may have.

    Raises:
        NotStrictJson: the bytes are not UTF-8 JSON, a name occurs twice, an escape is half of a surrogate pair, or it
            is nested deeper than that.
    """
    try:
        text = body.decode().strip(_SPACE)
        value, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise json.JSONDecodeError("Extra data", text, end)
    except NotStrictJson:
        raise
    except UnicodeDecodeError as error:
        raise NotStrictJson("the body is not UTF-8") from error
    except RecursionError as error:
        raise NotStrictJson(f"nested deeper than {deepest} levels") from error
    except ValueError as error:
        raise NotStrictJson(f"the body is not JSON: {error}") from error
    # As a rule neither can be wrong: only an escape can stand for half a character, and every level has a bracket.
    if b"\\u" in body or body.count(b"{") + body.count(b"[") > deepest:
        _check(value, deepest)
    return value


def serialise(value: Any) -> bytes:
    """Return compact UTF-8 JSON of what `parse` gives, or of one's own: a `Number` is written as the number it was.

    Where a number is to become text, make it a `str` first.

    Raises:
        TypeError: the value holds something that JSON has no form for.
    """
    return _ENCODER.encode(value)
