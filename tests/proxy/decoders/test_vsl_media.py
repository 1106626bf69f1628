"""Which forms are asked for, as an access point reads the field."""

import pytest

from proxy.decoders import vsl_media


@pytest.mark.parametrize(
    ("accept", "asked"),
    [
        ("application/json", "application/json"),
        ("application/cbor", "application/cbor"),
        ("application/cbor, application/json", "application/cbor, application/json"),
        ("application/json;q=0.1,application/cbor;q=0.9", "application/json, application/cbor"),
        ("Application/JSON", "application/json"),
        ("text/html, */*", "*/*"),
        ("*", "*"),
        ("application/xml, application/json", "application/json"),
        ("application/xml", "application/xml"),
        ("application/octet-stream, application/json", "application/json"),
        ("application/octet-stream;q=1", None),
        ("application/octet-stream", None),
        ("application/json, application/json", "application/json"),
        ("", None),
        (",;,", None),
        ("no type", None),
    ],
)
def test_first_comes_what_the_access_point_would_take_first(accept: str, asked: str | None) -> None:
    assert vsl_media.wanted(accept) == asked


def test_a_long_list_is_cut() -> None:
    asked = vsl_media.wanted(",".join(f"a/b{index}" for index in range(100)))
    assert asked is not None
    assert asked.count(",") < 10


def test_the_type_of_a_body_is_what_stands_before_the_first_semicolon() -> None:
    assert vsl_media.name_of("Application/JSON; UTF-8") == "application/json"
    assert vsl_media.name_of("") == ""
