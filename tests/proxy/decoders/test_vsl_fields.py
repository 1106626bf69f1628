"""Header fields: which are passed on, and which sets of them are refused."""

import pytest

from proxy.decoders import vsl_fields
from proxy.decoders.base import Headers
from proxy.decoders.vsl_fields import BadFields


def test_only_harmless_fields_are_passed_on() -> None:
    fields = vsl_fields.read(
        (("host", "a"), ("user-agent", "u"), ("cookie", "c"), ("accept", "application/json;q=1"), ("x-own", "1"))
    )
    assert fields.passed_on == (("user-agent", "u"), ("accept", "application/json"))


def test_no_accept_is_made_up() -> None:
    assert vsl_fields.read((("host", "a"), ("accept", "nonsense"))).passed_on == ()
    assert vsl_fields.read((("host", "a"),)).passed_on == ()


def test_the_media_type_of_the_body() -> None:
    assert vsl_fields.read((("host", "a"), ("content-type", "Text/XML; x"))).content_type == "text/xml"
    assert vsl_fields.read((("host", "a"),)).content_type == ""


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ((("host", "a"), ("accept", "a/b"), ("accept", "a/c")), "ambiguous-headers"),
        ((("host", "a"), ("content-type", "a/b"), ("content-type", "a/b")), "ambiguous-headers"),
        ((("host", "a"), ("origin", "a"), ("origin", "b")), "ambiguous-headers"),
        ((("host", "a"), ("user-agent", "\xfc")), "ambiguous-headers"),
        ((("host", "a"), ("x-own", "a\x00")), "ambiguous-headers"),
        ((), "ambiguous-headers"),
        ((("host", "a"), *[("x-own", "1")] * 64), "headers-too-large"),
        ((("host", "a"), ("x-own", "1" * 9000)), "headers-too-large"),
    ],
)
def test_ambiguous_or_large_heads_are_refused(headers: Headers, code: str) -> None:
    with pytest.raises(BadFields) as refused:
        vsl_fields.read(headers)
    assert refused.value.code == code
