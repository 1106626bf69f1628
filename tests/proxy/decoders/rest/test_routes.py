"""Which route a request is of: the first of the mapping whose path, method, conditions and variables fit."""

from __future__ import annotations

import time

import pytest

from proxy.decoders.rest.bad_request import BadRequest
from proxy.decoders.rest.body import NOTHING, read
from proxy.decoders.rest.routes import Malformed, Matched, Routes
from proxy.decoders.rest.target import parse
from tests.proxy.decoders.rest.making import LAMPS, mapping_of

MANY = """\
name: many
vocabulary: {domain: [light, switch]}
routes:
  - {name: literal, method: GET, path: /a/b, service: ab, type: /x, operation: get}
  - {name: slash, method: GET, path: /a/, service: ab, type: /x, operation: get}
  - {name: posted, method: [POST, PUT], path: "/a/{v}", service: "{v}", type: /x, operation: set}
  - {name: given, method: GET, path: "/a/{v}", service: "{v}", type: /x, operation: get, when: {query: {q: "on*"}}}
  - {name: variable, method: GET, path: "/a/{v}", service: "{v}", type: /x, operation: get}
  - {name: rest, method: GET, path: "/a/{v}/{rest...}", service: "{v}", node: "{rest}", type: /x, operation: get}
  - name: entity
    method: POST
    path: /call
    body: json
    when: {body: {/method: turn}}
    variables:
      entity: {body: /entity, many: true, pattern: '(?P<domain>[a-z]+)\\.(?P<object>[a-z0-9_]+)'}
      speed: {body: /speed, default: slow, case: insensitive}
    service: "{domain}.{object}"
    type: /x/{domain}
    operation: invoke
"""


def found(method: str, target: str, content: bytes = b"", text: str = MANY) -> Matched | Malformed | None:
    parsed = parse(target)
    body = read("json", content, "", ()) if content else NOTHING
    for candidate in Routes(mapping_of(text)).candidates(method, parsed.segments):
        matched = candidate.match(parsed, {}, body)
        if matched is not None:
            return matched
    return None


def name_of(method: str, target: str) -> str | None:
    matched = found(method, target)
    return None if matched is None else f"{matched.route.route.name}{'!' * isinstance(matched, Malformed)}"


def test_the_first_route_that_fits_counts() -> None:
    assert name_of("GET", "/a/b") == "literal"
    assert name_of("GET", "/a/") == "slash"
    assert name_of("GET", "/a/c") == "variable"
    assert name_of("GET", "/a/c?q=one") == "given"
    assert name_of("PUT", "/a/b") == "posted"
    assert name_of("GET", "/a/b/c/d") == "rest"
    assert [name_of(*each) for each in (("GET", "/a"), ("DELETE", "/a/b"), ("GET", "/A/b"), ("GET", "/"))] == [None] * 4


def test_variables_are_whole_segments() -> None:
    matched = found("GET", "/a/b%20c/d/e%23")
    assert isinstance(matched, Matched)
    assert matched.variables == ({"v": "b c", "rest": "d/e#"},)


def test_a_list_makes_one_set_of_variables_of_each_item() -> None:
    matched = found("POST", "/call", b'{"method":"turn","entity":["light.a","fan.b"],"speed":"FAST"}')
    assert isinstance(matched, Matched)
    assert [each["object"] for each in matched.variables] == ["a", "b"]
    assert [matched.route.type_of(each) for each in matched.variables] == ["/x/light", None]
    single = found("POST", "/call", b'{"method":"turn","entity":"light.a"}')
    assert isinstance(single, Matched)
    assert (single.variables[0]["speed"], len(single.variables)) == ("slow", 1)


def test_what_is_meant_for_a_route_never_gets_to_a_later_one() -> None:
    for content in (
        b'{"method":"turn","entity":["light.a",7]}',
        b'{"method":"turn","entity":["light.a","all"]}',
        b'{"method":"turn","entity":[]}',
        b'{"method":"turn","entity":{"a":1}}',
        b'{"method":"turn","entity":null}',
    ):
        malformed = found("POST", "/call", content)
        assert isinstance(malformed, Malformed)
        assert malformed.variable == "entity"


def test_what_is_not_there_or_meets_no_condition_is_of_another_route() -> None:
    for content in (
        b'{"method":"turn"}',
        b'{"method":["turn"],"entity":"light.a"}',
        b'[{"method":"turn","entity":"light.a"}]',
    ):
        assert found("POST", "/call", content) is None


SELECTING = """\
name: selecting
routes:
  - name: switch
    method: GET
    path: /cm
    variables:
      command: {query: cmnd, pattern: 'power(?P<n>[0-9]+)', selects: true}
      index: {variable: n, form: integer}
    service: power-{index}
    type: /output
    operation: get
  - {name: other, method: GET, path: /cm, service: other, type: /x, operation: get, query: {cmnd: {}}}
"""


def test_a_variable_may_tell_routes_apart() -> None:
    def name(target: str) -> str:
        matched = found("GET", target, text=SELECTING)
        assert isinstance(matched, Matched)
        return matched.route.route.name

    assert (name("/cm?cmnd=power1"), name("/cm?cmnd=dimmer"), name("/cm")) == ("switch", "other", "other")
    # Read by atoi, these are output 1, and output 0, which is all of them.
    for text in ("power01", "power00"):
        with pytest.raises(BadRequest, match="index is to be a whole number"):
            name(f"/cm?cmnd={text}")


def test_paths_begin_with_a_credential_where_the_mapping_says_so() -> None:
    assert Routes(mapping_of(LAMPS)).secret_prefixes() == {("api",): 0}


def test_a_large_mapping_costs_no_more_than_a_small_one() -> None:
    routes = "".join(
        f"  - {{name: r{i}, method: GET, path: '/a/{{v}}/r{i}/{{w}}', service: s, type: /x, operation: get}}\n"
        for i in range(1000)
    )
    compiled = Routes(mapping_of(f"name: large\nroutes:\n{routes}"))
    begun = time.perf_counter()
    for _ in range(1000):
        assert len(compiled.candidates("GET", ("a", "b", "r999", "c"))) == 1
    assert time.perf_counter() - begun < 1
