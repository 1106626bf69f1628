"""Data schemas of Thing Descriptions (TD 1.1, section 5.3.2): the data type and the range of each value in them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from proxy.decoders.rest.mapping import MOST_OF_A_ROUTE, MOST_WORDS
from proxy.decoders.strict_json import Number

_DEEPEST = 6
_LONGEST_POINTER = 256
_POINTER_NAME = re.compile(r"[^\x00-\x1f\x7f]+")
_OTHER = re.compile(r"[^A-Za-z0-9._:-]+")
NUMBER, TEXT, BOOLEAN, COMPOSED = "/basic/number", "/basic/text", "/basic/boolean", "/basic/composed"
_DATA_TYPES = {
    "boolean": BOOLEAN,
    "integer": NUMBER,
    "number": NUMBER,
    "string": TEXT,
    "object": COMPOSED,
    "array": COMPOSED,
}


class NotUnderstood(ValueError):
    """A part of a description that cannot be judged; the text says which and why."""


class Range(msgspec.Struct, frozen=True):
    """What is known of one value."""

    data_type: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] | None = None

    def keywords(self) -> dict[str, Any]:
        """Return it as a route or a member of a mapping document has it."""
        return {
            "data_type": self.data_type,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "choices": None if self.choices is None else list(self.choices),
        }


class Part(msgspec.Struct, frozen=True):
    """One value within a composed one."""

    pointer: str
    """JSON pointer to it (RFC 6901)."""
    node: str
    """Where it is below the node of the whole."""
    range: Range


def segment(name: str) -> str:
    """Return a name as a segment of an address, without the characters that it cannot hold.

    Raises:
        NotUnderstood: nothing is left of it.
    """
    made = _OTHER.sub("-", name).strip("-.")[:64]
    if not made:
        raise NotUnderstood(f"the name {name[:40]!r} has no character that an address can hold")
    return made


def number(value: object) -> float | None:
    """Return a number of a description; None for what is none, or is infinite."""
    if not isinstance(value, Number):
        return None
    found = float(value)
    return found if math.isfinite(found) else None


def read_range(schema: Mapping[str, Any]) -> Range:
    """Return data type and range of a value.

    Raises:
        NotUnderstood: the range is empty, or has more words than a mapping can hold.
    """
    kind = schema.get("type")
    words = schema.get("enum")
    if "const" in schema:
        words = [schema["const"]]
    if not isinstance(words, list) or not words:
        words = None
    texts = None if words is None or not all(_is_text(word) for word in words) else tuple(dict.fromkeys(words))
    data_type = _DATA_TYPES.get(kind) if isinstance(kind, str) and not isinstance(kind, Number) else None
    if data_type is None and texts is not None:
        data_type = TEXT
    if data_type == TEXT:
        if texts is not None and len(texts) > MOST_WORDS:
            raise NotUnderstood(f"it allows more than {MOST_WORDS} words")
        return Range(TEXT, choices=texts)
    numbers = [found for word in words or () if (found := number(word)) is not None]
    if data_type is None and words is not None and len(numbers) == len(words):
        data_type = NUMBER
    if data_type != NUMBER:
        return Range(data_type)
    lowest, highest = list(_lowest(schema, kind)), list(_highest(schema, kind))
    if words is not None and len(numbers) == len(words):
        lowest.append(min(numbers))
        highest.append(max(numbers))
    minimum, maximum = max(lowest, default=None), min(highest, default=None)
    if minimum is not None and maximum is not None and minimum > maximum:
        raise NotUnderstood(f"no number is between {minimum:g} and {maximum:g}")
    return Range(NUMBER, minimum, maximum)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _lowest(schema: Mapping[str, Any], kind: object) -> Iterator[float]:
    if (bound := number(schema.get("minimum"))) is not None:
        yield bound
    if (bound := number(schema.get("exclusiveMinimum"))) is not None:
        yield math.floor(bound) + 1 if kind == "integer" else math.nextafter(bound, math.inf)


def _highest(schema: Mapping[str, Any], kind: object) -> Iterator[float]:
    if (bound := number(schema.get("maximum"))) is not None:
        yield bound
    if (bound := number(schema.get("exclusiveMaximum"))) is not None:
        yield math.ceil(bound) - 1 if kind == "integer" else math.nextafter(bound, -math.inf)


def read_parts(schema: Mapping[str, Any]) -> tuple[Part, ...]:
    """Return the values that an object is composed of; none for anything else, and for an object that names none.

    Raises:
        NotUnderstood: they are nested too deep, are too many, or two would be one node.
    """
    parts = tuple(_parts(schema, "", "", 0))
    if len(parts) > MOST_OF_A_ROUTE:
        raise NotUnderstood(f"it is composed of more than {MOST_OF_A_ROUTE} values")
    if len({part.node for part in parts}) < len(parts):
        raise NotUnderstood("two of its values would have one name in an address")
    return parts


def _parts(schema: Mapping[str, Any], pointer: str, node: str, level: int) -> Iterator[Part]:
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, dict):
        return
    if level == _DEEPEST or len(properties) > MOST_OF_A_ROUTE:
        raise NotUnderstood(f"it is nested deeper than {_DEEPEST} levels, or has too many members")
    for name, inner in properties.items():
        if not isinstance(inner, dict) or not _POINTER_NAME.fullmatch(name):
            raise NotUnderstood(f"its member {name[:40]!r} is not described")
        at = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if len(at) > _LONGEST_POINTER:
            raise NotUnderstood("the names of its members are too long")
        below = f"{node}/{segment(name)}" if node else segment(name)
        deeper = list(_parts(inner, at, below, level + 1))
        yield from deeper or [Part(at, below, read_range(inner))]
