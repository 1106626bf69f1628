"""Our addon in mitmproxy: deny first, release only on an explicit allow.

mitmproxy logs and swallows what a hook raises, and then goes on as if the hook had agreed (docs/adr/0002). So every
hook first sets the refusal, and lifts it as its last step.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mitmproxy import connection, http, tls
from mitmproxy.proxy import layer, layers, server_hooks
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.websocket import WebSocketMessage
from OpenSSL import SSL

from models.access import Access
from policy.verdict import Call, Refusal, Sender, Strength, Verdict
from proxy.configuration import Limits, TlsMode
from proxy.connections import Connection, ConnectionTable, Destination, TooManyConnections
from proxy.decoders.base import Answer, Decoded, Outbound, Request
from proxy.decoders.refusals import ambiguous
from proxy.decoders.vsl_frames import LARGEST_FRAME, CallbackChannel, Frame
from proxy.enforcement import Enforcement
from proxy.identity import IdentityError, service_identity
from proxy.layers import HEAD_BYTES, Allowance, BoundedClientTls, BoundedLayer, RefusingLayer
from proxy.registry import SiteRegistry
from proxy.tls import refusal_of

_BROKEN_MESSAGE = "The gateway could not judge the call"
_VERDICT = "alleyes_verdict"
_CHANNEL = "alleyes_channel"
_REGISTERS = "alleyes_registers"
_JUDGED = "alleyes_judged"
_REPLIES = "alleyes_replies"
_MOST_REPLIES = 64
_BEGUN = "alleyes_begun"
_GONE = frozenset({"Client disconnected.", "peer closed connection"})
"""What mitmproxy says of a request whose sender went away."""
_LONGEST_QUOTE = 200
_FIRST_ERROR = 400
_SWITCHING_PROTOCOLS = 101

OriginalDestination = tuple[str, int]


@dataclass(frozen=True)
class TlsContexts:
    """The contexts of both sides; towards access points one for each agent."""

    towards_services: SSL.Context
    towards_access_points: Mapping[str, SSL.Context]


@dataclass(frozen=True)
class Gatekeeper:
    """What the hooks need, and what they tell."""

    enforcement: Enforcement
    registry: SiteRegistry
    destinations: Mapping[OriginalDestination, Destination]
    connections: ConnectionTable
    contexts: TlsContexts | None
    limits: Limits
    on_tls_refusal: Callable[[str, str], None]
    """Called with network address and reason for each handshake that failed, on either side."""
    on_crowd: Callable[[str], None]
    """Called with one line when a connection was refused because there are too many."""
    on_broken: Callable[[str, BaseException], None]
    """Called with the place and the exception where the gateway itself failed; the call was refused."""
    on_registration: Callable[[str], Awaitable[None]]
    """Called with the agent after a service has registered there."""
    inject: Callable[[http.HTTPFlow, bytes], None]
    """Sends a frame of ours to the access point on an open callback channel."""


class Hooks:
    """mitmproxy's hooks, in the order in which a connection meets them."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        self._gate = gatekeeper

    def client_connected(self, client: connection.Client) -> None:
        """Close a new connection unless it was redirected here from a declared access point, and there is room."""
        client.error = "refused"
        destination = self._destination(client.sockname)
        if destination is None or client.peername is None:
            return
        try:
            self._gate.connections.open(client.id, self._connection(_ip(client), destination))
        except TooManyConnections as crowd:
            self._gate.on_crowd(str(crowd))
            return
        client.error = None

    def _connection(self, ip: str, destination: Destination) -> Connection:
        # A request's body, or a frame, with room for the pieces that it comes in.
        most = 2 * max(self._gate.limits.body_bytes, LARGEST_FRAME) + HEAD_BYTES
        return Connection(ip=ip, destination=destination, allowance=Allowance(most, time.monotonic()))

    def client_disconnected(self, client: connection.Client) -> None:
        """Forget a connection."""
        self._gate.connections.close(client.id)

    def next_layer(self, data: layer.NextLayer) -> None:
        """Choose the layers by what the access point declares; nothing is inferred from bytes."""
        context = data.context
        # A layer adds itself to its context; this one is given a copy, to leave no trace if it is replaced.
        data.layer = RefusingLayer(context.fork())
        destination = self._destination(context.server.address)
        if destination is None:
            return
        client = context.client
        if isinstance(context.layers[-1], layers.modes.TransparentProxy):
            if destination.point.tls is TlsMode.REQUIRED:
                upstream = layers.ServerTLSLayer(context)
                upstream.child_layer = BoundedClientTls(context)
                data.layer = upstream
                return
        elif not client.tls_established:
            return
        live = self._gate.connections[client.id]
        bounded = BoundedLayer(context, live.allowance, lambda error: self._unparsed(client.id, error))
        bounded.stand_above(layers.HttpLayer(context, HTTPMode.transparent))
        data.layer = bounded

    def _unparsed(self, client_id: str, error: Exception) -> None:
        """Record bytes that mitmproxy's layers could not cope with, such as trailers; the connection is closed."""
        try:
            self._record_malformed(client_id, f"{type(error).__name__}: {error}", "")
        except Exception as failure:  # noqa: BLE001 -- it has been refused already
            self._gate.on_broken("layer", failure)

    def _destination(self, address: tuple[str, int] | None) -> Destination | None:
        return None if address is None else self._gate.destinations.get((address[0], address[1]))

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Give the handshake with a service our context; without one mitmproxy fails the connection."""
        if self._gate.contexts is not None:
            data.ssl_conn = SSL.Connection(self._gate.contexts.towards_services)
            data.ssl_conn.set_accept_state()

    def tls_established_client(self, data: tls.TlsData) -> None:
        """Read the identity of the service from its verified certificate."""
        live = self._gate.connections[data.context.client.id]
        live.identity_problem = ambiguous("identity-not-read", "the certificate has not been read")
        shown = data.ssl_conn.get_peer_certificate(as_cryptography=True) if data.ssl_conn else None
        if shown is None:
            live.identity_problem = ambiguous("no-certificate", "the service shows no certificate")
            return
        try:
            live.identity = service_identity(shown)
        except IdentityError as error:
            live.identity_problem = ambiguous("bad-certificate", f"the certificate establishes no identity: {error}")
            return
        live.identity_problem = None
        # Before it asks for anything: another sender's quarantine must not cut off this one's address.
        self._gate.connections.note(live.sender(self._gate.registry))

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """Record a service whose certificate was refused."""
        reason = data.conn.error or "the TLS handshake failed"
        self._gate.on_tls_refusal(_ip(data.context.client), reason[:_LONGEST_QUOTE])

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Connect to declared access points only."""
        data.server.error = "refused"
        if self._destination(data.server.address) is not None:
            data.server.error = None

    def tls_start_server(self, data: tls.TlsData) -> None:
        """Give the handshake with an access point the context that accepts only that agent."""
        destination = self._destination(data.context.server.address)
        if destination is None or self._gate.contexts is None:
            return
        data.ssl_conn = SSL.Connection(self._gate.contexts.towards_access_points[destination.point.agent])
        data.ssl_conn.set_connect_state()

    def tls_failed_server(self, data: tls.TlsData) -> None:
        """Record an access point that is not the one it should be."""
        own_reason = refusal_of(data.ssl_conn) if data.ssl_conn else None
        address = data.context.server.address
        reason = own_reason or data.conn.error or "the TLS handshake failed"
        self._gate.on_tls_refusal(address[0] if address else "unknown", reason[:_LONGEST_QUOTE])

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Set the refusal before the body is read."""
        flow.response = _response(Answer(status=503, headers=(("connection", "close"),), body=b""))

    def request(self, flow: http.HTTPFlow) -> None:
        """Judge a whole request; lift the refusal if it may pass."""
        flow.response = _response(Answer(status=503, headers=(("connection", "close"),), body=b""))
        try:
            self._judge(flow)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the refusal set above stays
            self._gate.on_broken("request", error)

    def _judge(self, flow: http.HTTPFlow) -> None:
        gate = self._gate
        flow.metadata[_JUDGED] = True
        live = gate.connections[flow.client_conn.id]
        live.asked = True
        live.allowance.renew()
        decoder = live.destination.decoder
        method = flow.request.method
        flow.response = _response(decoder.unavailable(method, _BROKEN_MESSAGE))
        sender = live.sender(gate.registry)
        now = gate.enforcement.now()
        decoded = self._decode(flow, live, sender, now)
        verdict = gate.enforcement.judge(
            Call(
                sender=sender,
                accesses=decoded.accesses,
                time=now,
                refusal=decoded.refusal,
                request=_summary(flow.request),
            )
        )
        if not verdict.forwarded or decoded.outbound is None:
            flow.response = _response(decoder.refuse(method))
            flow.response.headers["alleyes-reference"] = verdict.id
            return
        gate.connections.note(sender)
        flow.metadata[_VERDICT] = verdict
        flow.metadata[_REGISTERS] = live.destination.point.agent if decoded.registers else None
        if decoded.opens_callbacks:
            flow.metadata[_CHANNEL] = CallbackChannel(service=sender.address, registry=gate.registry)
        live.channel = live.allowance.refills = decoded.opens_callbacks
        # A copy: mitmproxy's server side still reads from the original whether the sender wants to keep the connection.
        flow.request = flow.request.copy()
        _rewrite(flow.request, decoded.outbound)
        flow.response = None

    def _decode(self, flow: http.HTTPFlow, live: Connection, sender: Sender, now: int) -> Decoded:
        if live.destination.point.tls is TlsMode.REQUIRED and live.identity is None:
            missing = ambiguous("no-certificate", "the service shows no certificate")
            return Decoded(refusal=live.identity_problem or missing)
        if problem := _framing_problem(flow.request, self._gate.limits):
            return Decoded(refusal=problem)
        return live.destination.decoder.decode(_request(flow.request), sender, now, live.delegation(sender))

    async def response(self, flow: http.HTTPFlow) -> None:
        """Let a forwarded call teach if the access point accepted it."""
        verdict: Verdict | None = flow.metadata.pop(_VERDICT, None)
        if verdict is None or flow.response is None:
            return
        accepted = flow.response.status_code < _FIRST_ERROR
        try:
            self._gate.enforcement.conclude(verdict, accepted=accepted)
            agent: str | None = flow.metadata.get(_REGISTERS)
            if accepted and agent is not None:
                await self._gate.on_registration(agent)
        except Exception as error:  # noqa: BLE001 -- the call has been carried out; its answer must not be lost
            self._gate.on_broken("response", error)
        if flow.response.status_code == _SWITCHING_PROTOCOLS and _CHANNEL not in flow.metadata:
            flow.kill()

    def error(self, flow: http.HTTPFlow) -> None:
        """Conclude a forwarded call that got no answer; record a request that was too malformed to be judged."""
        verdict: Verdict | None = flow.metadata.pop(_VERDICT, None)
        if verdict is not None:
            self._gate.enforcement.conclude(verdict, accepted=False)
            return
        problem = flow.error.msg if flow.error is not None else "unreadable"
        if flow.metadata.get(_JUDGED) or problem in _GONE:
            return
        try:
            self._record_malformed(flow.client_conn.id, problem, _summary(flow.request))
        except Exception as error:  # noqa: BLE001 -- it has been refused already
            self._gate.on_broken("error", error)

    def _record_malformed(self, client_id: str, problem: str, request: str) -> None:
        call = Call(
            sender=self._gate.connections[client_id].sender(self._gate.registry),
            accesses=(),
            time=self._gate.enforcement.now(),
            refusal=_malformed(problem[:_LONGEST_QUOTE]),
            request=request,
        )
        self._gate.enforcement.judge(call)

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """Judge one frame of a callback channel; it is dropped unless it may pass. No history is kept."""
        assert flow.websocket is not None  # noqa: S101 -- mitmproxy sets it before this hook
        message = flow.websocket.messages[-1]
        message.drop()
        flow.websocket.messages.clear()
        if message.injected:
            self._release_own_reply(flow, message)
            return
        try:
            channel: CallbackChannel = flow.metadata[_CHANNEL]
            if message.from_client:
                self._gate.connections[flow.client_conn.id].allowance.renew()
                content = flow.metadata.pop(_BEGUN, b"") + message.content
                frame = channel.from_service(content, text=message.is_text)
            else:
                frame = channel.from_access_point(
                    message.content, text=message.is_text, now=self._gate.enforcement.now()
                )
            if self._frame_may_pass(flow, frame):
                if not message.from_client:
                    channel.passed(frame)
                message.content = frame.canonical
                message.dropped = False
            elif frame.reply_if_refused:
                flow.metadata.setdefault(_REPLIES, deque(maxlen=_MOST_REPLIES)).append(frame.reply_if_refused)
                self._gate.inject(flow, frame.reply_if_refused)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the frame stays dropped
            message.dropped = True
            self._gate.on_broken("websocket_message", error)

    def _release_own_reply(self, flow: http.HTTPFlow, message: WebSocketMessage) -> None:
        """Send a reply of ours, and nothing else.

        mitmproxy puts it behind what a service has begun to send; that beginning is kept for when the rest comes.
        """
        replies: deque[bytes] | None = flow.metadata.get(_REPLIES)
        if not replies:
            return
        reply = replies.popleft()
        begun = message.content.removesuffix(reply)
        if begun:
            flow.metadata[_BEGUN] = flow.metadata.get(_BEGUN, b"") + begun
        message.content = reply
        message.dropped = False

    def _frame_may_pass(self, flow: http.HTTPFlow, frame: Frame) -> bool:
        if frame.access is None and frame.refusal is None:
            return True
        live = self._gate.connections[flow.client_conn.id]
        call = Call(
            sender=live.sender(self._gate.registry) if frame.access is None else _notifier(frame.access, live),
            accesses=(frame.access,) if frame.access is not None else (),
            time=self._gate.enforcement.now(),
            refusal=frame.refusal,
            request=frame.request,
            may_quarantine=False,
        )
        verdict = self._gate.enforcement.judge(call)
        if verdict.forwarded:
            self._gate.enforcement.conclude(verdict, accepted=True)
        return verdict.forwarded and bool(frame.canonical)


def _notifier(access: Access, live: Connection) -> Sender:
    """Return the sender of a notification: the owner of the node, for whom the access point vouches."""
    point = live.destination.point
    return Sender(
        address=access.source,
        service_type=access.source_type,
        strength=Strength.VOUCHED,
        ip=str(point.ipv4 or point.ipv6),
    )


def _ip(client: connection.Client) -> str:
    return client.peername[0] if client.peername else "unknown"


def _malformed(problem: str) -> Refusal:
    if "body_size_limit" in problem:
        return ambiguous("body-too-large", "the body is larger than any answer may be")
    return ambiguous("malformed-request", f"not a valid HTTP request: {problem}")


def _summary(request: http.Request) -> str:
    return f"{request.method[:16]} {request.path[:512]}"


def _framing_problem(request: http.Request, limits: Limits) -> Refusal | None:
    if request.http_version != "HTTP/1.1":
        return ambiguous("http-version", f"{request.http_version} is not spoken here")
    if request.authority:
        return ambiguous("absolute-form", "the request target is not in origin form (RFC 9112, section 3.2.1)")
    if request.trailers:
        return ambiguous("trailers", "the request carries trailers")
    if len(request.raw_content or b"") > limits.body_bytes:
        return ambiguous("body-too-large", f"the body is larger than {limits.body_bytes} bytes")
    return None


def _request(request: http.Request) -> Request:
    return Request(
        method=request.method,
        target=request.path,
        headers=tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.fields
        ),
        body=request.raw_content or b"",
    )


def _rewrite(request: http.Request, outbound: Outbound) -> None:
    """Replace the request by exactly what was judged."""
    request.method = outbound.method
    request.path = outbound.target
    request.authority = ""
    request.http_version = "HTTP/1.1"
    request.headers = http.Headers(
        [(name.encode("latin-1"), value.encode("latin-1")) for name, value in outbound.headers]
    )
    request.data.content = outbound.body
    request.trailers = None


def _response(answer: Answer) -> http.Response:
    headers = http.Headers([(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers])
    return http.Response.make(answer.status, answer.body, headers)
