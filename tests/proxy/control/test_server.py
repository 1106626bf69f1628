"""What comes over the socket is bounded, answered in JSON with a remedy, and only from whom it may come."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.control import server as module
from proxy.control.place import FILE, connected_socket
from proxy.control.server import LARGEST
from tests.proxy.control.serving import Desk, serving, state
from tests.waiting import PATIENCE


async def exchanged(directory: Path, request: bytes, seconds: float = 5.0) -> tuple[int, dict[str, object]]:
    """Send bytes; return status and body of the answer."""

    def exchange() -> bytes:
        with connected_socket(directory, seconds) as connection:
            connection.sendall(request)
            received = b""
            while data := connection.recv(65536):
                received += data
            return received

    received = await asyncio.to_thread(exchange)
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def call(method: str, target: str, body: bytes = b"") -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def test_what_is_asked_for_is_done_in_the_name_of_who_asks(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk):
        body = b'{"sender": "/agent1/tv1", "reason": "it calls home", "seconds": 60}'
        status, made = await exchanged(tmp_path, call("POST", "/v1/quarantines", body))
        assert (status, made["identity"]) == (201, "/agent1/tv1")
        status, listed = await exchanged(tmp_path, call("GET", "/v1/quarantines"))
        assert (status, listed["protected"]) == (200, ["192.0.2.1/32"])
        status, _ = await exchanged(tmp_path, call("DELETE", "/v1/quarantines/%2Fagent1%2Ftv1?reason=a%20mistake"))
        assert status == 200
        assert (await exchanged(tmp_path, call("POST", "/v1/policy/reload")))[0] == 200
        status, told = await exchanged(tmp_path, call("GET", "/v1/status"))
        assert (status, told["mode"]) == (200, "enforce")
    me = desk.asked[-1][1]
    assert me.endswith(f"uid {os.geteuid()})")
    assert desk.asked == [
        ("add", "/agent1/tv1", "it calls home", "60", me),
        ("delete", "/agent1/tv1", me, "a mistake"),
        ("reload", me),
    ]
    assert not (tmp_path / FILE).exists(), "it goes with the gateway"


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        (call("GET", "/v1/nothing"), 404, "Not Found"),
        (call("PUT", "/v1/quarantines"), 405, "Method Not Allowed"),
        (call("POST", "/v1/quarantines", b"{"), 400, "the body is not what it should be"),
        (call("POST", "/v1/quarantines", b'{"sender": "a"}'), 400, "missing required field `reason`"),
        (call("POST", "/v1/quarantines", b'{"sender": "a", "reason": "b", "x": 1}'), 400, "unknown field `x`"),
        (call("POST", "/v1/quarantines", b"x" * (LARGEST + 1)), 413, "Too Large"),
        (call("POST", "/v1/quarantines", b'{"sender": "192.0.2.1", "reason": "b"}'), 403, "it is the router"),
        (call("DELETE", "/v1/quarantines/certificate%3Atv1"), 404, "not in quarantine"),
    ],
)
async def test_a_refusal_says_why_and_what_to_do(tmp_path: Path, request_: bytes, status: int, error: str) -> None:
    desk = Desk()
    async with serving(tmp_path, desk):
        answered, problem = await exchanged(tmp_path, request_)
    assert answered == status
    assert error in str(problem["error"])
    assert problem["remedy"]
    assert desk.held == {}
    assert desk.broken == []


async def test_a_version_of_what_others_know_is_pinned_in_the_name_of_who_asks(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk):
        body = b'{"service_type": "/lamp", "version": "#7"}'
        status, made = await exchanged(tmp_path, call("POST", "/v1/federation/pins", body))
        assert (status, made) == (201, {"service_type": "/lamp", "version": "#7", "pinned": True})
        status, made = await exchanged(tmp_path, call("DELETE", "/v1/federation/pins/%2Flamp"))
        assert (status, made["pinned"]) == (200, False)
    me = desk.asked[-1][-1]
    assert me.endswith(f"uid {os.geteuid()})")
    assert desk.asked == [("pin", "/lamp", "#7", me), ("unpin", "/lamp", me)]


async def test_a_gateway_that_is_in_no_federation_says_so(tmp_path: Path) -> None:
    desk = Desk()
    desk.federated = False
    async with serving(tmp_path, desk):
        status, problem = await exchanged(tmp_path, call("DELETE", "/v1/federation/pins/%2Flamp"))
    assert (status, problem["error"]) == (404, "this gateway shares its models with nobody")


async def test_a_defect_is_told_and_everything_goes_on(tmp_path: Path) -> None:
    desk = Desk()
    async with serving(tmp_path, desk):
        desk.problem = RuntimeError("a defect")
        status, problem = await exchanged(tmp_path, call("GET", "/v1/quarantines"))
        assert (status, problem["error"]) == (500, "the gateway failed: RuntimeError")
        assert desk.broken == ["control: a defect"]
        desk.problem = None
        desk.held["a"] = state()
        assert (await exchanged(tmp_path, call("GET", "/v1/quarantines")))[0] == 200


async def test_a_body_that_does_not_come_and_a_connection_that_does_not_end_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_READ_SECONDS", 0.2)
    monkeypatch.setattr(module, "LIFE_SECONDS", 2.0)
    begun = time.monotonic()
    async with serving(tmp_path, Desk()):
        half = call("POST", "/v1/quarantines", b"x" * 100)[:-50]
        assert (await exchanged(tmp_path, half))[0] == 408

        def silent() -> bytes:
            with connected_socket(tmp_path, PATIENCE) as connection:
                connection.sendall(b"GET /v1/status HTTP/1.1\r\n")
                return connection.recv(100)

        assert await asyncio.to_thread(silent) == b""
    assert time.monotonic() - begun < PATIENCE


def _connects_as_nobody(path: Path) -> bytes:
    """Return what a process of another user gets from the socket, or the error that it meets."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(path))
                connection.sendall(call("GET", "/v1/quarantines"))
                os.write(writing, connection.recv(4096))
        except OSError as error:
            os.write(writing, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        received = answer.read()
    os.waitpid(child, 0)
    return received


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that other users of the machine can look into."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
async def test_another_user_of_this_machine_gets_nothing(open_directory: Path) -> None:
    desk, opened = Desk(), open_directory / FILE
    async with serving(open_directory, desk):
        assert await asyncio.to_thread(_connects_as_nobody, opened) == b"PermissionError"
        # The mode is one lock; who asks is looked at all the same.
        opened.chmod(0o666)
        received = await asyncio.to_thread(_connects_as_nobody, opened)
    assert received.startswith(b"HTTP/1.1 403 ")
    assert b"may not do that" in received
    assert desk.asked == []
