"""Header fields: what decides on the meaning stands once, and only what is harmless or a credential goes on."""

from __future__ import annotations

import base64

import pytest

from proxy.decoders.base import Headers
from proxy.decoders.rest.bad_request import BadRequest
from proxy.decoders.rest.headers import FieldRules, Fields
from tests.proxy.decoders.rest.making import mapping_of

ROUTE = """
routes:
  - {name: a, method: GET, path: /a, service: a, type: /a, operation: get, when: {headers: {x-mode: "*"}}}
"""
BEARER = "name: a\ntoken: {header: authorization, scheme: Bearer}" + ROUTE
COOKIE = "name: a\ntoken: {cookie: session}" + ROUTE
PLAIN = "name: a\nheaders: [X-Custom]" + ROUTE


def read(text: str, *fields: tuple[str, str]) -> Fields:
    return FieldRules(mapping_of(text)).read((("host", "x"), *fields))


def refused(text: str, *fields: tuple[str, str]) -> str:
    with pytest.raises(BadRequest) as bad:
        read(text, *fields)
    assert bad.value.refusal.every_mode
    return bad.value.refusal.code


def test_only_what_is_harmless_or_named_goes_on() -> None:
    given: Headers = (
        *(
            ("user-agent", "curl"),
            ("accept", "*/*"),
            ("x-custom", "1"),
            ("x-mode", "eco"),
            ("x-forwarded-for", "1.1.1.1"),
        ),
        *(("cookie", "a=b"), ("accept-encoding", "gzip"), ("connection", "keep-alive")),
    )
    assert dict(read(PLAIN, *given).passed_on) == {
        "user-agent": "curl",
        "accept": "*/*",
        "x-custom": "1",
        "x-mode": "eco",
    }


def test_a_credential_goes_on_where_it_was() -> None:
    found = read(BEARER, ("authorization", "bearer  abc"))
    assert (found.carried, found.passed_on) == ({0: "abc"}, (("authorization", "Bearer abc"),))


def test_of_the_cookies_only_the_credential_goes_on() -> None:
    found = read(COOKIE, ("cookie", "theme=dark; session=s1"))
    assert (found.carried, found.passed_on) == ({0: "s1"}, (("cookie", "session=s1"),))


def test_a_field_may_carry_credentials_of_several_schemes() -> None:
    text = BEARER.replace(
        "{header: authorization, scheme: Bearer}",
        "[{header: authorization, scheme: Bearer}, {header: authorization, scheme: Basic}]",
    )
    assert read(text, ("authorization", "basic YTpi")).carried == {1: "YTpi"}
    with pytest.raises(BadRequest, match="Bearer or Basic"):
        read(text, ("authorization", "Digest a=b"))


def test_a_field_that_any_request_has_is_no_credential_where_no_route_takes_it() -> None:
    found = read(BEARER.replace("authorization, scheme: Bearer", "accept"), ("accept", "*/*"))
    assert (found.carried, found.harmless) == ({0: "*/*"}, frozenset({0}))


@pytest.mark.parametrize(
    ("text", "field", "code"),
    [
        (PLAIN, ("authorization", "Basic eA=="), "credential-not-allowed"),
        (BEARER, ("authorization", "Basic eA=="), "credential-not-allowed"),
        (BEARER, ("authorization", "Bearer "), "credential-not-allowed"),
        (COOKIE, ("cookie", "session=1; session=2"), "ambiguous-headers"),
        (COOKIE, ("cookie", "session=a b"), "ambiguous-headers"),
        (PLAIN, ("x-http-method-override", "DELETE"), "method-override"),
        (PLAIN, ("x-original-url", "/admin"), "method-override"),
        (PLAIN, ("content-encoding", "gzip"), "ambiguous-body"),
        (PLAIN, ("content-type", "application/json; charset=utf-16"), "ambiguous-body"),
        (PLAIN, ("content-type", "application/json; charset=utf-8; charset=utf-7"), "ambiguous-body"),
        (PLAIN, ("content-type", "json"), "ambiguous-headers"),
        (PLAIN, ("upgrade", "websocket"), "upgrade-not-allowed"),
        (PLAIN, ("upgrade", "h2c, websocket"), "upgrade-not-allowed"),
        (PLAIN, ("host", "y"), "ambiguous-headers"),
        (PLAIN, ("x-custom", "\xe9"), "ambiguous-headers"),
        (PLAIN, ("x-other", "a\x01"), "ambiguous-headers"),
        (PLAIN, ("x-other", "a" * 9000), "headers-too-large"),
    ],
)
def test_tricks_are_refused_in_every_mode(text: str, field: tuple[str, str], code: str) -> None:
    assert refused(text, field) == code


@pytest.mark.parametrize("offer", ["h2c", "H2C", "h2c , h2c"])
def test_an_offer_of_http_2_is_left_out(offer: str) -> None:
    found = read(PLAIN, ("connection", "Upgrade, HTTP2-Settings"), ("upgrade", offer), ("http2-settings", "AAMAAABk"))
    assert {"upgrade", "http2-settings", "connection"}.isdisjoint(name for name, _ in found.passed_on)


def test_a_request_without_host_is_refused() -> None:
    with pytest.raises(BadRequest, match="host is missing"):
        FieldRules(mapping_of(PLAIN)).read(())


@pytest.mark.parametrize(
    ("field", "media_type"),
    [("Application/JSON;charset=UTF-8", "application/json"), ('text/plain; charset="utf-8"', "text/plain")],
)
def test_the_media_type_is_read_without_parameters(field: str, media_type: str) -> None:
    assert read(PLAIN, ("content-type", field)).content_type == media_type


LEARNING = "name: a\nlearning: true\n"


def test_what_is_to_be_learnt_goes_on_whole_and_is_named_without_values() -> None:
    found = read(
        LEARNING,
        *(("authorization", "Bearer abc"), ("x-key", "k1"), ("cookie", "sid=s1; 83b7780291a6ceffbe0bd049104df00x=2")),
        *(("accept", "text/event-stream"), ("connection", "keep-alive, x-hop"), ("x-hop", "1"), ("origin", "http://a")),
        *(("x-forwarded-for", "1.1.1.1"), ("content-type", "text/plain"), ("x-many", "1"), ("x-many", "2")),
    )
    assert dict(found.passed_on) == {"accept": "text/event-stream"}
    assert [name for name, _ in found.everything] == [
        *("accept", "authorization", "x-key", "cookie", "origin", "x-many", "x-many"),
    ]
    assert found.noted == ("accept:events", "authorization:Bearer", "x-key", "x-many", "cookie:sid")
    assert {"abc", "s1"} <= set(found.secrets)
    assert read(LEARNING, ("authorization", "83b77802")).noted == ("authorization",), "it has no scheme"


def test_learning_passes_on_nothing_that_is_a_proxy_s_word_or_of_one_hop() -> None:
    given = ("x-forwarded-user", "x-remote-user", "remote-user", "x-client-ip", "via", "x-internal", "x-key")
    hops = (("connection", "x-internal, close"), ("connection", "keep-alive"))
    found = read(LEARNING, *hops, *((name, "1") for name in given))
    assert [name for name, _ in found.everything] == ["x-key"]


def test_learning_lets_no_trick_pass() -> None:
    assert refused(LEARNING, ("authorization", "a"), ("authorization", "b")) == "ambiguous-headers"
    assert refused(LEARNING, ("x-http-method-override", "PUT")) == "method-override"
    assert refused(LEARNING, ("upgrade", "websocket")) == "upgrade-not-allowed"


BASIC = "name: a\ntoken: [{header: authorization, scheme: Basic, part: user}, {header: x-token}]" + ROUTE


def basic(text: str) -> tuple[str, str]:
    return "authorization", f"Basic {base64.b64encode(text.encode()).decode()}"


def test_a_token_as_the_user_name_of_basic_is_the_same_credential_as_elsewhere() -> None:
    field = basic("oh.panel.ABCDEFGH:")
    found = read(BASIC, field)
    assert (found.carried, found.passed_on) == ({0: "oh.panel.ABCDEFGH"}, (field,))
    assert field[1].removeprefix("Basic ") in found.secrets
    assert read(BASIC, ("x-token", "oh.panel.ABCDEFGH")).carried == {1: "oh.panel.ABCDEFGH"}
    whole = basic("admin:correct-horse")
    assert read(BASIC, whole).carried == {0: whole[1].removeprefix("Basic ")}, "with a password, it is all of it"


@pytest.mark.parametrize("value", ["Basic ", "Basic !", "Basic YQ==", "Basic OmE=", "Basic /zo=", "Bearer abc"])
def test_basic_that_cannot_be_read_is_refused(value: str) -> None:
    assert refused(BASIC, ("authorization", value)) in {"ambiguous-headers", "credential-not-allowed"}
