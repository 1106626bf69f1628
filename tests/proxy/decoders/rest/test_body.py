"""Bodies are read strictly, looked into by pointers, and written anew."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.rest.bad_request import BadRequest
from proxy.decoders.rest.body import ABSENT, FORM, Coverage, as_text, read
from proxy.decoders.rest.mapping import BodyKind, pointer_tokens

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(min_codepoint=32, max_codepoint=0x7E)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from("ab/~"), max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def refused(kind: BodyKind, content: bytes, content_type: str = "") -> tuple[str, bool]:
    with pytest.raises(BadRequest) as bad:
        read(kind, content, content_type, ())
    return bad.value.refusal.code, bad.value.refusal.every_mode


@pytest.mark.parametrize(
    "content",
    [
        b'{"on":true,"on":false}',
        b'{"on":true,"\\u006fn":false}',
        b'{"on":tru}',
        b'{"on":true}{"on":false}',
        b"{'on':true}",
        b'{"on":NaN}',
        b'{"a":"\\u0000"}',
        b'{"a\\u0001":1}',
        b'{"a":"\\ud800"}',
        b'{"a":1e999}',
        b'{"a":18446744073709551617}',
        b'{"a":0.' + b"1" * 40 + b"}",
        b"[" * 40 + b"]" * 40,
        b'\xef\xbb\xbf{"on":true}',
        '{"on":true}'.encode("utf-16"),
        b'{"on":"\xff"}',
    ],
)
def test_json_that_readers_read_differently_is_refused_in_every_mode(content: bytes) -> None:
    assert refused("json", content, "application/json") == ("ambiguous-body", True)


@pytest.mark.parametrize("content", [b"a=1&a=2", b"a=1;b=2", b"a=%00", b"a=%zz", b"=1", b"a=\xe9", b"a=1\nb=2"])
def test_forms_that_readers_read_differently_are_refused_in_every_mode(content: bytes) -> None:
    assert refused("form", content, FORM) == ("ambiguous-body", True)


@pytest.mark.parametrize("content", [b"\xff", b"O\x00N", b"\xef\xbb\xbfON"])
def test_texts_that_readers_read_differently_are_refused_in_every_mode(content: bytes) -> None:
    assert refused("text", content, "text/plain") == ("ambiguous-body", True)


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("json", FORM),
        ("json", "multipart/form-data"),
        ("form", "application/json"),
        ("text", "text/html"),
        ("none", ""),
    ],
)
def test_a_body_of_another_kind_obeys_the_mode(kind: BodyKind, content_type: str) -> None:
    assert refused(kind, b"a=1", content_type) == ("unsupported-body", False)


def test_further_media_types_are_sent_on_as_the_own() -> None:
    found = read("json", b' {"on" : true}', FORM, [FORM])
    assert (found.canonical, found.content_type) == (b'{"on":true}', "application/json")


def test_an_escaped_backslash_is_no_control_character() -> None:
    content = rb'{"effect":"C:\\bin","re":"\\b[a-f]\\f","u":"\\u0001"}'
    assert read("json", content, "", ()).canonical == content
    for control in (rb'"\b"', rb'"\u0001"', rb'"\u007f"', b'"\x7f"', rb'{"a\f":1}', rb'[["\u0000"]]'):
        with pytest.raises(BadRequest, match="control"):
            read("json", control, "", ())


def test_json_may_be_nested_as_pages_of_openhab_are_and_not_without_end() -> None:
    assert read("json", b"[" * 32 + b"]" * 32, "application/json", ()).canonical == b"[" * 32 + b"]" * 32
    assert refused("json", b"[" * 34 + b"]" * 34, "application/json") == ("ambiguous-body", True)


def test_a_body_has_a_bounded_number_of_values_and_bounded_work() -> None:
    read("json", json.dumps([[1] * 2000, {str(i): i for i in range(2000)}]).encode(), "", ())
    for content in (
        json.dumps({"xy": [0.1] * 200_000}).encode(),
        json.dumps({str(i): 1 for i in range(60_000)}).encode(),
    ):
        with pytest.raises(BadRequest, match="more than 4096") as told:
            read("json", content, "", ())
        assert told.value.refusal.code == "body-too-large"
    with pytest.raises(BadRequest, match="longer than"):
        read("form", b"turn=" + b"%41" * 300_000, "", ())


def test_a_text_tells_its_charset_where_that_matters() -> None:
    assert read("text", b"ON", "text/plain", ()).content_type == "text/plain"
    assert read("text", "an für".encode(), "", ()).content_type == "text/plain; charset=utf-8"


def test_opaque_bytes_stay_as_they_are() -> None:
    found = read("opaque", b"\xff\x00", "image/png", ())
    assert (found.canonical, found.content_type, found.at(())) == (b"\xff\x00", "image/png", None)


def test_numbers_stay_as_they_were() -> None:
    found = read("json", b'{"a":1.50,"b":[1e2]}', "", ())
    assert found.canonical == b'{"a":1.50,"b":[1e2]}'
    assert [as_text(found.at(pointer_tokens(each))) for each in ("/a", "/b/0", "/b")] == ["1.50", "1e2", "[1e2]"]


@pytest.mark.parametrize("pointer", ["/x", "/a/0", "/l/01", "/l/-", "/l/9", "/s/0"])
def test_what_is_not_there_is_absent(pointer: str) -> None:
    found = read("json", b'{"a":{"b":1},"l":[1,2],"s":"text"}', "", ())
    assert found.at(pointer_tokens(pointer)) is ABSENT


@given(JSON)
def test_json_keeps_its_meaning_and_its_form(value: Any) -> None:
    first = read("json", json.dumps(value).encode(), "", ())
    assert json.loads(first.canonical) == value
    assert read("json", first.canonical, "", ()).canonical == first.canonical


def test_every_member_that_has_no_meaning_is_found() -> None:
    coverage = Coverage(["/on", "/xy", "/params/id"])
    covered = read("json", b'{"on":true,"xy":[0.1,0.2],"params":{"id":1}}', "", ())
    assert coverage.stranger(covered.data) is None
    for content, pointer in [
        (b'{"on":true,"off":1}', "/off"),
        (b'{"On":true}', "/On"),
        (b'{"params":{"id":1,"x":2}}', "/params/x"),
        (b'{"params":7}', "/params"),
        (b'[{"on":true}]', "/0"),
        (b"7", "the whole"),
    ]:
        assert coverage.stranger(read("json", content, "", ()).data) == pointer


def test_the_whole_body_covers_all_of_it() -> None:
    assert Coverage([""]).stranger({"a": 1}) is None


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (None, "null"), ("a", "a"), ([True], "[true]")])
def test_values_become_texts(value: Any, text: str) -> None:
    assert as_text(value) == text
