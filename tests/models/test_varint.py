from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.varint import Quick, Reader, Writer

_UNSIGNED = st.lists(st.integers(0, 2**200))
_SIGNED = st.lists(st.integers(-(2**200), 2**200))


def written(unsigned: list[int], signed: list[int], text: str) -> bytes:
    out = Writer()
    for value in unsigned:
        out.unsigned(value)
    for value in signed:
        out.signed(value)
    out.text(text)
    return bytes(out.buffer)


def assert_read(data: Reader | Quick, unsigned: list[int], signed: list[int], text: str) -> None:
    assert [data.unsigned() for _ in unsigned] == unsigned
    assert [data.signed() for _ in signed] == signed
    assert data.text() == text
    data.end()


@given(_UNSIGNED, _SIGNED, st.text())
def test_what_is_written_is_read(unsigned: list[int], signed: list[int], text: str) -> None:
    assert_read(Reader(written(unsigned, signed, text)), unsigned, signed, text)


@pytest.mark.parametrize(("value", "length"), [(0, 1), (63, 1), (-64, 1), (64, 2), (8191, 2), (8192, 3)])
def test_small_integers_of_either_sign_are_short(value: int, length: int) -> None:
    out = Writer()
    out.signed(value)
    assert len(out.buffer) == length


def test_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 is negative"):
        Writer().unsigned(-1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "cut off"),
        (b"\x80", "cut off"),
        (b"\x80\x00", "longer than needed"),
        (b"\xff" * 99, "more than 64 bytes"),
    ],
)
def test_bytes_that_are_no_integer_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Reader(data).unsigned()


@pytest.mark.parametrize("data", [b"\x05abc", b"\x01\xff", b"\xff\xff\xff\xff\x0f"])
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|decode"):
        Reader(data).text()


def test_bytes_too_many_are_told() -> None:
    with pytest.raises(ValueError, match="2 bytes too many"):
        Reader(b"ab").end()


@given(_UNSIGNED, _SIGNED, st.text(st.characters(codec="ascii")))
def test_what_is_read_in_a_hurry_is_what_was_written(unsigned: list[int], signed: list[int], text: str) -> None:
    assert_read(Quick(written(unsigned, signed, text)), unsigned, signed, text)


@given(st.binary(max_size=12) | st.binary(max_size=12).map(lambda each: b"\x03abc" + each))
def test_nothing_is_read_in_a_hurry_that_would_not_be_read_with_care(data: bytes) -> None:
    try:
        quick = Quick(data)
        hurried = (quick.text(), quick.signed(), quick.unsigned())
        quick.end()
    except (StopIteration, ValueError):
        return
    careful = Reader(data)
    assert (careful.text(), careful.signed(), careful.unsigned()) == hurried
    careful.end()


def test_a_text_that_is_no_ascii_is_left_to_who_reads_with_care() -> None:
    out = Writer()
    out.text("caf\u00e9")
    out.unsigned(7)
    with pytest.raises(ValueError, match=r"range|codec|cut off"):
        Quick(bytes(out.buffer)).text()


@pytest.mark.parametrize("data", [b"\x80", b"\x80\x00", b"\xff" * 99, b"\xff" * 99 + b"\x01"])
def test_bytes_that_are_no_integer_are_not_read_in_a_hurry(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|longer|too long"):
        Quick(data)
