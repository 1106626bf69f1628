"""JSON without the freedoms in which two parsers disagree (RFC 8259, sections 4 and 6)."""

from __future__ import annotations

import json
from typing import Any

_DEEPEST = 16


class NotStrictJson(ValueError):
    """Text that is not JSON, or that two parsers could read differently."""


class Number(str):
    """A number as it stood in the text, so that its value is passed on digit by digit."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJson("a member name occurs twice")
    return members


def _no_constant(name: str) -> None:
    raise NotStrictJson(f"{name} is not JSON")


def _depth(value: Any, level: int = 0) -> None:
    if level > _DEEPEST:
        raise NotStrictJson(f"nested deeper than {_DEEPEST} levels")
    if isinstance(value, dict):
        for inner in value.values():
            _depth(inner, level + 1)
    elif isinstance(value, list):
        for inner in value:
            _depth(inner, level + 1)


def parse(body: bytes) -> Any:
    """Parse a JSON text; numbers come as `Number`.

    Raises:
        NotStrictJson: the bytes are not UTF-8 JSON, a name occurs twice, or it is nested deeper than 16 levels.
    """
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=_unique,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
        )
    except NotStrictJson:
        raise
    except UnicodeDecodeError as error:
        raise NotStrictJson("the body is not UTF-8") from error
    except RecursionError as error:
        raise NotStrictJson(f"nested deeper than {_DEEPEST} levels") from error
    except ValueError as error:
        raise NotStrictJson(f"the body is not JSON: {error}") from error
    _depth(value)
    return value


def serialise(value: Any) -> bytes:
    """Return compact UTF-8 JSON; a `Number` becomes the text it stood for."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
