"""What a data schema says of values becomes data types and ranges."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from proxy.decoders.rest.thing_schema import NotUnderstood, Part, Range, read_parts, read_range, segment
from proxy.decoders.strict_json import parse


def read(**schema: Any) -> Range:
    return read_range(parse(json.dumps(schema).encode()))


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        ({"type": "boolean"}, Range("/basic/boolean")),
        ({"type": "number", "minimum": 5, "maximum": 30.5}, Range("/basic/number", 5, 30.5)),
        (
            {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 4},
            Range("/basic/number", 1, 3, integer=True),
        ),
        ({"type": "integer", "maximum": 9}, Range("/basic/number", None, 9, integer=True)),
        ({"type": "integer", "minimum": 0, "maximum": 1e9}, Range("/basic/number", 0, 1e9, integer=True)),
        ({"type": "number", "exclusiveMaximum": 1}, Range("/basic/number", None, math.nextafter(1, 0))),
        ({"type": "integer", "enum": [3, 1, 2]}, Range("/basic/number", 1, 3, ("3", "1", "2"), integer=True)),
        ({"enum": [10, 20.0], "maximum": 15}, Range("/basic/number", 10, 15, ("10", "20.0", "20"))),
        ({"type": "boolean", "const": False}, Range("/basic/boolean", choices=("false",))),
        ({"enum": [True, "on"]}, Range(unjudged=("enum",))),
        ({"type": "object", "const": {}}, Range("/basic/composed", unjudged=("const",))),
        ({"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}]}, Range("/basic/text", choices=("a", "b"))),
        ({"type": "string", "enum": ["off", "heat"]}, Range("/basic/text", choices=("off", "heat"))),
        ({"const": "on"}, Range("/basic/text", choices=("on",))),
        ({"type": "string", "maxLength": 4}, Range("/basic/text", longest=4)),
        ({"type": "string", "maxLength": 0}, Range("/basic/text", unjudged=("maxLength",))),
        ({"type": "number", "multipleOf": 5}, Range("/basic/number", unjudged=("multipleOf",))),
        ({"type": "array", "items": {"type": "number"}}, Range("/basic/composed", unjudged=("items",))),
        ({"oneOf": [{"type": "number"}, {"type": "string"}]}, Range(unjudged=("oneOf",))),
        ({"type": ["string"]}, Range(unjudged=("type",))),
        ({"type": "text", "minimum": 3}, Range(unjudged=("type", "minimum"))),
        ({"type": "string", "maximum": 3}, Range("/basic/text", unjudged=("maximum",))),
        ({"type": 7}, Range(unjudged=("type",))),
        ({"type": "null"}, Range()),
    ],
)
def test_a_schema_is_a_type_and_a_range(schema: dict[str, Any], wanted: Range) -> None:
    assert read(**schema) == wanted


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number", "minimum": 5, "maximum": 4},
        {"type": "string", "enum": [str(n) for n in range(300)]},
        {"type": "number", "enum": []},
    ],
)
def test_a_range_that_nothing_fits_or_that_is_too_large_is_told(schema: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood):
        read(**schema)


def test_a_number_that_is_infinite_bounds_nothing() -> None:
    assert read_range(parse(b'{"type":"number","maximum":1e999}')) == Range("/basic/number", unjudged=("maximum",))


def test_an_object_is_the_values_that_it_is_composed_of() -> None:
    colour = {"type": "object", "properties": {"hue": {"type": "integer", "maximum": 359}, "a/b": {}}}
    schema = {"type": "object", "properties": {"on": {"type": "boolean"}, "colour": colour}}
    assert read_parts(parse(json.dumps(schema).encode())) == (
        Part("/on", "on", Range("/basic/boolean")),
        Part("/colour/hue", "colour/hue", Range("/basic/number", None, 359, integer=True)),
        Part("/colour/a~1b", "colour/a-b", Range()),
    )


def test_two_values_with_one_name_are_told() -> None:
    with pytest.raises(NotUnderstood, match="one name"):
        read_parts({"type": "object", "properties": {"a b": {}, "a/b": {}}})


def test_an_object_is_not_followed_for_ever() -> None:
    schema: dict[str, Any] = {"type": "boolean"}
    for _ in range(8):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(NotUnderstood, match="nested"):
        read_parts(schema)


def test_names_become_segments_of_addresses() -> None:
    assert segment("température (°C)") == "temp-rature-C"
    with pytest.raises(NotUnderstood):
        segment("..")
