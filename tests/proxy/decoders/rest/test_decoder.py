"""What a service asks for becomes accesses, and what was judged is what is sent on; nothing is guessed as harmless."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.base import Request
from tests.proxy.decoders.rest.making import LAMPS, SENDER, code_of, decoded, decoder_of, request, set_of

STATE = "/api/s3cret/lamps/3/state"
TOKENS = """\
name: tokens
token: [{header: authorization, scheme: Bearer}, {query: key}]
routes:
  - {name: read, method: GET, path: /a, service: a, type: /a, operation: get, lasting: true}
"""
FOLDED = """\
name: folded
case: {path: insensitive, query: insensitive}
routes:
  - {name: command, method: GET, path: /CM, service: a, type: /a, operation: set, value: {query: Cmnd}}
"""
SEVERAL = """\
name: several
content_types: {json: [text/plain]}
routes:
  - {name: json, method: POST, path: /a, service: a, type: /a, operation: set, body: json, value: {body: /v}}
  - {name: form, method: POST, path: /a, service: a, type: /a, operation: set, body: form, value: {body: /v}}
  - {name: none, method: POST, path: /a, service: a, type: /a, operation: invoke}
  - {name: text, method: PUT, path: /a, service: a, type: /a, operation: set, body: text, value: {body: ""}}
"""


def test_what_was_judged_is_what_is_sent() -> None:
    found = decoded(
        LAMPS, "PUT", "/%61pi/s3cret/lamps/3/state", b'{ "bri" : 7, "on" : true }', user_agent="curl", x_a="b"
    )
    assert found.outbound is not None
    assert (found.outbound.method, found.outbound.target) == ("PUT", STATE)
    assert found.outbound.body == b'{"bri":7,"on":true}'
    assert dict(found.outbound.headers) == {
        "host": "10.0.0.20:80",
        "user-agent": "curl",
        "content-type": "application/json",
        "content-length": "19",
    }


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/api/u/lamps/3?depth=9", b""),
        ("GET", "/api/u/lamps/3?full=false", b""),
        ("GET", "/api/u/lamps/3/", b""),
        ("GET", "/API/u/lamps/3", b""),
        ("DELETE", "/api/u/lamps/3", b""),
        ("HEAD", "/api/u/lamps", b""),
        ("GET", "/api/u/groups", b""),
        ("POST", "/anything", b"\xff\x00"),
        ("PUT", STATE, b'{"on":true,"reset":1}'),
        ("PUT", STATE, b'{"On":true}'),
        ("PUT", STATE, b'{"on":true,"mode":"fast"}'),
        ("PUT", STATE, b'[{"on":true}]'),
        ("PUT", STATE, b'"on"'),
    ],
)
def test_what_the_mapping_does_not_know_is_an_unknown_node(method: str, target: str, body: bytes) -> None:
    found = decoded(LAMPS, method, target, body)
    assert code_of(found) == "unknown-node"
    assert found.refusal is not None
    assert not found.refusal.every_mode
    assert found.outbound is not None
    # A rule of the policy that allows what else the call does must not allow this too.
    assert found.accesses[-1].destination == "/site/_unknown"
    assert found.accesses[-1].destination_type is None


@pytest.mark.parametrize(
    ("method", "target", "body", "code"),
    [
        ("OPTIONS", "/api/u/lamps", b"", "method-not-allowed"),
        ("GET", "/api/u/lamps", b"{}", "ambiguous-body"),
        ("PUT", STATE, b'{"on":true,"on":false}', "ambiguous-body"),
        ("GET", "/api/u/../lamps", b"", "ambiguous-target"),
        ("GET", "/api/u/lamps/3?full=true&full=1", b"", "ambiguous-target"),
        ("POST", "/api/u/lamps?_method=DELETE", b"", "method-override"),
    ],
)
def test_what_could_mean_two_things_is_refused_in_every_mode(method: str, target: str, body: bytes, code: str) -> None:
    found = decoded(LAMPS, method, target, body)
    assert found.refusal is not None
    assert (found.refusal.code, found.refusal.every_mode, found.outbound) == (code, True, None)


def test_a_body_is_read_as_it_is_declared() -> None:
    form = "application/x-www-form-urlencoded"
    assert set_of(decoded(SEVERAL, "POST", "/a", b'{"v":1}')) == [("set", "/site/a", "1")]
    assert set_of(decoded(SEVERAL, "POST", "/a", b"v=1%20", content_type=form)) == [("set", "/site/a", "1 ")]
    assert set_of(decoded(SEVERAL, "POST", "/a")) == [("invoke", "/site/a", None)]
    assert set_of(decoded(SEVERAL, "POST", "/a", b'{"v":1}', content_type="text/plain")) == [("set", "/site/a", "1")]
    assert set_of(decoded(SEVERAL, "PUT", "/a", b"ON", content_type="text/plain")) == [("set", "/site/a", "ON")]
    # JSON in a form's clothes is a form to a server that reads it so, and is never judged as JSON.
    assert code_of(decoded(SEVERAL, "POST", "/a", b'{"v":1}', content_type=form)) in {"unknown-node", "ambiguous-body"}
    assert code_of(decoded(SEVERAL, "POST", "/a", b"--x", content_type="multipart/form-data")) == "unsupported-body"
    assert code_of(decoded(SEVERAL, "PUT", "/a")) == "unsupported-body"


def test_credentials_name_the_caller_and_stay_out_of_the_audit() -> None:
    decoder = decoder_of(LAMPS)
    asked = request("GET", "/api/s3cret/unknown/path?x=1")
    assert decoder.credential(asked) == "s3cret"
    assert decoder.in_words("GET /api/s3cret/lamps") == "GET /api/<token>/lamps"
    assert decoder.in_words("GET /api/s3cret//lamps") == "GET (a target that cannot be read)"
    found = decoder.decode(asked, SENDER, 1, None)
    assert found.outbound is not None
    assert found.outbound.target == "/api/s3cret/unknown/path?x=1"
    assert "s3cret" not in repr((found.accesses, found.refusal))


def test_one_credential_is_enough() -> None:
    decoder = decoder_of(TOKENS)
    assert decoder.credential(request("GET", "/a?key=k1")) == "k1"
    assert decoder.in_words("GET /a?key=k1") == "GET /a?key=<token>"
    both = request("GET", "/a?key=k1", authorization="Bearer b1")
    assert decoder.credential(both) is None
    assert code_of(decoder.decode(both, SENDER, 1, None)) == "ambiguous-headers"
    found = decoder.decode(request("GET", "/a", authorization="Bearer b1"), SENDER, 1, None)
    assert found.outbound is not None
    assert ("authorization", "Bearer b1") in found.outbound.headers
    assert found.lasting


def test_only_letters_of_ascii_have_another_case() -> None:
    text = FOLDED.replace("value:", "when: {query: {Cmnd: {like: blink, case: insensitive}}}, value:")
    assert code_of(decoded(text, "GET", "/cm?cmnd=BLINK")) is None
    assert code_of(decoded(text, "GET", "/cm?cmnd=blin%E2%84%AA")) == "unknown-node"


def test_upper_and_lower_case_are_one_where_the_mapping_says_so() -> None:
    found = decoded(FOLDED, "GET", "/cM?CMND=On")
    assert set_of(found) == [("set", "/site/a", "On")]
    assert found.outbound is not None
    assert found.outbound.target == "/cm?cmnd=On"
    assert code_of(decoded(FOLDED, "GET", "/cm?cmnd=On&CMND=Off")) == "ambiguous-target"


def test_refusals_have_the_form_of_the_middleware() -> None:
    assert json.loads(decoder_of(LAMPS).refuse("PUT").body)["message"]
    assert decoder_of(LAMPS).unavailable("PUT", "gone").status == 503
    assert decoder_of(LAMPS).agency is None


def test_the_route_is_told() -> None:
    decoder = decoder_of(LAMPS)
    assert decoder.route_of(request("GET", "/api/u/lamps/3")) == "read a lamp"
    assert decoder.route_of(request("GET", "/x")) is None
    assert decoder.route_of(request("GET", "//")) is None


SCHEDULES = """\
name: schedules
token: {path: user}
routes:
  - name: create
    method: POST
    path: /api/{user}/schedules
    service: schedules
    type: /schedules
    operation: create
    body: json
    value: {body: ""}
  - name: rename
    method: PUT
    path: /api/{user}/lamps/{lamp}
    service: lamp-{lamp}
    type: /lamp
    operation: set
"""


def test_the_calls_own_credential_is_written_down_nowhere() -> None:
    decoder = decoder_of(SCHEDULES)
    token = "0123456789abcdef-x"
    body = b'{"command":{"address":"/api/%s/lights/1/state"}}' % token.encode()
    found = decoder.decode(request("POST", f"/api/{token}/schedules", body), SENDER, 1, None)
    assert code_of(found) is None
    assert found.accesses[0].value == '{"command":{"address":"/api/<token>/lights/1/state"}}'
    assert found.outbound is not None
    assert found.outbound.body == body
    # In an address it could not be told apart from others: nobody's lamp is called that.
    found = decoder.decode(request("PUT", f"/api/{token}/lamps/{token}"), SENDER, 1, None)
    assert code_of(found) == "unknown-node"
    assert token not in repr((found.accesses, found.refusal, decoder.in_words(f"PUT /api/{token}/lamps/{token}")))
    # One in a header field is known only when the request is there.
    bearer = decoder_of(TOKENS)
    found = bearer.decode(request("GET", f"/a/{token}", authorization=f"Bearer {token}"), SENDER, 1, None)
    assert found.request == "GET /a/<token>"
    assert token not in repr((found.accesses, found.refusal))


SETTINGS = """\
name: settings
token:
  - {header: authorization, scheme: Basic, identifies: false}
  - {query: password, name: old, identifies: false}
routes:
  - name: write
    method: GET
    path: /settings
    when: {query: {ssid: "*"}}
    token: [old]
    service: d
    type: /d
    operation: set
    members: {"?ssid": {node: ssid}, "?pass": {node: pass, private: true}}
  - {name: read, method: GET, path: /settings, service: d, type: /d, operation: get, query: {full: {}}}
  - {name: open, method: GET, path: /open, token: false, service: d, type: /d, operation: get}
  - name: hook
    method: POST
    path: /hook/{id}
    variables: {secret: {variable: id, private: true}}
    service: hook
    type: /hook
    operation: invoke
    body: json
    value: {body: /pin, private: true}
"""


@pytest.mark.parametrize(
    "target",
    ["/settings?mqtt_pass=evil99", "/settings?key=evil99", "/settings?password=evil99", "/open?password=evil99"],
)
def test_no_parameter_passes_unjudged_for_its_name(target: str) -> None:
    decoder = decoder_of(SETTINGS)
    found = decoder.decode(request("GET", target), SENDER, 1, None)
    assert code_of(found) == "unknown-node"
    assert found.accesses[-1].destination == "/site/_unknown"
    assert "evil99" not in repr((found.accesses, found.refusal, decoder.in_words(f"GET {target}")))


def test_a_credential_passes_only_where_its_route_takes_it() -> None:
    assert code_of(decoded(SETTINGS, "GET", "/settings?ssid=x&password=y")) is None
    assert code_of(decoded(SETTINGS, "GET", "/settings?full=1&password=y")) == "unknown-node"
    assert code_of(decoded(SETTINGS, "GET", "/settings", authorization="Basic YTpi")) is None
    assert code_of(decoded(SETTINGS, "GET", "/open", authorization="Basic YTpi")) == "unknown-node"


def test_a_credential_of_one_route_does_not_spoil_a_field_for_others() -> None:
    text = """\
    name: things
    token: [{header: authorization, scheme: Bearer}, {header: accept, name: evil}]
    routes:
      - {name: v, method: GET, path: /v, service: v, type: /v, operation: get}
      - {name: e, method: GET, path: /e, token: [evil], service: e, type: /e, operation: get}
    """
    asked = request("GET", "/v", accept="application/json", authorization="Bearer abc")
    decoder = decoder_of(text)
    assert code_of(decoder.decode(asked, SENDER, 1, None)) is None
    assert decoder.credential(asked) == "abc"
    assert code_of(decoded(text, "GET", "/e", authorization="Bearer abc")) == "unknown-node"


def test_what_is_private_is_not_written_down() -> None:
    decoder = decoder_of(SETTINGS)
    target = "/settings?ssid=home&pass=s3cret"
    found = decoder.decode(request("GET", target), SENDER, 1, None)
    assert code_of(found) is None
    assert set_of(found) == [("set", "/site/d/ssid", "home"), ("set", "/site/d/pass", None)]
    assert found.outbound is not None
    assert found.outbound.target == target
    assert decoder.in_words(f"GET {target}") == "GET /settings?ssid=home&pass=<value>"
    hook = decoder.decode(request("POST", "/hook/s3cret", b'{"pin":4711}'), SENDER, 1, None)
    assert set_of(hook) == [("invoke", "/site/hook", None)]
    assert decoder.in_words("POST /hook/s3cret") == "POST /hook/<value>"


def test_of_what_no_route_knows_no_value_is_written_down() -> None:
    decoder = decoder_of(SETTINGS)
    target = "/cm?cmnd=WebPassword%20s3cret&user=admin"
    assert decoder.in_words(f"GET {target}") == "GET /cm?cmnd=<value>&user=<value>"
    found = decoder.decode(request("GET", target), SENDER, 1, None)
    assert "s3cret" not in repr((found.accesses, found.refusal))
    # A path in another case is no route's, and the user name in it a credential all the same.
    found = decoder_of(LAMPS).decode(request("GET", "/API/s3cret/lamps"), SENDER, 1, None)
    assert "s3cret" not in repr((found.accesses, found.refusal))


IDS = """\
name: ids
routes:
  - name: set
    method: POST
    path: /rpc
    body: json
    variables: {id: {body: /id, form: integer}}
    service: switch-{id}
    type: /switch
    operation: set
    value: {body: /on}
  - name: get
    method: GET
    path: /lights/{light}
    variables: {id: {variable: light, form: integer}}
    service: light-{id}
    type: /light
    operation: get
  - {name: anything, method: POST, path: /rpc, body: json, service: d, type: /d, operation: get, fields: {"": {}}}
  - {name: rest, method: GET, path: "/{any...}", service: d, type: /d, operation: get}
"""


@pytest.mark.parametrize("number", ["0.0", "-0", "00", '"0"', '"0.9"', '"00"', '" 0"', "0e0"])
def test_an_instance_has_one_number(number: str) -> None:
    found = decoded(IDS, "POST", "/rpc", b'{"id":%s,"on":true}' % number.encode())
    assert found.refusal is not None
    assert (found.refusal.code, found.refusal.every_mode, found.outbound) == ("ambiguous-body", True, None)


def test_a_number_in_a_path_has_one_spelling_and_what_is_none_reaches_no_later_route() -> None:
    assert set_of(decoded(IDS, "GET", "/lights/1")) == [("get", "/site/light-1", None)]
    assert code_of(decoded(IDS, "GET", "/lights/01")) == "ambiguous-target"
    assert code_of(decoded(IDS, "GET", "/lights/all")) == "unknown-node"
    for wrong in (b"false", b"null", b"[0]", b'"all"'):
        assert code_of(decoded(IDS, "POST", "/rpc", b'{"id":%s,"on":true}' % wrong)) == "unknown-node"


METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "X"])
TARGETS = st.one_of(
    st.sampled_from([STATE, "/api/u/lamps/3", "/api/u/lamps"]),
    st.text(st.sampled_from("/api?=&%2e.u;lamps3"), max_size=20).map(lambda text: f"/{text}"),
    st.text(max_size=20),
)
BODIES = st.one_of(
    st.binary(max_size=20),
    st.dictionaries(st.sampled_from(["on", "bri", "mode", "x"]), st.sampled_from([True, 7, "slow", None, [1]])).map(
        lambda value: json.dumps(value).encode()
    ),
)
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["host", "content-type", "authorization", "cookie", "accept", "upgrade", "x-a"]),
        st.one_of(st.sampled_from(["home", "application/json", "Bearer x"]), st.text(max_size=8)),
    ),
    max_size=4,
)


@given(METHODS, TARGETS, BODIES, FIELDS)
def test_whatever_comes_is_judged_or_refused(
    method: str, target: str, body: bytes, fields: list[tuple[str, str]]
) -> None:
    decoder = decoder_of(LAMPS)
    asked = Request(method=method, target=target, headers=(("host", "home"), *fields), body=body)
    found = decoder.decode(asked, SENDER, 1, None)
    decoder.credential(asked)
    decoder.in_words(f"{method} {target}")
    if found.refusal is None:
        assert found.accesses
    elif found.refusal.every_mode:
        assert found.outbound is None
    if found.outbound is not None:
        # What is sent on is read as the same, and sent on in the same form.
        out = found.outbound
        again = decoder.decode(Request(out.method, out.target, out.headers, out.body), SENDER, 1, None)
        assert (again.accesses, again.refusal, again.outbound) == (found.accesses, found.refusal, out)


def test_what_is_remembered_of_a_request_is_nobodys() -> None:
    decoder = decoder_of(LAMPS)
    asked = request("GET", "/api/u/lamps/3")
    first = decoder.decode(asked, SENDER, 1, None)
    second = decoder.decode(asked, msgspec.structs.replace(SENDER, address="/site/phone"), 2, None)
    assert [(each.accesses[0].source, each.accesses[0].time) for each in (first, second)] == [
        ("/site/tablet", 1),
        ("/site/phone", 2),
    ]
    assert first.outbound == second.outbound


def test_what_no_rule_lifts_is_told_before_what_a_rule_may_lift() -> None:
    assert code_of(decoded(LAMPS, "PUT", STATE, b'{"bri":255,"reset":1}')) == "out-of-range"
