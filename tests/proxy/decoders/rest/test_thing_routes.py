"""One Thing has bounded room, and what of it cannot be judged is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.decoders.rest.thing_description import Source, Thing, read_source
from proxy.decoders.rest.thing_forms import Place
from proxy.decoders.rest.thing_routes import TooMuch, is_open, routes_of, shape

PLACE = Place("http", frozenset({"10.77.2.11"}), 8080)


def thing(**changes: Any) -> Thing:
    document = {"title": "Lamp", "@type": "Light", **changes}
    (found,) = read_source(Source("x", json.dumps(document).encode()), PLACE).things
    return found


def test_requests_are_routes_and_paths_are_named() -> None:
    found = routes_of(thing(properties={"on": {"type": "boolean", "forms": [{"href": "/on"}]}}), "lamp")
    assert [(route.method, route.operation, route.service) for _, route in found.routes] == [
        ("GET", "get", "lamp"),
        ("PUT", "set", "lamp"),
    ]
    assert list(found.paths) == [("on",)]
    assert found.problems == []


@pytest.mark.parametrize(
    "forms",
    [
        [{"href": f"/{n}"} for n in range(201)],
        [{"href": f"/{n}", "contentType": f"a/x{n}+json"} for n in range(5)],
        [{"href": f"/{n}", "security": f"k{n}"} for n in range(5)],
    ],
)
def test_a_thing_has_bounded_room(forms: list[dict[str, str]]) -> None:
    ways = {f"k{n}": {"scheme": "apikey", "name": f"k{n}"} for n in range(5)}
    with pytest.raises(TooMuch):
        routes_of(thing(properties={"on": {"forms": forms}}, securityDefinitions=ways), "lamp")


def test_a_path_that_is_closed_to_it_is_left_out() -> None:
    properties = {"a": {"forms": [{"href": "/{x}"}, {"href": "/on"}], "uriVariables": {"x": {}}}}
    found = routes_of(thing(properties=properties), "lamp", {("{v0}",): "not its own"})
    assert found.problems == ["GET /{v0}: not its own; left out", "PUT /{v0}: not its own; left out"]
    assert list(found.paths) == [("on",)]


def test_problems_are_told_shortly() -> None:
    forms = [{"href": f"/{n}", "contentType": "x/y"} for n in range(50)]
    found = routes_of(thing(actions={"go": {"input": {"type": "string"}, "forms": forms}}), "lamp")
    assert (len(found.problems), found.problems[-1]) == (21, "and 30 more")


def test_variables_have_no_names_in_a_shape() -> None:
    assert shape(("a", "{v1}")) == ("a", "{}")
    assert is_open(("a", "{v1}"))
    assert not is_open(("a", "b"))
