"""Thing Descriptions are read; hostile ones cost little, and nothing of them is guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.rest.thing_description import (
    LARGEST,
    UNTYPED,
    DescriptionError,
    Source,
    Thing,
    read_listing,
    read_source,
    service_type,
)
from proxy.decoders.rest.thing_forms import Place

PLACE = Place("http", frozenset({"10.77.2.11"}), 8080)
LAMP: dict[str, Any] = {
    "@context": ["https://www.w3.org/2022/wot/td/v1.1", {"saref": "https://saref.etsi.org/core/"}],
    "@type": ["Thing", "saref:LightSwitch"],
    "id": "urn:lamp",
    "title": "The Lamp",
    "securityDefinitions": {"nosec_sc": {"scheme": "nosec"}},
    "security": "nosec_sc",
    "properties": {"on": {"type": "boolean", "forms": [{"href": "/lamp/on"}]}},
}


def read(document: Any, path: tuple[str, ...] | None = None) -> list[Thing]:
    found = read_source(Source("lamp.td.json", json.dumps(document).encode(), path), PLACE)
    if found.broken:
        raise DescriptionError(found.broken[0])
    return found.things


def told(**changes: Any) -> str:
    (thing,) = read(LAMP | changes)
    return " | ".join(thing.problems)


def test_a_thing_is_its_title_its_type_and_its_requests() -> None:
    (thing,) = read(LAMP)
    assert (thing.name, thing.type, thing.problems) == ("the-lamp", "/wot/saref.etsi.org/core/LightSwitch", ())
    assert [(each.node, each.form.method) for each in thing.interactions] == [
        ("properties/on", "GET"),
        ("properties/on", "PUT"),
    ]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("saref:LightSwitch", "/wot/saref.etsi.org/core/LightSwitch"),
        ("https://brickschema.org/schema/Brick#Thermostat", "/wot/brickschema.org/schema/Brick/Thermostat"),
        ("Light", "/wot/Light"),
        ("iot:Light", "/wot/iot/Light"),
        ("inferred:camera", "/wot/inferred/camera"),
        ("https://hue/light", "/wot/hue/light"),
        ("../../hue:light", "/wot/hue/light"),
        ("directory", UNTYPED),
        (["Thing", "Light", "Other"], "/wot/Light"),
        ("Thing", UNTYPED),
        (None, UNTYPED),
        ("a" * 400, UNTYPED),
        ("Li ght/../x", "/wot/Li-ght/x"),
    ],
)
def test_a_type_is_the_same_wherever_it_is_said(said: Any, wanted: str) -> None:
    assert service_type(LAMP | {"@type": said}) == wanted


def test_another_prefix_for_the_same_vocabulary_is_the_same_type() -> None:
    context = {"@context": {"s": "https://saref.etsi.org/core/"}, "@type": "s:LightSwitch"}
    assert service_type(context) == service_type(LAMP)


def test_what_has_no_type_is_told() -> None:
    assert "has no @type" in told(**{"@type": []})


def test_a_form_elsewhere_is_left_out_and_told() -> None:
    lamp = {"on": {"type": "boolean", "forms": [{"href": "http://10.9.9.9/on"}, {"href": "/on", "op": "readproperty"}]}}
    (thing,) = read(LAMP | {"properties": lamp})
    assert [each.form.written for each in thing.interactions] == ["/on"]
    assert thing.problems == ("property 'on': the href 'http://10.9.9.9/on' leads away from the access point",)


@pytest.mark.parametrize(
    ("scheme", "wanted"),
    [
        ({"scheme": "basic"}, ("header", "authorization", "Basic")),
        ({"scheme": "bearer"}, ("header", "authorization", "Bearer")),
        ({"scheme": "apikey", "in": "header", "name": "X-Key"}, ("header", "x-key", None)),
        ({"scheme": "apikey", "name": "key"}, ("query", "key", None)),
        ({"scheme": "apikey", "in": "cookie", "name": "sid"}, ("cookie", "sid", None)),
    ],
)
def test_credentials_have_a_place(scheme: dict[str, str], wanted: tuple[str, str, str | None]) -> None:
    (thing,) = read(LAMP | {"securityDefinitions": {"nosec_sc": scheme}})
    way = thing.interactions[0].security
    assert (way.place, way.name, way.prefix) == wanted


@pytest.mark.parametrize(
    "scheme",
    [
        {"scheme": "digest"},
        {"scheme": "psk"},
        {},
        {"scheme": "apikey", "in": "body"},
        {"scheme": {}, "in": []},
        *(
            {"scheme": "apikey", "in": "header", "name": name}
            for name in (
                "Accept",
                "Host",
                "content-type",
                "X Y",
                "If-None-Match",
                "X-HTTP-Method-Override",
                "Sec-X",
                "",
            )
        ),
        {"scheme": "apikey", "in": "query", "name": "a&b"},
    ],
)
def test_a_security_scheme_that_is_not_known_is_told(scheme: dict[str, str]) -> None:
    (thing,) = read(LAMP | {"securityDefinitions": {"nosec_sc": scheme}})
    assert thing.interactions == ()
    assert "security definition" in thing.problems[0] or "credential" in thing.problems[0]


def test_a_variable_must_be_described() -> None:
    forms = [{"href": "/on{?room}", "op": "readproperty"}]
    assert "variable 'room'" in told(properties={"on": {"forms": forms}})
    assert told(properties={"on": {"forms": forms, "uriVariables": {"room": {"type": "string"}}}}) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"7",
        b"[]",
        b"\xff",
        b'{"title":"a","title":"b"}',
        b"[" * 100_000,
        b" " * (LARGEST + 1),
        json.dumps([LAMP] * 300).encode(),
    ],
    ids=range(8),
)
def test_what_is_hostile_is_refused(content: bytes) -> None:
    with pytest.raises(DescriptionError):
        read_source(Source("x", content), PLACE)


@pytest.mark.parametrize(
    "broken",
    [
        7,
        {"title": ""},
        {"title": "..."},
        {"title": "_"},
        LAMP | {"properties": {str(n): {} for n in range(600)}},
        LAMP | {"properties": {"on": {"forms": [{"href": "/on"}] * 5000}}},
        LAMP | {"base": "http://[broken"},
        LAMP | {"base": "/" + "a" * 2000},
    ],
    ids=range(8),
)
def test_what_is_wrong_with_one_thing_costs_that_one_alone(broken: Any) -> None:
    found = read_source(Source("x", json.dumps([broken, LAMP | {"title": "Other"}]).encode()), PLACE)
    assert [thing.title for thing in found.things] == ["Other"]
    assert len(found.broken) == 1


def test_names_that_are_the_gateways_own_are_nobodys() -> None:
    (thing,) = read(LAMP | {"title": "_all"})
    assert thing.name == "all"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("title", "forms", "href", "op", "properties", "type", "enum", "security", "@type", "in", "name"),
                    *("uriVariables", "htv:methodName", "subprotocol", "contentType", "scheme", "oneOf", "const"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON, JSON, JSON)
def test_nothing_but_its_own_error_comes_of_any_document(properties: Any, forms: Any, other: Any) -> None:
    document = {"title": "x", "properties": {"a": {"forms": forms}, "b": properties}, "actions": other, "forms": forms}
    try:
        read(document | {"@type": other, "@context": forms, "security": other, "securityDefinitions": properties})
    except DescriptionError:
        return


def test_a_server_may_list_where_its_things_are() -> None:
    listed = json.dumps(["http://10.77.2.11:8080/b", "/a", "http://192.0.2.1/c", "/a"]).encode()
    assert read_listing(listed, PLACE.root, PLACE) == ["http://10.77.2.11:8080/a", "http://10.77.2.11:8080/b"]
    assert read_listing(json.dumps(LAMP).encode(), PLACE.root, PLACE) is None
    for content in (json.dumps(["http://192.0.2.1/c"]), json.dumps(["/a"] * 300), '["http://[broken"]'):
        with pytest.raises(DescriptionError):
            read_listing(content.encode(), PLACE.root, PLACE)
