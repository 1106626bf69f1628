from __future__ import annotations

import httptools
import pytest

from proxy.http1.bad_message import BadMessage
from proxy.http1.head import Framing, Head, HeadLimits, framing, parse_head, take_head

LIMITS = HeadLimits(line_bytes=64, head_bytes=128, fields=3)


def test_a_head_is_cut_off_and_the_rest_left() -> None:
    buffer = bytearray(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest")
    assert take_head(buffer, LIMITS) == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert buffer == b"rest"


def test_what_is_not_complete_is_waited_for() -> None:
    buffer = bytearray(b"GET / HTTP/1.1\r\nHost: a\r\n\r")
    assert take_head(buffer, LIMITS) is None
    assert buffer.endswith(b"\r")


def test_what_is_forbidden_is_refused_however_often_it_comes() -> None:
    for _ in range(3):
        assert take_head(bytearray(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), LIMITS) is not None
        with pytest.raises(BadMessage, match="the byte 00"):
            take_head(bytearray(b"GET / HTTP/1.1\r\nHost: \0\r\n\r\n"), LIMITS)


def test_a_body_may_hold_any_bytes() -> None:
    assert take_head(bytearray(b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n\0\n\r\x7f"), LIMITS) is not None


def test_fields_are_read_with_their_names_in_lower_case() -> None:
    raw = b"GET / HTTP/1.1\r\nHost: a\r\nX-Y:  b \xe9 \r\n\r\n"
    assert parse_head(raw, httptools.HttpRequestParser, LIMITS).fields == (("host", "a"), ("x-y", "b \xe9"))


def head(*fields: tuple[str, str]) -> Head:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return parse_head(f"GET / HTTP/1.1\r\n{lines}\r\n".encode(), httptools.HttpRequestParser, LIMITS)


def test_values_of_what_is_acted_upon_are_found_in_order() -> None:
    assert head(("Host", "1"), ("X", "2"), ("host", "3")).values("host") == ["1", "3"]
    assert head(("Host", "1")).values("connection") == []


def test_framing_is_read_or_refused() -> None:
    assert framing(head()) == Framing(None)
    assert framing(head(("content-length", "7"))) == Framing(7)
    assert framing(head(("transfer-encoding", "chunked"))) == Framing(None, chunked=True)


@pytest.mark.parametrize(
    "telling",
    [
        {"content-length": ["7"], "transfer-encoding": ["chunked"]},
        {"content-length": ["7", "7"]},
        {"content-length": ["07x"]},
        {"transfer-encoding": ["identity"]},
        {"transfer-encoding": ["chunked", "chunked"]},
    ],
)
def test_framing_does_not_rely_on_llhttp_to_refuse(telling: dict[str, list[str]]) -> None:
    with pytest.raises(BadMessage):
        framing(Head((), telling))
