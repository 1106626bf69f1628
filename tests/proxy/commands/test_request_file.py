"""Requests in files are read as people write them, and by the gateway's own HTTP layer."""

from __future__ import annotations

import pytest

from proxy.commands.request_file import read_request
from proxy.http1.bad_message import BadMessage


def test_host_and_length_may_be_left_out() -> None:
    found = read_request(b'PUT /a?b=1 HTTP/1.1\nContent-Type: application/json\n\n{"on":true}\n')
    assert (found.method, found.target, found.body) == ("PUT", "/a?b=1", b'{"on":true}')
    assert ("content-type", "application/json") in found.headers


def test_a_request_as_it_was_on_the_wire_is_read() -> None:
    found = read_request(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na\r\n")
    assert found.body == b"a\r\n"
    assert read_request(b"GET /a HTTP/1.1").target == "/a"


def test_a_request_as_manuals_have_it_needs_no_version() -> None:
    found = read_request(b'PUT /v1/zones/2/target\nX-Key: abcdef12\n\n{"celsius":21.5}\n')
    assert (found.method, found.target, found.body) == ("PUT", "/v1/zones/2/target", b'{"celsius":21.5}')
    assert read_request(b"GET /a\r\n").target == "/a"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"GET /a HTTP/1.0\n\n", "http-version"),
        (b"hello\n", "malformed-request"),
        (b"", "malformed-request"),
        (b"POST /a HTTP/1.1\nContent-Length: 9\n\nabc", "malformed-request"),
    ],
)
def test_what_the_gateway_does_not_take_is_told(content: bytes, code: str) -> None:
    with pytest.raises(BadMessage) as refused:
        read_request(content)
    assert refused.value.code == code
