"""Reading OpenAPI documents, also such as are broken, hostile, or of another version."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from proxy.drafting.specification import SpecificationError, parse_specification, read_specification
from tests.repository.tree import ROOT

FEDERATION = ROOT / "proxy/federation/service/openapi.yaml"
HOUSE = Path(__file__).parent / "documents/house.yaml"
HERE = Path("api.yaml")


def document(**parts: object) -> str:
    return json.dumps({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {"/a": {}}, **parts})


def test_a_document_with_anchors_and_references_is_read() -> None:
    found = {(each.method, each.template): each for each in read_specification(FEDERATION).operations()}
    models = found["GET", "/v1/models"]
    assert [each.name for each in models.parameters] == ["wait", "If-None-Match"]
    assert found["GET", "/healthz"].open
    assert not models.open


def test_aliases_stand_for_what_they_name() -> None:
    (put,) = [each for each in read_specification(HOUSE).operations() if each.template == "/dimmers/{dimmer}"]
    assert put.body is not None
    assert put.body.schemas["application/json"]["properties"]["level"]["exclusiveMaximum"] == 255


def test_the_path_of_the_first_server_stands_before_all_others() -> None:
    servers = [{"url": "https://{host}/api/{version}/", "variables": {"version": {"default": "v2"}}}]
    assert parse_specification(document(servers=servers), HERE).base == "/api/v2"
    assert parse_specification(document(servers=[{"url": "http://[broken"}]), HERE).base == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"swagger": "2.0", "paths": {"/a": {}}}', "api.yaml: is of version 2.0 -- convert it"),
        ("openapi: 4.0.0\npaths: {/a: {}}", "says `openapi: 4.0.0`"),
        ("paths: {/a: {}}", "has no `openapi`"),
        ("openapi: 3.1.0\npaths: {}", "has no `paths`"),
        ("openapi: 3.1.0\npaths: {/a: [}", "api.yaml:2: is not valid YAML"),
        ('{"openapi": "3.1.0",\n "paths"}', "api.yaml:2: is not valid JSON"),
        ("- 1", "is no OpenAPI document"),
        ("a: " + "[" * 600, "api.yaml"),
        ('{"a": ' + "[" * 100_000, "nests too deeply"),
        ("a: !!python/object/apply:os.system [true]", "is not valid YAML"),
    ],
)
def test_what_is_no_such_document_is_told_with_the_remedy(text: str, told: str) -> None:
    with pytest.raises(SpecificationError) as raised:
        parse_specification(text, HERE)
    assert told in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="No such file"):
        read_specification(tmp_path / "none.json")


def test_references_elsewhere_and_in_a_circle_end_in_a_remark() -> None:
    parts = {"a": {"$ref": "#/components/x/b"}, "b": {"$ref": "#/components/x/a"}}
    found = parse_specification(document(components={"x": parts}), HERE)
    assert found.resolved({"$ref": "#/components/x/a"}) == {}
    assert found.resolved({"$ref": "https://elsewhere.example/x.json"}) == {}
    assert found.resolved({"$ref": "#/components/none"}) == {}
    assert [*found.remarks] == [
        "references that lead in a circle",
        "https://elsewhere.example/x.json is another document; it was not read",
        "#/components/none leads nowhere",
    ]


def test_aliases_that_would_grow_beyond_all_memory_cost_nothing() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = "\n".join([*lines, "openapi: 3.1.0", "info: {title: *a29, version: *a29}", "paths: {/a: {get: *a29}}"])
    begun = time.monotonic()
    found = parse_specification(text, HERE)
    assert found.title == ""
    assert list(found.operations()) == []
    assert time.monotonic() - begun < 5
