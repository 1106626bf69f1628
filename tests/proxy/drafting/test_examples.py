"""Every draft loads, and what its examples say is what it does with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from policy.loading import check_document
from proxy.decoders.rest.examples import ExamplesDocument, differences
from proxy.decoders.rest.mapping import MappingDocument
from proxy.drafting.checked import DraftError, checked
from proxy.drafting.draft import MappingDraft
from proxy.drafting.examples import EXAMPLE, text_of_examples
from proxy.drafting.learnt import draft_from
from proxy.drafting.openapi import draft_of
from proxy.drafting.specification import parse_specification, read_specification
from proxy.drafting.templates import Seen, Vocabulary
from tests.proxy.drafting.test_specification import FEDERATION, HERE, HOUSE, document

ZOO = HOUSE.with_name("zoo.json")
TOKEN = "83b7780291a6ceffbe0bd049104df00x"


def examples_of(draft: MappingDraft) -> tuple[MappingDocument, str]:
    found, _, mapping = checked(draft)
    return mapping, text_of_examples(mapping, found.routes, "device", "Examples")


def hold(draft: MappingDraft) -> str:
    """Return the text of a draft's examples, once each route has one that it does not refuse, and all hold."""
    mapping, text = examples_of(draft)
    examples = check_document(text, Path("examples.yaml"), ExamplesDocument).root
    assert [*differences(mapping, examples)] == []
    assert sum(each.refusal is None for each in examples) == len(mapping.routes)
    return text


@pytest.mark.parametrize("file", [FEDERATION, HOUSE, ZOO], ids=lambda file: file.stem)
def test_each_route_of_an_openapi_document_has_an_example_that_holds(file: Path) -> None:
    hold(draft_of(read_specification(file), name=None, file=file.name))


def body_of(schema: dict[str, Any], **media: Any) -> MappingDraft:
    operation = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, **media}}}}
    paths = {"/zones/{zone}/target": {"put": {**operation, "parameters": [ZONE]}}}
    return draft_of(parse_specification(document(paths=paths), HERE), name="heating", file="api.json")


ZONE = {"name": "zone", "in": "path", "required": True, "schema": {"type": "integer"}, "example": 4}
CELSIUS = {"type": "object", "properties": {"celsius": {"type": "number", "minimum": 5, "maximum": 30}}}


def test_values_are_the_document_s_own_where_it_gives_any() -> None:
    text = hold(body_of(CELSIUS, example={"celsius": 21.5}))
    assert "/zones/4/target" in text
    assert """body: '{"celsius": 21.5}'""" in text
    assert "destination: /device/zone-4" in text


def test_an_example_that_the_document_s_own_range_refuses_is_told() -> None:
    text = hold(body_of(CELSIUS, example={"celsius": 80}))
    assert "# ? the description's own example is refused: the value" in text or "is above 30" in text
    assert "refusal: out-of-range" in text
    assert """body: '{"celsius": 5}'""" in text


def test_what_was_learnt_has_examples_without_anybody_s_values() -> None:
    vocabulary = Vocabulary()
    for caller in ("a", "b"):
        for number in (1, 2):
            vocabulary.add(
                Seen(
                    *("PUT", ("api", TOKEN, "zones", str(number), "target"), ("force",), "application/json", caller),
                    fields=("x-key",),
                    members=(("/celsius", "number"), ("/wifi/password", "text")),
                )
            )
    text = hold(draft_from(vocabulary.templates()[0], name="heating", source="the log"))
    assert f"/api/{EXAMPLE}/zones/1/target" in text
    assert TOKEN not in text
    assert "node: target/wifi/password, data_type: /basic/text/target.wifi.password}" in text, (
        "it is private: its value is in no access"
    )


_NAMES = st.sampled_from(["on", "a b", "~x/y", "mode", "password", "é", "level", "x" * 300])
_PLAIN = st.integers(-200, 200).map(lambda quarters: quarters / 4)
"""Numbers that have a plain decimal: a form can hold no other."""
_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-1000, 1000), _PLAIN, st.text(max_size=6), st.just([1]), st.just({})
)
_WORDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["integer", "number", "string", "boolean", "array", "object", "null", "file"]),
        "minimum": st.integers(-50, 50),
        "maximum": _PLAIN,
        "exclusiveMinimum": st.one_of(st.booleans(), st.integers(-50, 50)),
        "enum": st.lists(_VALUES, max_size=3),
        "const": _VALUES,
        "default": _VALUES,
        "example": _VALUES,
        "format": st.sampled_from(["password", "date"]),
        "readOnly": st.booleans(),
    },
)
_SCHEMAS = st.recursive(
    _WORDS,
    lambda inner: st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(_NAMES, inner, max_size=4)},
        optional={"example": _VALUES},
    ),
    max_leaves=6,
)
_SEGMENTS = st.sampled_from(["v1", "zones", "{zone}", "{ZoneId}", "a b", "{x}y", "..", "state", "new", ""])
_PATHS = st.lists(_SEGMENTS, min_size=1, max_size=4).map(lambda segments: "/" + "/".join(segments))
_OPERATIONS = st.fixed_dictionaries(
    {
        "parameters": st.lists(
            st.fixed_dictionaries(
                {
                    "name": st.sampled_from(["zone", "ZoneId", "q", "apikey", "a=b", "X-Key"]),
                    "in": st.sampled_from(["path", "query", "header"]),
                    "schema": _WORDS,
                },
                optional={"example": _VALUES},
            ),
            max_size=3,
        )
    },
    optional={
        "requestBody": st.fixed_dictionaries(
            {
                "content": st.dictionaries(
                    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", "a/b"]),
                    st.fixed_dictionaries({"schema": _SCHEMAS}, optional={"example": _VALUES}),
                    min_size=1,
                    max_size=2,
                )
            }
        ),
        "summary": st.text(max_size=12),
    },
)


@settings(
    max_examples=20,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.generate],
    database=None,
)
@given(
    st.dictionaries(
        _PATHS, st.dictionaries(st.sampled_from(["get", "put", "post", "delete"]), _OPERATIONS, min_size=1), min_size=1
    )
)
def test_whatever_a_document_says_its_draft_loads_and_its_examples_hold(paths: dict[str, Any]) -> None:
    text = json.dumps({"openapi": "3.1.0", "info": {"title": "T"}, "paths": paths})
    draft = draft_of(parse_specification(text, HERE), name=None, file="api.json")
    try:
        hold(draft)
    except DraftError:
        assert len(draft.routes) == 0 or draft.routes[0].path
