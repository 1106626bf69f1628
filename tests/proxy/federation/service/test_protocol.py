"""Requests that are none: told as everything else, and no line of the log for each."""

from __future__ import annotations

import socket

import pytest

from tests.proxy.federation.service.running import HOST, Place


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_cannot_be_read_is_told_and_ends_the_connection(
    service: Place, data: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    context = service.trusting()
    with socket.create_connection((HOST, service.port)) as raw, context.wrap_socket(raw, server_hostname=HOST) as tls:
        tls.sendall(data)
        answer = b""
        while part := tls.recv(4096):
            answer += part
    assert answer.split()[1] == b"400"
    assert b"Content-Type: application/problem+json\r\n" in answer
    assert b'"code":"malformed"' in answer
    assert "Traceback" not in "".join(capfd.readouterr())
    assert caplog.records == []
