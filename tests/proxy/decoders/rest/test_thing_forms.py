"""Forms become requests; those that lead elsewhere, or cannot be judged, are told."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from proxy.decoders.rest.thing_forms import Form, Place, read_forms
from proxy.decoders.rest.thing_schema import NotUnderstood

PLACE = Place("http", frozenset({"10.77.2.11", "fd77:2::11"}), 8080)
BOTH = ["readproperty", "writeproperty"]


def forms(href: str, default: list[str] | None = None, base: str = PLACE.root, **form: Any) -> list[Form]:
    return list(read_forms({"href": href, **form}, default or ["readproperty"], base, PLACE))


def test_the_default_operations_have_their_methods() -> None:
    assert [(form.op, form.method) for form in forms("/lamp/on", BOTH)] == [
        ("readproperty", "GET"),
        ("writeproperty", "PUT"),
    ]


def test_a_form_may_say_otherwise() -> None:
    said: dict[str, Any] = {"op": "writeproperty", "htv:methodName": "POST"}
    (form,) = forms("set?on=1", base="http://10.77.2.11:8080/lamp/", **said)
    assert (form.method, form.written, form.fixed) == ("POST", "/lamp/set", (("on", "1"),))


@pytest.mark.parametrize("href", ["/a%3Ab/on", "http://10.77.2.11:8080/a:b/on", "http://[fd77:2::11]:8080/x/../a:b/on"])
def test_references_are_resolved_and_decoded(href: str) -> None:
    if ".." in href:
        with pytest.raises(NotUnderstood):
            forms(href)
    else:
        assert forms(href)[0].written == "/a:b/on"


def test_variables_are_segments_or_parameters() -> None:
    (form,) = forms("/things/{room}/history{?hours,step}")
    assert (form.written, form.parameters) == ("/things/{v1}/history", ("hours", "step"))


@pytest.mark.parametrize(
    "href",
    [
        "http://10.77.2.12:8080/on",
        "http://10.77.2.11/on",
        "https://10.77.2.11:8080/on",
        "coap://10.77.2.11:8080/on",
        "http://10.77.2.11:8080@evil.example/on",
        "//evil.example/on",
        "http://10.77.2.11:99999/on",
        "http://[broken/on",
    ],
)
def test_what_leads_away_is_told(href: str) -> None:
    with pytest.raises(NotUnderstood):
        forms(href)


@pytest.mark.parametrize(
    "href", ["/a/%2e%2e/b", "/a//b", "/a%2Fb", "/a-{x}", "/a%zz", "/{+path}", "/on?a=*", "/on?a=1{&a}"]
)
def test_a_target_that_cannot_be_judged_is_told(href: str) -> None:
    with pytest.raises(NotUnderstood):
        forms(href)


@pytest.mark.parametrize(
    "form",
    [
        {"op": "dance"},
        {"op": "observeproperty", "subprotocol": "websub"},
        {"htv:methodName": "TRACE"},
        {"contentType": 5},
    ],
)
def test_an_interaction_that_is_not_known_is_told(form: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood):
        forms("/on", **form)


def test_observing_lasts_and_its_end_is_no_request() -> None:
    (form,) = forms("/on/observable", op=["observeproperty", "unobserveproperty"], subprotocol="longpoll")
    assert (form.op, form.lasting, form.events) == ("observeproperty", True, False)
    (form,) = forms("/on", op=["subscribeevent", "unsubscribeevent"], subprotocol="sse")
    assert (form.lasting, form.events) == (True, True)


def test_the_place_is_told_by_its_address_however_it_is_written() -> None:
    assert PLACE.holds(urlsplit("http://[FD77:2:0::11]:8080/"))
    assert not PLACE.holds(urlsplit("http://user@10.77.2.11:8080/"))
