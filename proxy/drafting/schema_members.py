"""From the schema of a body (OpenAPI's dialects of JSON Schema) to its values, each with type and range.

Bounded in depth and number, as schemas refer to themselves and to each other.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

from policy.printable import printable
from proxy.decoders.rest.accesses import LONGEST_TOLD
from proxy.drafting.credentials import is_secret
from proxy.drafting.draft import BOOLEAN, COMPOSED, NUMBER, TEXT, MemberDraft
from proxy.drafting.specification import Specification, given_example

MOST_MEMBERS = 64
DEEPEST = 5
"""Objects within objects; what is deeper is one value."""
_MOST_VISITS = 2000
_TYPES: Mapping[str, str] = {
    "boolean": BOOLEAN,
    "integer": NUMBER,
    "number": NUMBER,
    "string": TEXT,
    "array": COMPOSED,
    "object": COMPOSED,
}
_ADDRESS = re.compile(r"[^A-Za-z0-9._:-]+")
_POINTED = re.compile(r"[^\x00-\x1f\x7f]+")
_LONGEST_POINTER = 200
_MOST_CHOICES = 64
_LONGEST_EXAMPLE = 4096
_WHOLE = {"integer"}
_DECIMALS = Decimal("1e-12")
_LARGEST_DECIMAL = 10**15
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


class Values(NamedTuple):
    """What a body holds."""

    members: tuple[MemberDraft, ...]
    """None where the body is one value as a whole."""
    data_type: str
    """Of the body as a whole."""
    remarks: tuple[str, ...]


def values_of(specification: Specification, schema: Mapping[str, Any], deepest: int = DEEPEST) -> Values:
    """Return the values that a body of that schema may hold; what is nested deeper than that is one value."""
    walk = _Walk(specification, deepest)
    members = list(walk.members(schema, "", 0))
    if len(members) > MOST_MEMBERS:
        walk.remarks[f"the body has more than {MOST_MEMBERS} values; the others are left out"] = None
        members = members[:MOST_MEMBERS]
    return Values(tuple(members), walk.type_of(schema), tuple(walk.remarks))


def parameter_of(specification: Specification, name: str, schema: Mapping[str, Any]) -> MemberDraft:
    """Return what a parameter of the target or the path may be; its place is `?name`."""
    found = _Walk(specification, 1).member(f"/{name.replace('~', '~0').replace('/', '~1')}", schema)
    return replace(found, pointer=f"?{name}", data_type=TEXT if found.data_type == COMPOSED else found.data_type)


class _Walk:
    def __init__(self, specification: Specification, deepest: int) -> None:
        self._specification = specification
        self._deepest = deepest
        self._visits = 0
        self.remarks: dict[str, None] = {}

    def members(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Iterator[MemberDraft]:
        for name, given in self._properties(schema, 0).items():
            each = self._specification.resolved(given)
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            if not _POINTED.fullmatch(name) or len(place) > _LONGEST_POINTER:
                self.remarks[f"{printable(place)} cannot be named, and is left out"] = None
                continue
            self._visits += 1
            if self._visits > _MOST_VISITS:
                self.remarks["the schema of the body is too large; what is missing here was not read"] = None
                return
            if each.get("readOnly") is True:
                self.remarks[f"{place} is read only, and left out: add it if services send it all the same"] = None
                continue
            if depth + 1 < self._deepest and self._properties(each, 0):
                yield from self.members(each, place, depth + 1)
                continue
            yield self.member(place, each)

    def _properties(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """Return the properties of an object, with those of all that it may be made of."""
        found: dict[str, Any] = {}
        self._visits += 1
        if depth > DEEPEST or self._visits > _MOST_VISITS:
            return found
        for name, each in _mapping(schema.get("properties")).items():
            found[str(name)] = each
        for word in ("allOf", "oneOf", "anyOf"):
            for part in _parts(schema, word):
                for name, each in self._properties(self._specification.resolved(part), depth + 1).items():
                    found.setdefault(name, each)
        return found

    def member(self, pointer: str, schema: Mapping[str, Any]) -> MemberDraft:
        """Return what a value may be."""
        effective = self._effective(schema)
        minimum, maximum, remark = _range(effective)
        return MemberDraft(
            pointer=pointer,
            node="/".join(
                _ADDRESS.sub("-", part.replace("~1", "/").replace("~0", "~")).strip("-.") or "value"
                for part in pointer.split("/")[1:]
            ),
            data_type=self.type_of(schema),
            minimum=minimum,
            maximum=maximum,
            integer=_is_whole(effective),
            # Words of something that is no text would allow nothing.
            choices=_choices(effective) if self.type_of(schema) == TEXT else (),
            longest=_longest(effective) if self.type_of(schema) == TEXT else None,
            private=(
                schema.get("format") == "password"
                or schema.get("writeOnly") is True
                or is_secret(pointer.rpartition("/")[2])
            ),
            remark=remark,
            example=json_of(given_example(effective)) or ("[]" if _kinds(effective) == ["array"] else None),
        )

    def _effective(self, schema: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any]:
        """Return the one schema that stands behind `allOf`, or a choice of one and null."""
        if "type" in schema or "enum" in schema or "const" in schema or depth > DEEPEST:
            return schema
        for word in ("allOf", "oneOf", "anyOf"):
            parts = [self._specification.resolved(part) for part in _parts(schema, word)]
            real = [part for part in parts if part.get("type") != "null"]
            if len(real) == 1:
                return self._effective({**real[0], **{k: v for k, v in schema.items() if k != word}}, depth + 1)
        return schema

    def type_of(self, schema: Mapping[str, Any]) -> str:
        """Return the data type of a value."""
        found = self._effective(schema)
        kinds = _kinds(found)
        types = {_TYPES[kind] for kind in kinds if kind in _TYPES}
        if types:
            # Of several, text holds what each of them can be written as.
            return types.pop() if len(types) == 1 else TEXT
        return COMPOSED


def json_of(value: object) -> str | None:
    """Return an example as JSON; None for none, and for what is too long or is none of JSON's."""
    try:
        text = None if value is None else json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if text is not None and len(text) <= _LONGEST_EXAMPLE else None


def _parts(schema: Mapping[str, Any], word: str) -> list[Any]:
    given = schema.get(word)
    return given if isinstance(given, list) else []


def _is_whole(schema: Mapping[str, Any]) -> bool:
    """Tell whether a value is a whole number."""
    numbers = [each for each in _enumerated(schema) if isinstance(each, int | float)]
    if not all(isinstance(each, int) for each in numbers):
        return False
    return _kinds(schema) == ["integer"] or (bool(numbers) and _kinds(schema) == ["number"])


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    given = schema.get("type")
    if isinstance(given, list):
        return [str(kind) for kind in given if kind != "null"]
    if isinstance(given, str):
        return [given]
    samples = _enumerated(schema)
    kinds = {"boolean" if isinstance(each, bool) else _kind(each) for each in samples if each is not None}
    return sorted(kinds)


def _kind(value: object) -> str:
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "object"


def _enumerated(schema: Mapping[str, Any]) -> list[Any]:
    given = schema.get("enum")
    if isinstance(given, list):
        return given
    return [schema["const"]] if "const" in schema else []


def _choices(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the texts that a value may be, where it is one of a few."""
    found = [each for each in _enumerated(schema) if each is not None]
    fitting = [each for each in found if isinstance(each, str) and each.isprintable()]
    return tuple(dict.fromkeys(fitting)) if len(fitting) == len(found) <= _MOST_CHOICES else ()


def _longest(schema: Mapping[str, Any]) -> int | None:
    """Return how many characters a text may have, where that is fewer than anyway."""
    given = schema.get("maxLength")
    plain = isinstance(given, int) and not isinstance(given, bool) and 0 < given < LONGEST_TOLD
    return given if plain else None


def _range(schema: Mapping[str, Any]) -> tuple[float | int | None, float | int | None, str]:
    """Return the range of a number, and what else is said of a value."""
    kinds = _kinds(schema)
    choices = _enumerated(schema)
    if not kinds or not {"integer", "number"}.issuperset(kinds):
        return None, None, ""
    numbers = [each for each in choices if isinstance(each, int | float) and not isinstance(each, bool)]
    if not all(map(_is_usable, numbers)):
        return None, None, "its choices in the document are too large for any"
    if numbers:
        lowest, highest = _decimal(min(numbers), ROUND_FLOOR), _decimal(max(numbers), ROUND_CEILING)
        return lowest, highest, f"one of {len(numbers)} numbers"
    whole = _WHOLE.issuperset(kinds)
    if not all(_is_usable(schema.get(word)) for word in _BOUNDS):
        return None, None, "its bounds in the document are too large for any"
    low, above = _bound(schema, "minimum", "exclusiveMinimum", 1 if whole else 0)
    high, below = _bound(schema, "maximum", "exclusiveMaximum", -1 if whole else 0)
    if low is not None and high is not None and low > high:
        return None, None, "its minimum is above its maximum in the document"
    low = None if low is None else _decimal(low, ROUND_FLOOR)
    high = None if high is None else _decimal(high, ROUND_CEILING)
    excluded = [] if whole else [f"{each:g} itself" for each in (above, below) if each is not None]
    return low, high, f"without {' and '.join(excluded)}" if excluded else ""


def _decimal(bound: float, rounding: str) -> float:
    """Return a bound with as many decimals as a text may have, so that there is one within it."""
    if isinstance(bound, int) or abs(bound) >= _LARGEST_DECIMAL:
        return bound
    return float(Decimal(repr(bound)).quantize(_DECIMALS, rounding))


def _is_usable(bound: object) -> bool:
    """Tell whether a bound can stand in a mapping."""
    try:
        return not isinstance(bound, int | float) or math.isfinite(float(bound))
    except OverflowError:
        return False


def _bound(
    schema: Mapping[str, Any], inclusive: str, exclusive: str, step: int
) -> tuple[float | int | None, float | int | None]:
    """Return a bound, and the number that is not within it although it is the bound; 3.0 says so with a truth value."""
    bound, other = schema.get(inclusive), schema.get(exclusive)
    if isinstance(other, int | float) and not isinstance(other, bool):
        return other + step, other
    if not isinstance(bound, int | float) or isinstance(bound, bool):
        return None, None
    return (bound + step, bound) if other is True else (bound, None)


def _mapping(node: object) -> Mapping[str, Any]:
    return node if isinstance(node, Mapping) else {}
