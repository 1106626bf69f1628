"""A mapping file is checked as a whole, and every mistake told at its place, with what to do."""

from __future__ import annotations

import pytest

from proxy.decoders.rest.mapping import MappingDocument, pointer_tokens
from tests.proxy.decoders.rest.making import LAMPS, mapping_of, problems_of

ROUTE = {
    "name": "a",
    "method": "POST",
    "path": "/a/{x}",
    "service": "s-{x}",
    "type": "/a",
    "operation": "set",
    "body": "json",
}


def with_route(**changes: object) -> str:
    route = "".join(f"    {name}: {value}\n" for name, value in {**ROUTE, **changes}.items() if value is not None)
    return f"name: a\nroutes:\n  -\n{route}"


def test_a_mapping_says_what_it_needs() -> None:
    document = mapping_of(LAMPS)
    assert [route.name for route in document.routes] == ["set a lamp", "read a lamp", "read all lamps"]
    assert document.routes[0].path_variables == ("user", "lamp")
    assert document.routes[0].pointers == {"/on", "/bri", "/transitiontime", "/mode"}
    assert MappingDocument.model_validate_json(document.model_dump_json()) == document


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"path": "/a/{x}-b"}, "is no segment of a path"),
        ({"path": "/a/{x...}/b"}, "takes all that follows"),
        ({"path": "/a/{X}"}, "is no variable"),
        ({"path": "/a//{x}"}, "is no segment of a path"),
        ({"path": "/a/../{x}"}, "is no segment of a path"),
        ({"path": "/a/%41/{x}"}, "is no segment of a path"),
        ({"path": "/{x}/{x}"}, "a variable stands twice"),
        ({"service": "s-{y}"}, "{y} is no variable of this route"),
        ({"service": "a/b"}, "is no segment of an address"),
        ({"service": None}, "add `service: ...`, or `everything: true`"),
        ({"everything": "true"}, "all services together have neither"),
        ({"method": "TRACE"}, "GET"),
        ({"operation": "lock"}, "is not one of the choices"),
        ({"body": "none", "members": "{/on: {}}"}, "is looked for in a body that is not read"),
        ({"body": "form", "members": "{/a/b: {}}"}, "is no field of a form"),
        ({"body": "text", "value": "{body: /a}"}, "is looked for in a plain text"),
        ({"method": "GET"}, "a GET has no body"),
        ({"members": "{on: {}}"}, "is neither a pointer nor a ?parameter"),
        ({"members": "{/on: {minimum: 3, maximum: 1}}"}, "the minimum is above the maximum"),
        ({"members": "{/on: {}}", "value": "{body: /a}"}, "each has its own value"),
        ({"minimum": "1"}, "has bounds, but no value"),
        ({"value": "{body: /a, query: b}"}, "give one of body, query, variable, text"),
        ({"value": "{variable: y}"}, "y is no variable of this route"),
        ({"variables": "{x: {query: a}}"}, "the variable x is there already"),
        ({"variables": "{z: {variable: y}}"}, "y is no variable of the path, nor one before"),
        ({"variables": '{z: {variable: x, pattern: "(a+)+"}}'}, "a group has neither a name"),
        ({"variables": '{z: {variable: x, pattern: "(?P<x>a)"}}'}, "the variable x is there already"),
        ({"variables": "{y: {query: a, many: true}}"}, "only a member of a body can be a list"),
        ({"variables": "{y: {body: /a, many: true}, z: {body: /b, many: true}}"}, "several variables are lists"),
        ({"when": '{query: {a: "***********"}}'}, "too many *"),
        ({"when": "{headers: {cookie: a}}"}, "credentials belong in `token`"),
        ({"fields": "{a: {}}"}, "is not a JSON pointer"),
        ({"query": '{"a=b": {}}'}, "is not the name of a parameter"),
        ({"type": "/a/{x}"}, "add `x: [...]` to `vocabulary`"),
        ({"type": "a"}, "is not a type"),
        ({"type": "/inferred/camera"}, "is the name of a type that was inferred"),
        ({"type": "/inferred"}, "is the name of a type that was inferred"),
        ({"service": "_unknown"}, "begins like the names that are reserved"),
        ({"service": "_{x}"}, "begins like the names that are reserved"),
        ({"colour": "red"}, "is not a known setting"),
    ],
)
def test_mistakes_of_a_route_are_told(changes: dict[str, object], said: str) -> None:
    problems = problems_of(with_route(**changes))
    assert any(said in problem for problem in problems), problems
    assert all("routes[0]" in problem and " -- " in problem for problem in problems)


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ("token: {path: user}", "no path has {user}"),
        ("token: {path: x}", "{x} is a credential, and would get into addresses"),
        ("token: {header: authorization, query: a}", "give one of path, header, query, cookie"),
        ("token: {query: a, scheme: Bearer}", "a scheme stands only in a header field"),
        ("token: {header: cookie}", "a cookie is given as `cookie`"),
        ("headers: [authorization]", "credentials belong in `token`"),
        ("headers: [x-http-method-override]", "changes what was judged"),
        ("refusal: {status: 200}", "400"),
    ],
)
def test_mistakes_of_the_whole_are_told(top: str, said: str) -> None:
    problems = problems_of(f"{top}\n{with_route()}")
    assert any(said in problem for problem in problems), problems


def test_no_vocabulary_makes_a_type_that_was_inferred() -> None:
    words = "vocabulary: {x: [lamp, inferred, ferred]}\n"
    for given in ("/{x}/camera", "/in{x}"):
        assert any(
            "begin the type with a fixed segment" in each for each in problems_of(words + with_route(type=given))
        )
    assert mapping_of(words + with_route(type="/house/{x}")).routes[0].type == "/house/{x}"


def test_a_parameter_that_is_a_credential_has_no_other_meaning() -> None:
    problems = problems_of("token: {query: key}\n" + with_route(query="{key: {}}"))
    assert any("the parameter key is a credential" in problem for problem in problems)


def test_a_route_that_cannot_be_reached_is_told_at_its_line() -> None:
    second = LAMPS.split("routes:\n")[1].partition("  - name: read a lamp")[0].replace("{lamp}", "{n}")
    problems = problems_of(LAMPS + second)
    assert len(problems) == 1
    assert problems[0].startswith("30: routes[3]: PUT /api/{user}/lamps/{n}/state is taken by routes[0]")


def test_pointers_are_read_after_their_rfc() -> None:
    assert pointer_tokens("") == ()
    assert pointer_tokens("/a~1b/~0/") == ("a/b", "~", "")


def test_a_mapping_without_routes_is_one_that_learns() -> None:
    assert mapping_of("name: a\nlearning: true\ntoken: {path: user}").routes == []
    (problem,) = problems_of("name: a\n")
    assert problem.startswith(
        "1: routes: is missing: nothing would be understood -- add one, or write `learning: true`"
    )


def test_bounds_of_variables_and_parts_of_credentials_fit() -> None:
    route = "{name: a, method: GET, path: '/{x}', service: a, type: /a, operation: get, ranges: {y: {maximum: 3}}}"
    (problem,) = problems_of(f"name: a\nroutes: [{route}]")
    assert "y is no variable of the path -- correct the name" in problem
    problems = problems_of("name: a\nlearning: true\ntoken: {header: authorization, scheme: Bearer, part: user}")
    assert any("only `Basic` has a user name in it" in each for each in problems)
