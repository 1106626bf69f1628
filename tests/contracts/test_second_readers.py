"""Other parsers read what passes as it was judged, and what others refuse does not pass.

A corpus of generated requests goes through the gateway's layer and through mitmproxy's. Where mitmproxy's refuses, so
must ours; what ours sends on, h11 and llhttp read as exactly the one call that was judged.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import product

import h11
import httptools
import pytest
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy import context, events, layer
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode
from mitmproxy.proxy.layers.http._hooks import HttpRequestHeadersHook, HttpRequestHook
from mitmproxy.test import taddons

from proxy.decoders.base import Outbound, Request
from proxy.http1.call import Ruling
from tests.proxy.http1.requests import HOSTILE
from tests.proxy.http1.test_layer import Bench, Judge

METHODS = (b"GET", b"PUT", b"POST", b"HEAD", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT", b"get", b"FOO", b"")
TARGETS = (
    *(b"/", b"/vsl/agent1?depth=1", b"/a/../b", b"/%2e%2e/b", b"//a", b"/a%00b", b"/a;b=c", b"/\xff", b"/a b", b"/a#b"),
    *(b"*", b"a", b"http://198.51.100.11:8081/a", b"http://198.51.100.11:8081/a?b", b"http://other/a", b""),
)
VERSIONS = (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"")
FIELDS = (
    *(
        b"Host: 198.51.100.11:8081",
        b"Host: a",
        b"host:a",
        b"Host: a, b",
        b"Host : a",
        b"Accept: b",
        b"X-\xe9: b",
        b"X: \xe9",
    ),
    *(
        b"X: a\0b",
        b"X: a\rb",
        b"X: a\nY: b",
        b" folded",
        b"\tfolded",
        b"X",
        b": b",
        b"X: ",
        b"Connection: close",
        b"X: \x7f",
    ),
    *(
        b"Content-Length: 2",
        b"Content-Length: 3",
        b"Content-Length: +2",
        b"Content-Length: 2, 2",
        b"Content-Length: \xb2",
    ),
    *(
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: Chunked",
        b"TE: trailers",
    ),
    *(b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: xchunked", b"Expect: 100-continue", b"Upgrade: h2c"),
    *(b"Connection: Upgrade", b"Forwarded: for=a", b"Content-Length : 2", b"Transfer_Encoding: chunked"),
)
BODIES = (
    b"",
    b"{}",
    b"2\r\n{}\r\n0\r\n\r\n",
    b"2;a=b\r\n{}\r\n0\r\n\r\n",
    b"2\r\n{}\r\n0\r\nX: y\r\n\r\n",
    b"2\n{}\n0\n\n",
    b"{}GET / HTTP/1.1\r\n\r\n",
)
ENDS = (b"\r\n", b"\n", b"\r")
GENERATED = 4000


def corpus() -> Iterator[bytes]:
    """Hand-written hostile requests, every method with every target, and thousands of random combinations."""
    yield from (data for data, _ in HOSTILE.values())
    for method, target in product(METHODS, TARGETS):
        yield method + b" " + target + b" HTTP/1.1\r\nHost: 198.51.100.11:8081\r\n\r\n"
    rng = random.Random(7)
    for _ in range(GENERATED):
        usual = rng.random()
        method = rng.choice(METHODS[:3] if usual < 0.8 else METHODS)
        target = rng.choice(TARGETS[:2] if usual < 0.8 else TARGETS)
        version = b"HTTP/1.1" if usual < 0.9 else rng.choice(VERSIONS)
        fields = [b"Host: 198.51.100.11:8081"] * (usual < 0.9) + rng.choices(FIELDS, k=rng.randint(0, 4))
        rng.shuffle(fields)
        end = b"\r\n" if usual < 0.97 else rng.choice(ENDS)
        body = rng.choice(BODIES)
        yield end.join([b" ".join([method, target, version]), *fields, b"", b""]) + body


class Upstream(Judge):
    """Forwards everything, with the fields it came with, but those that a decoder makes anew."""

    def judge(self, request: Request) -> Ruling:
        self.asked.append(request)
        ours = {"host", "upgrade", "content-length", "transfer-encoding", "connection"}
        fields = [(name, value) for name, value in request.headers if name not in ours]
        outbound = Outbound(request.method, request.target, (("host", "up"), *fields), request.body)
        return Ruling(None, outbound, "one", self.concluded.append)


def through_ours(data: bytes) -> tuple[list[Request], bytes]:
    """The calls that were judged, and what went to the access point; each is answered at once."""
    bench = Bench(Upstream())
    wire = bench.wire()
    wire.service(data)
    answered = -1
    while len(bench.judge.asked) > answered and not wire.closed:
        answered = len(bench.judge.asked)
        if answered:
            wire.access_point(b"HTTP/1.1 204 No Content\r\n\r\n")
    return bench.judge.asked, wire.to_access_point


@pytest.fixture(scope="module")
def mitmproxys() -> Iterator[Callable[[bytes], int]]:
    """How many calls mitmproxy's own layer would pass on."""
    with taddons.context(Proxyserver()) as addons:
        addons.options.validate_inbound_headers = True
        yield lambda data: _passed(addons.options, data)


def _passed(options: object, data: bytes) -> int:
    from tests.proxy.http1.wire import Wire  # noqa: PLC0415 -- only for its client and server

    class Idle(layer.Layer):
        def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
            del event
            yield from ()

    of: context.Context = Wire(Idle).context
    of.layers.clear()
    of.options = options  # type: ignore[assignment]  # the options that the fixture made
    of.server.address = ("198.51.100.11", 8081)
    theirs = HttpLayer(of, HTTPMode.transparent)
    passed = 0
    waiting: list[events.Event] = [events.Start(), events.DataReceived(of.client, data)]
    while waiting:
        try:
            found = list(theirs.handle_event(waiting.pop(0)))
        except (NotImplementedError, AssertionError, ValueError):
            return passed  # it cannot cope: nothing passes
        for command in found:
            if isinstance(command, HttpRequestHook):
                passed += 1
            if isinstance(command, HttpRequestHeadersHook | HttpRequestHook):
                waiting.append(events.HookCompleted(command, None))
    return passed


def test_what_passes_is_read_by_others_as_what_was_judged() -> None:
    forwarded = 0
    for data in corpus():
        judged, sent = through_ours(data)
        assert by_h11(sent) == by_llhttp(sent) == [(r.method, r.target, r.body) for r in judged], data
        forwarded += len(judged)
    assert forwarded > GENERATED / 10


def test_what_mitmproxy_refuses_does_not_pass(mitmproxys: Callable[[bytes], int]) -> None:
    refused = 0
    for data in corpus():
        if not mitmproxys(data):
            refused += 1
            assert through_ours(data) == ([], b""), data
    assert refused > GENERATED / 10


def by_h11(data: bytes) -> list[tuple[str, str, bytes]]:
    """Read requests as h11 does, strictly, until there are no more."""
    found, rest = [], data
    while rest:
        server = h11.Connection(h11.SERVER)
        server.receive_data(rest)
        request = server.next_event()
        assert isinstance(request, h11.Request)
        body = b""
        while isinstance(event := server.next_event(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage)
        found.append((request.method.decode(), request.target.decode(), body))
        rest = server.trailing_data[0]
    return found


def by_llhttp(data: bytes) -> list[tuple[str, str, bytes]]:
    """Read requests as llhttp does, which needs no ends between them."""
    found: list[tuple[str, str, bytes]] = []

    class Reading:
        url, body = b"", b""

        def on_message_begin(self) -> None:
            self.url = self.body = b""

        def on_url(self, url: bytes) -> None:
            self.url += url

        def on_body(self, body: bytes) -> None:
            self.body += body

        def on_message_complete(self) -> None:
            found.append((parser.get_method().decode(), self.url.decode(), self.body))

    parser = httptools.HttpRequestParser(Reading())
    parser.feed_data(data)
    return found
