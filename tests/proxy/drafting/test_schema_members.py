"""From schemas to values: types, ranges, what refers to itself, and what is too large."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.drafting.schema_members import MOST_MEMBERS, Values, parameter_of, values_of
from proxy.drafting.specification import parse_specification
from tests.proxy.drafting.test_specification import HERE, document


def values(schema: dict[str, Any], **schemas: Any) -> Values:
    specification = parse_specification(document(components={"schemas": schemas}), HERE)
    return values_of(specification, specification.resolved(schema))


def of_one(schema: dict[str, Any], **schemas: Any) -> tuple[str, float | None, float | None]:
    (member,) = values({"properties": {"x": schema}}, **schemas).members
    return member.data_type, member.minimum, member.maximum


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "boolean"}, ("/basic/boolean", None, None)),
        ({"type": "integer", "minimum": 1, "maximum": 254}, ("/basic/number", 1, 254)),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10}, ("/basic/number", 1, 9)),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, ("/basic/number", 1, None)),
        ({"type": ["number", "null"], "maximum": 1.5}, ("/basic/number", None, 1.5)),
        ({"type": ["number", "string"]}, ("/basic/text", None, None)),
        ({"enum": [0, 5, 3]}, ("/basic/number", 0, 5)),
        ({"const": True}, ("/basic/boolean", None, None)),
        ({"anyOf": [{"type": "integer", "minimum": 2}, {"type": "null"}]}, ("/basic/number", 2, None)),
        ({"$ref": "#/components/schemas/Level"}, ("/basic/number", 0, 100)),
        ({"allOf": [{"$ref": "#/components/schemas/Level"}], "maximum": 50}, ("/basic/number", 0, 50)),
        ({"type": "integer", "minimum": 9, "maximum": 1}, ("/basic/number", None, None)),
        ({"type": "array"}, ("/basic/composed", None, None)),
        ({"type": "number", "minimum": 1e309, "maximum": 3}, ("/basic/number", None, None)),
        ({"enum": [10**400, 1]}, ("/basic/number", None, None)),
        ({"const": 1.00000000000049}, ("/basic/number", 1.0, 1.000000000001)),
        ({"allOf": 5, "oneOf": {"a": 1}}, ("/basic/composed", None, None)),
        ({}, ("/basic/composed", None, None)),
    ],
)
def test_types_and_ranges(schema: dict[str, Any], expected: tuple[str, float | None, float | None]) -> None:
    assert of_one(schema, Level={"type": "integer", "minimum": 0, "maximum": 100}) == expected


def test_a_schema_that_refers_to_itself_ends() -> None:
    found = values(
        {"$ref": "#/components/schemas/Node"},
        Node={"properties": {"name": {"type": "string"}, "next": {"$ref": "#/components/schemas/Node"}}},
    )
    assert [each.pointer for each in found.members][-1] == "/next/next/next/next/next"
    assert found.members[-1].data_type == "/basic/composed"


def test_a_schema_that_branches_into_itself_ends() -> None:
    node = {"allOf": [{"$ref": "#/components/schemas/Node"}] * 20, "properties": {f"p{n}": {} for n in range(20)}}
    found = values({"$ref": "#/components/schemas/Node"}, Node=node)
    assert len(found.members) <= MOST_MEMBERS


def test_too_many_values_are_cut_and_told() -> None:
    found = values({"properties": {f"p{n}": {"type": "string"} for n in range(MOST_MEMBERS + 1)}})
    assert len(found.members) == MOST_MEMBERS
    assert any("more than 64 values" in each for each in found.remarks)


def test_names_are_escaped_for_pointers_and_fitted_for_addresses() -> None:
    (member,) = values({"properties": {"a/b~c d": {"type": "string"}}}).members
    assert (member.pointer, member.node) == ("/a~1b~0c d", "a-b-c-d")
    assert values({"properties": {"a\nb": {}}}).members == ()


def test_a_body_that_is_one_value_has_no_members() -> None:
    assert values({"type": "string"}) == Values((), "/basic/text", ())


@pytest.mark.parametrize(
    ("schema", "whole"),
    [({"type": "integer"}, True), ({"enum": [1, 2]}, True), ({"type": "number"}, False), ({"enum": [1, 2.5]}, False),
     ({"type": "integer", "enum": [1.5]}, False), ({"type": ["integer", "string"]}, False), ({"const": True}, False)],
)  # fmt: skip
def test_whole_numbers_are_told_from_others(schema: dict[str, Any], whole: bool) -> None:
    (member,) = values({"properties": {"x": schema}}).members
    assert member.integer is whole


def test_texts_are_as_long_as_the_schema_has_them() -> None:
    lengths = [16, True, 0, 10**400, "9", None]
    found = values({"properties": {f"x{n}": {"type": "string", "maxLength": each} for n, each in enumerate(lengths)}})
    assert [each.longest for each in found.members] == [16, None, None, None, None, None]
    assert parameter_of(parse_specification(document(), HERE), "n", {"type": "number", "maxLength": 3}).longest is None


def test_a_parameter_is_a_text_where_it_is_no_single_value_and_a_secret_by_its_name() -> None:
    specification = parse_specification(document(), HERE)
    found = parameter_of(specification, "wifi_password", {"type": "array"})
    assert (found.pointer, found.node, found.data_type, found.private) == (
        *("?wifi_password", "wifi_password", "/basic/text"),
        True,
    )
    assert parameter_of(specification, "turn", {}).private is False
