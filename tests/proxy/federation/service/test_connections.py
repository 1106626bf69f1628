"""Callers that are slow, or too many."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import HOST, Caller, Place

SECONDS = {"head_seconds": 1, "body_seconds": 1, "answer_seconds": 1, "idle_seconds": 3, "handshake_seconds": 1}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    limits = SECONDS | {"connections": 16}
    with Place(tmp_path_factory.mktemp("slow"), {"limits": limits}).serving() as place:
        yield place


@contextlib.contextmanager
def connected(place: Place, caller: Caller | None = None) -> Iterator[ssl.SSLSocket]:
    context = place.trusting() if caller is None else caller.context
    raw = socket.create_connection((HOST, place.port), timeout=20)
    with raw, context.wrap_socket(raw, server_hostname=HOST) as tls:
        yield tls


def ended_after(tls: ssl.SSLSocket, drip: bytes = b"") -> float:
    """Seconds until the service ends the connection, while something drips in."""
    began = time.monotonic()
    tls.settimeout(0.2)
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while True:
            try:
                if not tls.recv(4096):
                    break
            except TimeoutError:
                assert time.monotonic() - began < 15
                if drip:
                    tls.sendall(drip)
    return time.monotonic() - began


def test_a_connection_without_a_request_is_cut(place: Place) -> None:
    with connected(place) as tls:
        assert 0.8 < ended_after(tls) < 5


def test_a_head_that_drips_in_is_cut(place: Place) -> None:
    with connected(place) as tls:
        tls.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert 0.8 < ended_after(tls, b"a: b\r\n") < 5


def test_a_head_that_drips_in_after_a_request_is_cut(place: Place) -> None:
    with connected(place) as tls:
        tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert tls.recv(4096).startswith(b"HTTP/1.1 200")
        tls.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert 0.8 < ended_after(tls, b"a: b\r\n") < 2.8


def test_a_connection_that_is_idle_is_cut(place: Place) -> None:
    with connected(place) as tls:
        tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert tls.recv(4096).startswith(b"HTTP/1.1 200")
        assert 2 < ended_after(tls) < 8


def test_a_body_that_drips_in_is_told_to_be_slow(place: Place) -> None:
    head = (
        b"PUT /v1/contributions/%2Flight HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/vnd.alleyes.contribution\r\nContent-Length: 1000\r\n\r\n"
    )
    with connected(place, place.member("drips")) as tls:
        tls.sendall(head)
        assert tls.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_handshake_that_takes_long_is_cut(place: Place) -> None:
    with socket.create_connection((HOST, place.port), timeout=20) as raw:
        began = time.monotonic()
        assert raw.recv(1) == b""
        assert 0.8 < time.monotonic() - began < 5


def test_a_caller_that_does_not_read_is_cut(place: Place) -> None:
    member = place.member("deaf")
    assert member.contribute(learnt()).status == 204
    with connected(place, member) as tls:
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        began = time.monotonic()
        request = b"GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n"
        tls.settimeout(15)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while time.monotonic() - began < 15:
                tls.sendall(request)
        assert time.monotonic() - began < 15


def test_more_connections_than_there_is_room_for_are_closed_and_the_others_go_on(place: Place) -> None:
    first = place.stranger()
    assert first.ask("GET", "/healthz").status == 200
    with contextlib.ExitStack() as stack:
        opened = 0
        for _ in range(30):
            with contextlib.suppress(OSError):
                tls = stack.enter_context(connected(place))
                tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                opened += tls.recv(4096).startswith(b"HTTP/1.1 200")
        assert opened == 15
        assert first.ask("GET", "/healthz").status == 200
    time.sleep(0.3)
    assert place.stranger().ask("GET", "/healthz").status == 200
