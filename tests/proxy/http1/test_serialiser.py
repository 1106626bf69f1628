from __future__ import annotations

import pytest

from proxy.decoders.base import Answer, Outbound
from proxy.http1 import serialiser
from proxy.http1.response_reader import ResponseHead


def head(**changes: object) -> ResponseHead:
    usual = {"status": 200, "reason": "OK", "fields": (), "keep_alive": True, "length": 2}
    return ResponseHead(**{**usual, **changes})  # type: ignore[arg-type]  # what a test names


def test_a_request_has_one_length_of_its_own_and_no_field_that_concerns_a_connection() -> None:
    fields = (("host", "a"), ("content-length", "99"), ("connection", "x"), ("te", "trailers"), ("accept", "b"))
    sent = serialiser.request(Outbound("PUT", "/a", fields, b"{}"))
    assert sent == b"PUT /a HTTP/1.1\r\nhost: a\r\naccept: b\r\ncontent-length: 2\r\n\r\n{}"


def test_only_requests_with_a_body_have_a_length_and_writes_always() -> None:
    assert b"length" not in serialiser.request(Outbound("GET", "/a", (("host", "a"),), b""))
    assert b"content-length: 0" in serialiser.request(Outbound("PUT", "/a", (("host", "a"),), b""))


def test_an_upgrade_keeps_what_asks_for_it() -> None:
    fields = (("host", "a"), ("upgrade", "websocket"), ("connection", "Upgrade"))
    sent = serialiser.request(Outbound("GET", "/a", fields, b""))
    assert sent == b"GET /a HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n"


@pytest.mark.parametrize(
    "outbound",
    [
        Outbound("GET", "/a HTTP/1.1\r\nHost: b\r\n\r\nGET /b", (), b""),
        Outbound("GET", "/a", (("x", "y\r\nz: 1"),), b""),
        Outbound("GET", "/a", (("x\n", "y"),), b""),
        Outbound("GET\r", "/a", (), b""),
    ],
)
def test_a_line_end_within_a_line_is_never_sent(outbound: Outbound) -> None:
    with pytest.raises(ValueError, match="line end"):
        serialiser.request(outbound)


def test_an_answer_of_ours_tells_its_length_and_ends_the_connection() -> None:
    ours = Answer(403, (("content-type", "application/json"), ("connection", "keep-alive")), b"{}")
    sent = serialiser.answer(ours, head_only=False)
    assert sent.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert sent.endswith(b"content-length: 2\r\nconnection: close\r\n\r\n{}")
    assert serialiser.answer(ours, head_only=True).endswith(b"content-length: 2\r\nconnection: close\r\n\r\n")


def test_what_concerned_the_access_point_s_connection_stays_there() -> None:
    fields = (
        ("connection", "keep-alive, X-Private"),
        ("x-private", "1"),
        ("keep-alive", "timeout=5"),
        ("content-length", "2"),
        ("etag", '"a"'),
    )
    sent = serialiser.response_head(head(fields=fields), close=False, chunked=False)
    assert sent == b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\netag: "a"\r\n\r\n'


@pytest.mark.parametrize(
    ("written", "how"),
    [
        ((("Date", "now"), ("Content-Length", "2"), ("X-B", "1"), ("x-a", "2"), ("X-B", "3")), {}),
        ((("TRANSFER-ENCODING", "chunked"), ("Date", "now")), {"chunked": True}),
        ((("Content-Length", "2"), ("Connection", "close"), ("Server", "Jetty")), {"close": True}),
        ((("Set-Cookie", "a"), ("Content-Length", "2"), ("Set-Cookie", "b")), {}),
    ],
)
def test_a_head_stays_as_it_was_written(written: tuple[tuple[str, str], ...], how: dict[str, bool]) -> None:
    length = None if "chunked" in how else 2
    sent = serialiser.response_head(head(fields=written, length=length), **({"close": False, "chunked": False} | how))
    assert sent == "\r\n".join(["HTTP/1.1 200 OK", *(f"{n}: {v}" for n, v in written), "", ""]).encode()


def test_a_length_is_told_once() -> None:
    fields = (("Content-Length", "2"), ("Content-Length", "2"), ("Transfer-Encoding", "identity"))
    sent = serialiser.response_head(head(fields=fields), close=False, chunked=False)
    assert sent == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


def test_a_body_of_unknown_length_goes_on_in_chunks() -> None:
    sent = serialiser.response_head(head(length=None), close=True, chunked=True)
    assert sent.endswith(b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n")


def test_an_answer_without_content_tells_no_length() -> None:
    assert b"length" not in serialiser.response_head(head(status=204, length=0), close=False, chunked=False)


def test_a_handshake_stays_as_it_was_written_but_for_extensions() -> None:
    fields = (
        *(("Date", "now"), ("Connection", "upgrade, x-private"), ("X-Private", "1"), ("Sec-WebSocket-Accept", "x")),
        *(("Content-Type", "application/cbor"), ("Sec-WebSocket-Extensions", "y"), ("Content-Length", "0")),
    )
    sent = serialiser.response_head(head(status=101, reason="", fields=fields), close=False, chunked=False)
    assert sent == (
        b"HTTP/1.1 101 Switching Protocols\r\nDate: now\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n"
        b"Content-Type: application/cbor\r\nupgrade: websocket\r\n\r\n"
    )


def test_each_body_has_its_own_length() -> None:
    for body in (b"{}", b"[1]", b"{}"):
        sent = serialiser.request(Outbound("PUT", "/a", (("host", "a"),), body))
        assert sent == b"PUT /a HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
