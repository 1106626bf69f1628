"""Texts that two parsers could read differently are refused; numbers keep their digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.strict_json import NotStrictJson, parse, serialise


@pytest.mark.parametrize(
    "text",
    [
        b'{"value":"0","value":"1"}',
        b'{"children":{"a":{"value":"0"},"a":{"value":"1"}}}',
        b'{"value":NaN}',
        b'{"value":Infinity}',
        b'{"value":"\xff"}',
        b"",
        b"{",
        b'{"value":"1"} {"value":"2"}',
        b'{"value":"\\ud800"}',
        b'{"\\udc00":"0"}',
        b"[" * 18 + b"]" * 18,
        b"[" * 30_000 + b"]" * 30_000,
    ],
)
def test_ambiguous_text_is_refused(text: bytes) -> None:
    with pytest.raises(NotStrictJson):
        parse(text)


@pytest.mark.parametrize("digits", ["1", "1.50", "-0", "1e400", "123456789012345678901234567890"])
def test_numbers_keep_their_digits_and_stay_numbers(digits: str) -> None:
    text = f'{{"value":{digits},"children":[{digits},"{digits}"]}}'.encode()
    assert parse(text)["value"] == digits
    assert serialise(parse(text)) == text


def test_white_space_may_stand_around_a_text_and_nothing_else_may() -> None:
    assert parse(b' \t\r\n{"value":"1"}\n ') == {"value": "1"}
    for other in (b"\x0b", b"\xc2\xa0", b"\xef\xbb\xbf", b"\0", b","):
        for text in (other + b'{"value":"1"}', b'{"value":"1"}' + other):
            with pytest.raises(NotStrictJson):
                parse(text)


def test_texts_are_written_with_no_more_escapes_than_needed() -> None:
    text = '{"value":"Gr\u00fc\u00dfe \U0001d11e \u2028 \x7f \\" \\\\ \\n \\u0001"}'.encode()
    assert serialise(parse(text)) == text


def test_what_json_has_no_form_for_is_not_written() -> None:
    with pytest.raises(TypeError, match="complex is not written"):
        serialise({"value": [1j]})


@given(st.recursive(st.text() | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=8))
def test_what_was_parsed_is_what_is_sent(value: object) -> None:
    assert parse(serialise(value)) == value
