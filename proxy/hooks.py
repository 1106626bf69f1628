"""Our addon in mitmproxy: deny first, release only on an explicit allow.

mitmproxy logs and swallows what a hook raises, and then goes on as if the hook had agreed (docs/adr/0002). So every
hook first sets the refusal, and lifts it as its last step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from mitmproxy import connection, tls
from mitmproxy.proxy import layer, layers, server_hooks
from OpenSSL import SSL

from policy.quarantine import identity_of
from proxy.configuration import Limits, TlsMode
from proxy.connections import Connection, ConnectionTable, Destination, TooManyConnections
from proxy.decoders.refusals import ambiguous
from proxy.decoders.vsl_frames import LARGEST_FRAME
from proxy.http1.bad_message import BadMessage
from proxy.http1.deadlines import Deadline, Phase
from proxy.http1.head import HeadLimits
from proxy.http1.layer import Http1Layer
from proxy.http1.request_reader import Authority, RequestReader
from proxy.identity import IdentityError, service_identity
from proxy.judging import ConnectionJudge, Judging
from proxy.layers import BoundedClientTls, BoundedServerTls, RefusingLayer
from proxy.registry import SiteRegistry
from proxy.tls import TlsContexts, refusal_of

_LONGEST_QUOTE = 200
HEAD_LIMITS = HeadLimits(line_bytes=8 * 1024, head_bytes=16 * 1024, fields=64)
"""Of a request. Services send a few hundred bytes."""

OriginalDestination = tuple[str, int]


@dataclass(frozen=True)
class Gatekeeper:
    """What the hooks need, and what they tell."""

    judging: Judging
    registry: SiteRegistry
    destinations: Mapping[OriginalDestination, Destination]
    connections: ConnectionTable
    contexts: TlsContexts | None
    limits: Limits
    on_tls_refusal: Callable[[str, str], None]
    """Called with network address and reason for each handshake that failed, on either side."""
    on_crowd: Callable[[str], None]
    """Called with one line when a connection was refused because there are too many."""
    on_registration: Callable[[str], Awaitable[None]]
    """Called with the agent after a service has registered there."""


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
            live = Connection(ip=_ip(client), destination=destination, deadline=Deadline(deadlines(self._gate.limits)))
            self._gate.connections.open(client.id, live)
        except TooManyConnections as crowd:
            self._gate.on_crowd(str(crowd))
            return
        client.error = None

    def client_disconnected(self, client: connection.Client) -> None:
        """Forget a connection."""
        self._gate.connections.close(client.id)

    def next_layer(self, data: layer.NextLayer) -> None:
        """Choose the layers by what the access point declares; nothing is inferred from bytes."""
        context = data.context
        # A layer adds itself to its context; this one is given a copy, to leave no trace if it is replaced.
        data.layer = RefusingLayer(context.fork())
        address = context.server.address
        destination = self._destination(address)
        if destination is None or address is None:
            return
        client = context.client
        limits = self._gate.limits
        waiting = 2 * max(limits.body_bytes, LARGEST_FRAME) + HEAD_LIMITS.head_bytes
        if isinstance(context.layers[-1], layers.modes.TransparentProxy):
            if destination.point.tls is TlsMode.REQUIRED:
                upstream = BoundedServerTls(context, waiting)
                upstream.child_layer = BoundedClientTls(context)
                data.layer = upstream
                return
        elif not client.tls_established:
            return
        live = self._gate.connections[client.id]
        data.layer = Http1Layer(
            context,
            judge=ConnectionJudge(self._gate.judging, live),
            requests=RequestReader(Authority(*address), HEAD_LIMITS, limits.body_bytes),
            deadline=live.deadline,
            answer_bytes=limits.answer_bytes,
            message_bytes=LARGEST_FRAME,
            waiting_bytes=waiting,
        )

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
        self._gate.judging.on_sighting(live.ip, identity_of(live.sender(self._gate.registry)))

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

    async def registered(self, agent: str) -> None:
        """Learn the types of what a service registered, before it hears that it may go on."""
        try:
            await self._gate.on_registration(agent)
        except Exception as error:  # noqa: BLE001 -- the call has been carried out; its answer must not be lost
            self._gate.judging.on_broken("registered", error)

    def expired(self, client_id: str, phase: Phase) -> None:
        """Record that a connection is cut because it did not go on in time, where somebody began something."""
        try:
            live = self._gate.connections[client_id]
            live.deadline.stop()
            seconds = deadlines(self._gate.limits)[phase]
            if phase is Phase.HANDSHAKE:
                self._gate.on_tls_refusal(live.ip, f"the handshake took longer than {seconds:g} s")
            elif phase in {Phase.HEAD, Phase.BODY}:
                problem = BadMessage("too-slow", f"the {phase} of the request took longer than {seconds:g} s")
                ConnectionJudge(self._gate.judging, live).malformed(problem, "")
        except Exception as error:  # noqa: BLE001 -- a full audit log must not end whoever cuts slow connections
            self._gate.judging.on_broken("expired", error)


def deadlines(limits: Limits) -> Mapping[Phase, float]:
    """Return how long each phase of a connection may take, in seconds."""
    return {
        Phase.HANDSHAKE: limits.handshake_seconds,
        Phase.FIRST_REQUEST: limits.first_request_seconds,
        Phase.HEAD: limits.head_seconds,
        Phase.BODY: limits.body_seconds,
        Phase.ANSWER: limits.answer_seconds,
        Phase.IDLE: limits.idle_seconds,
        Phase.CHANNEL: limits.idle_seconds,
    }


def _ip(client: connection.Client) -> str:
    return client.peername[0] if client.peername else "unknown"
