"""CBOR that two parsers could read differently is refused; what passes is what the same JSON would give."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders import strict_json
from proxy.decoders.strict_cbor import NotStrictCbor, parse, serialise
from proxy.decoders.strict_json import Number

UUID = "b4fb38af-381a-4772-8268-b84199dfab95"
UUID_BYTES = "b4fb38af381a47728268b84199dfab95"
LARGEST_BODY = 64 * 1024

TEXTS = st.text()
NUMBERS = (st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)).map(
    lambda number: Number(repr(number))
)
VALUES = st.recursive(
    TEXTS | NUMBERS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def parsed(form: str) -> Any:
    return parse(bytes.fromhex(form))


def test_the_captured_frame_of_an_access_point_is_read_and_written_byte_for_byte() -> None:
    frame = (
        b"\xbf\x6acallbackId\x50" + bytes.fromhex(UUID_BYTES) + b"\x66serial\x01"
        b"\x67address\x78\x1d/agent1/lightcontrol1/lightOn\x66invoke\x66NOTIFY\xff"
    )
    assert parse(frame) == {
        "callbackId": UUID,
        "serial": "1",
        "address": "/agent1/lightcontrol1/lightOn",
        "invoke": "NOTIFY",
    }
    assert isinstance(parse(frame)["serial"], Number)
    assert serialise(parse(frame)) == frame


def test_a_captured_node_is_read_and_written_byte_for_byte() -> None:
    node = bytes.fromhex("bf6576616c75656130ff")
    assert parse(node) == {"value": "0"}
    assert serialise({"value": "0"}) == node


def test_declared_lengths_and_texts_in_pieces_are_read_too() -> None:
    assert parsed("a1 6576616c7565 6130") == {"value": "0"}
    assert parsed("82 6161 01") == ["a", "1"]
    assert parsed("7f 6161 6162 ff") == "ab"


@pytest.mark.parametrize(
    ("reason", "form"),
    [
        ("nothing", ""),
        ("cut off", "bf6576616c7565"),
        ("cut off after a declared length", "9bffffffffffffffff"),
        ("cut off after a declared length", "7bffffffffffffffff"),
        ("cut off after a declared length", "7b000000003fffffff61"),
        ("cut off after a declared length", "bb000000003fffffff6161"),
        ("a name without a value", "bf6161ff"),
        ("two items", "0101"),
        ("a break after the item", "01ff"),
        ("a break alone", "ff"),
        ("a reserved length", "1c"),
        ("a member twice", "a2616101616102"),
        ("a member twice, in pieces", "bf6261620 17f61616162ff02ff".replace(" ", "")),
        ("a number as a name", "a10102"),
        ("a truth value as a name", "a1f502"),
        ("a byte string as a name", "a1416101"),
        ("an array as a name", "a18001"),
        ("a byte string", "4101"),
        ("the bytes of a UUID as a value", "a16576616c7565 50" + UUID_BYTES),
        ("a callback id of another length", "a16a63616c6c6261636b4964 4101"),
        ("a callback id within", "a16161 a16a63616c6c6261636b4964 50" + UUID_BYTES),
        ("a list of callback ids", "a16a63616c6c6261636b4964 8150" + UUID_BYTES),
        ("a bignum", "c24105"),
        ("a time", "c100"),
        ("a decimal", "c48201186f"),
        ("a pattern", "d8236161"),
        ("a shared object", "d81c80"),
        ("a CBOR mark", "d9d9f701"),
        ("an unknown tag", "dbffffffffffffffff01"),
        ("not a number", "f97e00"),
        ("infinity", "f97c00"),
        ("infinity", "fbfff0000000000000"),
        ("undefined", "f7"),
        ("a simple value", "e0"),
        ("a simple value of two bytes", "f8ff"),
        ("not UTF-8", "61ff"),
        ("half a surrogate pair", "63eda080"),
        ("a character in two pieces", "7f61c361a4ff"),
        ("bytes as a piece of text", "7f4161ff"),
        ("pieces within pieces", "7f7f6161ffff"),
        ("too deep", "81" * 17 + "01"),
        ("too deep", "9f" * 30_000 + "ff" * 30_000),
        ("tags without end", "c6" * 30_000),
    ],
)
def test_ambiguous_bytes_are_refused(reason: str, form: str) -> None:
    with pytest.raises(NotStrictCbor):
        parsed(form)


@pytest.mark.parametrize("content", ["01", "4101", "6161", "820101"])
def test_no_tag_is_interpreted(content: str) -> None:
    for tag in [*range(300), 1000, 1004, 43_000, 55_799, 2**64 - 1]:
        head = bytearray(cbor2.dumps(tag))
        head[0] |= 6 << 5
        with pytest.raises(NotStrictCbor, match="tags are not part of the protocol"):
            parse(bytes(head) + bytes.fromhex(content))


def test_sixteen_levels_are_read_as_in_json() -> None:
    assert parsed("81" * 16 + "01") == strict_json.parse(b"[" * 16 + b"1" + b"]" * 16)


def test_a_fraction_keeps_its_value_and_stays_a_number() -> None:
    value = parsed("a1 6576616c7565 fb3ff8000000000000")["value"]
    assert value == "1.5"
    assert isinstance(value, Number)
    assert parse(serialise({"value": value})) == {"value": "1.5"}


@pytest.mark.parametrize(
    "digits", ["1e400", "0.1000000000000000055511151231257827", "36893488147419103232", "-1e-400", "1" * 5000]
)
def test_a_number_that_cbor_would_round_is_not_written(digits: str) -> None:
    with pytest.raises(ValueError, match="CBOR has no"):
        serialise({"value": Number(digits)})


def test_a_callback_id_in_json_becomes_the_bytes_that_jackson_writes() -> None:
    form = serialise(strict_json.parse(f'{{"callbackId":"{UUID}"}}'.encode()))
    assert form.hex() == "bf6a63616c6c6261636b496450" + UUID_BYTES + "ff"
    assert strict_json.serialise(parse(form)) == f'{{"callbackId":"{UUID}"}}'.encode()
    assert parsed("a16a63616c6c6261636b4964 6163") == {"callbackId": "c"}, "a text stays for the reader to check"
    within = {"restrictions": {"callbackId": "c"}}
    assert parse(serialise(within)) == within, "a member of that name elsewhere is text"
    for other in ("c", f"{{{UUID}}}", UUID_BYTES):
        with pytest.raises(ValueError, match="UUID"):
            serialise({"callbackId": other})


@pytest.mark.parametrize("value", [{"value": [b"1"]}, {1: "a"}, {b"a": "a"}, (1, 2), 1.5])
def test_what_json_has_no_form_for_is_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="is not written"):
        serialise(value)


@given(VALUES)
def test_what_was_parsed_is_what_is_sent(value: object) -> None:
    assert parse(serialise(value)) == value


@given(VALUES)
def test_cbor_reads_as_the_json_of_the_same_value(value: object) -> None:
    text = strict_json.serialise(value)
    assert strict_json.serialise(parse(serialise(strict_json.parse(text)))) == text
    plain = json.loads(text, parse_float=str, parse_int=str)
    assert parse(serialise(value)) == plain


ITEMS = st.binary(max_size=80) | st.lists(
    st.sampled_from([bytes([initial]) for initial in range(256)] + [b"\x61a", b"\x61b", b"\xbf\x61a", b"\x9f\x01"]),
    max_size=40,
).map(b"".join)


@given(ITEMS)
def test_any_bytes_are_refused_or_read_to_what_can_be_sent(body: bytes) -> None:
    try:
        value = parse(body)
    except NotStrictCbor:
        return
    strict_json.serialise(value)


@pytest.mark.parametrize(
    "body",
    [
        b"\x9f" + b"\x80" * (LARGEST_BODY - 2) + b"\xff",
        b"\x7f" + b"\x60" * (LARGEST_BODY - 2) + b"\xff",
        b"\x9f" + b"\x9b\x00\x00\x00\x00\x7f\xff\xff\xff" * (LARGEST_BODY // 9),
        b"\xbf" + b"".join(b"\x64%04x\x01" % number for number in range(LARGEST_BODY // 6)) + b"\xff",
        b"\xc2" * LARGEST_BODY,
    ],
)
def test_the_work_is_bounded_by_the_length_of_the_body(body: bytes) -> None:
    started = time.process_time()
    with contextlib.suppress(NotStrictCbor):
        parse(body)
    assert time.process_time() - started < 5, "hours, or all of the memory, for lengths that are believed"
