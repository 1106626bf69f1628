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
_LONGEST_TEXT = 1 << 20
_LARGEST_PLAIN = 2.0**53
_RESTRICTING = (
    *("oneOf", "anyOf", "allOf", "not", "if", "minLength", "pattern", "multipleOf", "items", "minItems"),
    *("maxItems", "uniqueItems", "contains", "required", "minProperties", "maxProperties", "propertyNames"),
    *("contentEncoding", "contentMediaType"),
)
"""Words of JSON Schema that a mapping has no word for."""
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
NUMBER, TEXT, BOOLEAN, COMPOSED = "/basic/number", "/basic/text", "/basic/boolean", "/basic/composed"
_DATA_TYPES = {
    "boolean": BOOLEAN,
    "integer": NUMBER,
    "number": NUMBER,
    "string": TEXT,
    "object": COMPOSED,
    "array": COMPOSED,
}


_TYPES = _DATA_TYPES.keys() | {"null"}


class NotUnderstood(ValueError):
    """A part of a description that cannot be judged; the text says which and why."""


class Range(msgspec.Struct, frozen=True):
    """What is known of one value."""

    data_type: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] | None = None
    integer: bool = False
    longest: int | None = None
    """Characters of a text."""
    unjudged: tuple[str, ...] = ()
    """Words of the schema that restrict the value, and that a mapping cannot say."""

    def keywords(self) -> dict[str, Any]:
        """Return it as a route or a member of a mapping document has it."""
        found: dict[str, Any] = {} if self.longest is None else {"longest": self.longest}
        return found | {
            "integer": self.integer,
            "data_type": self.data_type,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "choices": None if self.choices is None else list(self.choices),
        }

    @property
    def size(self) -> int:
        """About how many bytes it takes in a mapping."""
        return 128 + sum(len(word) + 3 for word in self.choices or ())


class Part(msgspec.Struct, frozen=True):
    """One value within a composed one."""

    pointer: str
    """JSON pointer to it (RFC 6901)."""
    node: str
    """Where it is below the node of the whole."""
    range: Range

    @property
    def size(self) -> int:
        """About how many bytes it takes in a mapping."""
        return len(self.pointer) + len(self.node) + self.range.size


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
    kind = str(kind) if _is_text(kind) else None
    words, combined = _words(schema)
    data_type = _DATA_TYPES.get(kind) if kind is not None else None
    if data_type is None and words:
        data_type = _type_of(words)
    unjudged = list(_unjudged(schema, kind, data_type, combined=combined))
    choices: tuple[str, ...] | None = None
    if words and data_type is not None and all(_fits(word, data_type) for word in words):
        choices = tuple(dict.fromkeys(spelt for word in words for spelt in _spellings(word)))
        if len(choices) > MOST_WORDS:
            raise NotUnderstood(f"it allows more than {MOST_WORDS} words")
    elif words:
        unjudged.insert(0, "enum" if "const" not in schema else "const")
    if data_type != NUMBER:
        longest = _longest(schema) if data_type == TEXT else None
        return Range(data_type, choices=choices, longest=longest, unjudged=tuple(unjudged))
    lowest, highest = list(_lowest(schema, kind)), list(_highest(schema, kind))
    if words and choices is not None:
        numbers = [float(word) for word in words]
        lowest.append(min(numbers))
        highest.append(max(numbers))
    minimum, maximum = max(lowest, default=None), min(highest, default=None)
    if minimum is not None and maximum is not None and minimum > maximum:
        raise NotUnderstood(f"no number is between {minimum:g} and {maximum:g}")
    return Range(NUMBER, minimum, maximum, choices, integer=kind == "integer", unjudged=tuple(unjudged))


def _unjudged(schema: Mapping[str, Any], kind: str | None, data_type: str | None, *, combined: bool) -> Iterator[str]:
    """Yield the words of a schema that restrict its values, and that a mapping cannot say."""
    for word in _RESTRICTING:
        if word in schema and not (word == "oneOf" and combined):
            yield word
    if "maxLength" in schema and not (data_type == TEXT and _longest(schema)):
        yield "maxLength"
    if schema.get("type") is not None and kind not in _TYPES:
        yield "type"
    for word in _BOUNDS:
        if word in schema and (data_type != NUMBER or number(schema[word]) is None):
            yield word


def _words(schema: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """Return the values that are allowed, none for any, and whether `oneOf` says no more than that.

    Raises:
        NotUnderstood: nothing is allowed.
    """
    if "const" in schema:
        return [schema["const"]], False
    words = schema.get("enum")
    if isinstance(words, list):
        if not words:
            raise NotUnderstood("its enum allows nothing")
        return words, False
    named = schema.get("oneOf")
    if isinstance(named, list) and named and all(isinstance(each, dict) and "const" in each for each in named):
        return [each["const"] for each in named], True
    return [], False


def _type_of(words: list[Any]) -> str | None:
    found = [each for each in (TEXT, NUMBER, BOOLEAN) if all(_fits(word, each) for word in words)]
    return found[0] if found else None


def _fits(word: object, data_type: str) -> bool:
    if data_type == TEXT:
        return _is_text(word)
    return number(word) is not None if data_type == NUMBER else data_type == BOOLEAN and isinstance(word, bool)


def _spellings(word: object) -> Iterator[str]:
    """Yield a word as it may stand in a request: numbers as the description has them, and whole ones plainly."""
    if isinstance(word, bool):
        yield "true" if word else "false"
        return
    yield str(word)
    found = number(word)
    if found is not None and found.is_integer() and abs(found) < _LARGEST_PLAIN:
        yield str(int(found))


def _longest(schema: Mapping[str, Any]) -> int | None:
    """Return how many characters a text may have; None where a mapping cannot say it."""
    found = number(schema.get("maxLength"))
    return int(found) if found is not None and 1 <= found <= _LONGEST_TEXT else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _lowest(schema: Mapping[str, Any], kind: str | None) -> Iterator[float]:
    if (bound := number(schema.get("minimum"))) is not None:
        yield bound
    if (bound := number(schema.get("exclusiveMinimum"))) is not None:
        yield math.floor(bound) + 1 if kind == "integer" else math.nextafter(bound, math.inf)


def _highest(schema: Mapping[str, Any], kind: str | None) -> Iterator[float]:
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
