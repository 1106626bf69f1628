from __future__ import annotations

import httptools
import pytest

from proxy.http1.bad_message import BadMessage
from proxy.http1.head import Framing, HeadLimits, framing, parse_head, take_head, values

LIMITS = HeadLimits(line_bytes=64, head_bytes=128, fields=3)


def test_a_head_is_cut_off_and_the_rest_left() -> None:
    buffer = bytearray(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest")
    assert take_head(buffer, LIMITS) == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert buffer == b"rest"


def test_what_is_not_complete_is_waited_for() -> None:
    buffer = bytearray(b"GET / HTTP/1.1\r\nHost: a\r\n\r")
    assert take_head(buffer, LIMITS) is None
    assert buffer.endswith(b"\r")


def test_a_body_may_hold_any_bytes() -> None:
    assert take_head(bytearray(b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n\0\n\r\x7f"), LIMITS) is not None


def test_fields_are_read_with_their_names_in_lower_case() -> None:
    raw = b"GET / HTTP/1.1\r\nHost: a\r\nX-Y:  b \xe9 \r\n\r\n"
    assert parse_head(raw, httptools.HttpRequestParser, LIMITS).fields == (("host", "a"), ("x-y", "b \xe9"))


def test_values_of_a_field_are_found_in_order() -> None:
    assert values((("a", "1"), ("b", "2"), ("a", "3")), "a") == ["1", "3"]


def test_framing_is_read_or_refused() -> None:
    assert framing(()) == Framing(None)
    assert framing((("content-length", "7"),)) == Framing(7)
    assert framing((("transfer-encoding", "chunked"),)) == Framing(None, chunked=True)
    for bad in (
        (("content-length", "7"), ("transfer-encoding", "chunked")),
        (("content-length", "7"), ("content-length", "7")),
        (("content-length", "07x"),),
        (("transfer-encoding", "identity"),),
    ):
        with pytest.raises(BadMessage):
            framing(bad)
