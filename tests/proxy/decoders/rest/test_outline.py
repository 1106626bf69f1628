"""What a body that nobody understands holds, without a value of it."""

from __future__ import annotations

import json

import pytest

from proxy.decoders.rest.outline import LARGEST, MOST, outline

JSON = "application/json"


def test_members_are_named_with_the_kinds_of_their_values() -> None:
    body = {"params": {"on": True, "level": 3, "none": None, "list": [1], "empty": {}}, "name": "secret"}
    assert outline(json.dumps(body).encode(), JSON) == (
        *("/params/on boolean", "/params/level number", "/params/none null", "/params/list composed"),
        *("/params/empty composed", "/name text"),
    )
    assert outline(b"user=admin&password=1", "application/x-www-form-urlencoded") == ("/user text", "/password text")


@pytest.mark.parametrize("name", ["83b7780291a6ceffbe0bd049104df00x", "a b", "a;b", "a, b", "x" * 60, "é"])
def test_what_may_be_a_value_is_not_told_as_a_name(name: str) -> None:
    assert outline(json.dumps({"users": {name: 1}, "a": 1}).encode(), JSON) == ("/users composed", "/a number")
    assert outline(json.dumps({name: 1}).encode(), JSON) == ()


def test_anything_else_and_too_much_is_passed_over() -> None:
    assert outline(b"{", JSON) == ()
    assert outline(b'{"a": 1, "a": 2}', JSON) == ()
    assert outline(b"\xff=1", "application/x-www-form-urlencoded") == ()
    assert outline(b'{"a": 1}', "text/plain") == ()
    assert outline(b'{"a": "' + b"x" * LARGEST + b'"}', JSON) == ()
    assert len(outline(json.dumps({f"m{n}": n for n in range(99)}).encode(), JSON)) == MOST
    deep = outline(json.dumps({"a": {"b": {"c": {"d": {"e": 1}}}}}).encode(), JSON)
    assert deep == ("/a/b/c/d composed",)
