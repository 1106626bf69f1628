"""What the emulated REST devices have in common: an HTTP server that notes what it was asked and what it answered."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

JSON = "application/json"
TEXT = "text/plain"
SECONDS = 20.0
"""A server starts and stops within them."""


class RestCall(msgspec.Struct, frozen=True):
    """One request that reached a device, and its answer."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    status: int
    answer: bytes


class RestDevice:
    """A device with an HTTP interface; `answer` is what it is."""

    def __init__(self) -> None:
        """Begin without calls."""
        self.calls: list[RestCall] = []
        """All that reached it, oldest first."""
        self.tls: ssl.SSLContext | None = None
        """What it speaks TLS by; None: it speaks none."""

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        """Answer one request."""
        raise NotImplementedError

    async def serve(self, listener: socket.socket) -> web.ServerRunner:
        """Serve on a bound socket until `cleanup` is called on what comes back."""
        runner = web.ServerRunner(web.Server(self._handle))
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=self.tls).start()
        return runner

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.BaseRequest)
        body = await request.read()
        response = await self.answer(request, body)  # type: ignore[arg-type]
        assert isinstance(response.body, bytes)
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = RestCall(request.method, request.raw_path, headers, body, response.status, response.body)
        self.calls.append(call)
        return response


class RestDevices:
    """Devices that serve in a thread of their own, for tests that are written step by step."""

    def __init__(self, devices: Sequence[tuple[RestDevice, socket.socket]]) -> None:
        """Take devices, each with its listening socket."""
        self._devices = devices
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._runners: list[web.ServerRunner] = []

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        self._runners = [self._call(device.serve(listener)) for device, listener in self._devices]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving."""
        for runner in self._runners:
            self._call(runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=SECONDS)


def answer_json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON answer."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, content_type=JSON, headers=headers)


def answer_text(content: str, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer in plain text."""
    return web.Response(body=content.encode(), status=status, content_type=TEXT, headers=headers)
