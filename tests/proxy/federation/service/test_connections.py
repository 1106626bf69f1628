"""Callers that are slow, or too many."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import HOST, Caller, Place
from tests.waiting import PATIENCE, eventually

SECONDS: dict[str, Any] = {
    **dict.fromkeys(("head_seconds", "body_seconds", "answer_seconds", "handshake_seconds"), 2),
    "idle_seconds": 300,
    "strangers": {"idle_seconds": 3},
}


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


def ended(tls: ssl.SSLSocket, drip: bytes = b"") -> float:
    """Reading of the monotonic clock when the service has ended the connection, while something drips in."""
    began = time.monotonic()
    tls.settimeout(0.2)
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while True:
            try:
                if not tls.recv(4096):
                    break
            except TimeoutError:
                assert time.monotonic() - began < PATIENCE
                if drip:
                    tls.sendall(drip)
    return time.monotonic()


def test_a_connection_without_a_request_is_cut(place: Place) -> None:
    began = time.monotonic()
    with connected(place) as tls:
        assert ended(tls) - began > 1.9


def test_a_head_that_drips_in_is_cut(place: Place) -> None:
    began = time.monotonic()
    with connected(place) as tls:
        tls.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert ended(tls, b"a: b\r\n") - began > 1.9


def test_a_head_that_drips_in_after_a_request_is_cut_long_before_one_that_is_idle(place: Place) -> None:
    with connected(place, place.member("twice")) as tls:
        tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert tls.recv(4096).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        tls.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert ended(tls, b"a: b\r\n") - began > 1.9


def test_a_connection_that_is_idle_is_cut(place: Place) -> None:
    with connected(place) as tls:
        began = time.monotonic()
        tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert tls.recv(4096).startswith(b"HTTP/1.1 200")
        assert ended(tls) - began > 2.9


def test_a_body_that_drips_in_is_told_to_be_slow(place: Place) -> None:
    head = (
        b"PUT /v1/contributions/%2Flight HTTP/1.1\r\nHost: x\r\n"
        b"Content-Type: application/vnd.alleyes.contribution\r\nContent-Length: 1000\r\n\r\n"
    )
    with connected(place, place.member("drips")) as tls:
        tls.sendall(head)
        assert tls.recv(4096).startswith(b"HTTP/1.1 408")


def test_a_handshake_that_takes_long_is_cut(place: Place) -> None:
    began = time.monotonic()
    with socket.create_connection((HOST, place.port), timeout=20) as raw:
        assert raw.recv(1) == b""
        assert time.monotonic() - began > 1.9


def test_a_caller_that_does_not_read_is_cut(place: Place) -> None:
    member = place.member("deaf")
    assert member.contribute(learnt()).status == 204
    with connected(place, member) as tls:
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        began = time.monotonic()
        request = b"GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n"
        tls.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while time.monotonic() - began < PATIENCE:
                tls.sendall(request)
        assert time.monotonic() - began < PATIENCE


def asked(tls: ssl.SSLSocket) -> bool:
    """Whether a connection is served."""
    with contextlib.suppress(OSError):
        tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        return tls.recv(4096).startswith(b"HTTP/1.1 200")
    return False


def let_in(caller: Caller, path: str) -> bool:
    """Whether somebody is served, on a new connection if need be."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return caller.ask("GET", path).status == 200
    return False


def test_more_connections_than_there_is_room_for_are_closed_and_the_others_go_on(crowded: Place) -> None:
    first = crowded.member("first")
    assert first.ask("GET", "/healthz").status == 200
    with contextlib.ExitStack() as stack:
        opened = 0
        for name in ("second", "third", "fourth", "fifth", "sixth", "seventh"):
            member = crowded.member(name)
            for _ in range(3):
                with contextlib.suppress(OSError):
                    opened += asked(stack.enter_context(connected(crowded, member)))
        assert opened == 11  # 12 of members, and two of each
        assert first.ask("GET", "/healthz").status == 200
    eventually(lambda: let_in(crowded.stranger(), "/healthz"))


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Room for 12 connections of members and 4 of strangers, 2 of which of one address; all have patience."""
    limits = {"connections": 16, "connections_per_origin": 2, "strangers": {"idle_seconds": 300}}
    with Place(tmp_path_factory.mktemp("crowded"), {"limits": limits}).serving() as place:
        yield place


@pytest.mark.parametrize("shaking", [True, False], ids=["after their handshake", "without one"])
def test_strangers_that_hold_all_they_can_lock_no_member_out(crowded: Place, *, shaking: bool) -> None:
    before = crowded.member("before")
    assert before.ask("GET", "/v1/models").status == 200
    later = crowded.member(f"later-{shaking}".lower())
    with contextlib.ExitStack() as stack:
        held = []
        for number in range(40):
            source = (f"127.0.0.{2 + number % 5}", 0)
            raw = stack.enter_context(socket.create_connection((HOST, crowded.port), timeout=20, source_address=source))
            held.append(raw)
            if shaking:
                with contextlib.suppress(OSError):
                    tls = crowded.trusting().wrap_socket(raw, server_hostname=HOST)
                    asked(stack.enter_context(tls))
        assert before.ask("GET", "/v1/models").status == 200
        # For a moment there may be no seat to shake hands on; all who are there already have more patience than this.
        eventually(lambda: let_in(later, "/v1/models"))
        assert before.ask("GET", "/v1/models").status == 200
    later.close()


def test_a_stranger_that_is_idle_is_cut_sooner_than_a_member(tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = SECONDS | {"strangers": {"idle_seconds": 1}}
    place = Place(tmp_path_factory.mktemp("idle"), {"limits": limits})
    with place.serving(), connected(place, place.member("calm")) as member, connected(place) as stranger:
        assert asked(member)
        assert asked(stranger)
        ended(stranger)
        assert asked(member)


def test_bare_connections_take_no_descriptors_but_a_few(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = Place(tmp_path_factory.mktemp("bare"), {"limits": {"connections": 100}})
    with place.process() as process, contextlib.ExitStack() as stack:
        open_files = Path(f"/proc/{process.pid}/fd")
        member, before = place.member("early"), len(list(open_files.iterdir()))
        for _ in range(300):
            stack.enter_context(socket.create_connection((HOST, place.port), timeout=20))
        time.sleep(0.5)
        assert len(list(open_files.iterdir())) <= before + 12
        eventually(lambda: let_in(member, "/v1/models"))
