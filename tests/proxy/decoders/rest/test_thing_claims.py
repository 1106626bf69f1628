"""Every path that a description speaks of is found, as the most lenient server would find it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.decoders.rest.thing_claims import Path, canonical, claims_of
from proxy.decoders.rest.thing_forms import Place

PLACE = Place("http", frozenset({"10.77.2.11"}), 8080)
ON = ("lamp", "on")


def claims(*hrefs: Any, **document: Any) -> tuple[Path, ...]:
    found = {"title": "Lamp", "properties": {"on": {"forms": [{"href": href} for href in hrefs]}}} | document
    return claims_of(found, PLACE.root, PLACE)


@pytest.mark.parametrize(
    "href",
    [
        "/lamp/on",
        "/lamp/on/",
        "/Lamp/ON",
        "//10.77.2.11:8080/lamp//on",
        "/l%61mp%2Fon",
        "/x/../lamp/./on",
        "/lamp/on{?a,b}",
        "/lamp/on?x=1#y",
        "http://user@10.77.2.11:8080/lamp/on",
        "http://house.local:8080/lamp/on",
        "ws://10.77.2.11:8080/lamp/on",
    ],
)
def test_however_it_is_written_a_path_is_the_same(href: str) -> None:
    assert claims(href) == (ON,)


@pytest.mark.parametrize(
    "href",
    [
        "http://10.77.2.12:8080/lamp/on",
        "http://10.77.2.11/lamp/on",
        "coap://10.77.2.11:8080/a",
        "http://[",
        7,
        None,
        "/" + "a/" * 40,
        "/" + "a" * 5000,
    ],
)
def test_what_leads_away_or_can_be_no_request_is_none(href: Any) -> None:
    assert claims(href) == ()


def test_variables_have_no_names() -> None:
    assert claims("/lamp/{a}/x{b}", "/lamp/%7Bc%7D/{+d}") == (("lamp", "{}", "{}"),)
    assert canonical(("Lamp", "{v1}", "")) == ("lamp", "{}")


def test_forms_are_looked_for_wherever_they_may_stand() -> None:
    forms = [{"href": "/lamp/go", "contentType": "application/cbor", "security": "psk", "op": "conquer"}, 7]
    found = claims("/lamp/on", actions={"go": {"forms": forms}, "x": 7}, events=[], forms={"href": "/lamp"})
    assert found == (("lamp",), ON, ("lamp", "go"))
    assert claims("on", base="http://10.77.2.11:8080/lamp/") == (ON,)
    assert claims_of("a Thing", PLACE.root, PLACE) == ()


def test_they_are_bounded() -> None:
    assert len(claims(*(f"/{n}" for n in range(5000)))) == 4096
