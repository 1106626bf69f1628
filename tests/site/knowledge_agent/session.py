"""HTTP/1.1 on a link, until it becomes a callback WebSocket (source: vsl-rest, sections 1 and 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httptools
from wsproto.connection import ConnectionType
from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.utilities import RemoteProtocolError

from tests.site.knowledge_agent.callbacks import CallbackHub
from tests.site.knowledge_agent.errors import TransportError
from tests.site.knowledge_agent.identity import Identity
from tests.site.knowledge_agent.link import Link
from tests.site.knowledge_agent.messages import CBOR, JSON, CallbackAnswer, Invocation, decode, encode, negotiate
from tests.site.knowledge_agent.router import Router
from tests.site.knowledge_agent.wire import Request, Response
from tests.site.websocket import INTERNAL_ERROR, SUBPROTOCOL, Channel, accept_key

QUEUE_LIMIT = 16
"""Pipelined requests that may wait."""

_GATEWAY = b'"agentId": "alleyes"'
"""How a gateway says that it asks for itself."""

type Record = Callable[[Request, Response, Identity | None], None]


class HttpSession:
    """Answers the requests of one connection in order."""

    def __init__(self, link: Link, router: Router, hub: CallbackHub, record: Record, now: Callable[[], int]) -> None:
        """Begin; `record` is told of every call, `now` dates the answers (ms)."""
        self._link = link
        self._router = router
        self._hub = hub
        self._record = record
        self._now = now
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._waiting: asyncio.Queue[tuple[Request, bool]] = asyncio.Queue()
        self._worker = asyncio.create_task(self._work())
        self._early = b""
        self._callbacks: CallbackSession | None = None
        self._upgrading = False

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        if self._callbacks is not None:
            self._callbacks.feed(data)
        elif self._upgrading:
            self._early += data
        else:
            self._parse(data)

    def lost(self) -> None:
        """Stop working."""
        self._worker.cancel()
        if self._callbacks is not None:
            self._callbacks.lost()

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrading = True
            self._early = data[upgrade.args[0] :]
        except httptools.HttpParserError:
            self._send(Response(400), keep_alive=False)
            self._link.close()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        """Collect the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Collect a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Queue the request."""
        request = Request(
            self._parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            self._headers,
            b"".join(self._body),
            self._link.certificate,
        )
        self._link.counters.requests += 1
        if request.path == "/ka/requestKorUpdate" and _GATEWAY in request.body:
            self._link.reads_structure()
        self._link.asked = True
        self._waiting.put_nowait((request, self._parser.should_keep_alive()))
        if self._waiting.qsize() > QUEUE_LIMIT:
            self._link.pause(paused=True)

    async def _work(self) -> None:
        while True:
            request, keep_alive = await self._waiting.get()
            self._link.pause(paused=False)
            if request.path == "/callbacks" and request.upgrades:
                self._upgrade(request)
                continue
            response, caller = await self._router.answer(request)
            self._record(request, response, caller)
            keep_alive = keep_alive and not self._upgrading
            self._send(response, keep_alive=keep_alive)
            if not keep_alive:
                self._link.close()

    def _send(self, response: Response, *, keep_alive: bool) -> None:
        self._link.send(response.render(keep_alive=keep_alive, now=self._now()))

    def _upgrade(self, request: Request) -> None:
        try:
            caller = self._router.socket_owner(request)
            response, extensions = _accept(request)
        except TransportError as error:
            self._record(request, Response(error.code), None)
            self._send(Response(error.code), keep_alive=False)
            self._link.close()
            return
        self._record(request, response, caller)
        self._send(response, keep_alive=True)
        kind = response.headers["Content-Type"]
        self._callbacks = CallbackSession(self._link, self._hub, caller.client_id, kind, extensions)
        self._callbacks.feed(self._early)


def _accept(request: Request) -> tuple[Response, list[Extension]]:
    """Return the answer to an upgrade; raise TransportError 503 without the sub-protocol, 500 without a usable type."""
    if SUBPROTOCOL not in request.headers.get("sec-websocket-protocol", ""):
        raise TransportError(503)
    extensions, accepted = _deflate(request.headers.get("sec-websocket-extensions", ""))
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Accept": accept_key(request.headers.get("sec-websocket-key", "")),
        "Sec-WebSocket-Protocol": SUBPROTOCOL,
        "Content-Type": negotiate(request.headers.get("accept", JSON)),
        **accepted,
    }
    return Response(101, headers), extensions


def _deflate(offer: str) -> tuple[list[Extension], dict[str, str]]:
    """Accept permessage-deflate if it is offered: the extension and the header that says so."""
    if not offer.strip().startswith("permessage-deflate"):
        return [], {}
    extension = PerMessageDeflate()
    accepted = extension.accept(offer)
    parameters = f"; {accepted}" if isinstance(accepted, str) and accepted else ""
    return [extension], {"Sec-WebSocket-Extensions": f"permessage-deflate{parameters}"}


class CallbackSession:
    """A service's callback WebSocket."""

    def __init__(self, link: Link, hub: CallbackHub, client_id: str, kind: str, extensions: list[Extension]) -> None:
        """Take over the link and make the service reachable."""
        self._link = link
        self._hub = hub
        self._client_id = client_id
        self._kind = kind
        self._channel = Channel(link.send, ConnectionType.SERVER, extensions)
        hub.attach(client_id, self)

    def invoke(self, invocation: Invocation) -> None:
        """Send a frame in the negotiated format: JSON as text, CBOR as binary."""
        if self._channel.open:
            data = encode(invocation, self._kind)
            self._channel.send(data if self._kind == CBOR else data.decode())

    def feed(self, data: bytes) -> None:
        """Take the service's responses; close with 1011 on anything else."""
        try:
            for message in self._channel.feed(data):
                body = message.encode() if isinstance(message, str) else message
                self._hub.answered(decode(body, self._kind, CallbackAnswer))
        except (TransportError, RemoteProtocolError):
            self._channel.close(INTERNAL_ERROR)
        if not self._channel.open:
            self._link.close()

    def lost(self) -> None:
        """Make the service unreachable."""
        self._hub.detach(self._client_id, self)

    def close(self) -> None:
        """Close in favour of a newer socket, or because the agent stops."""
        self._channel.close()
        self._link.close()
