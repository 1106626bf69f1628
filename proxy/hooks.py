"""Our addon in mitmproxy: deny first, release only on an explicit allow.

mitmproxy logs and swallows what a hook raises, and then goes on as if the hook had agreed (docs/adr/0002). So every
hook first sets the refusal, and lifts it as its last step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from mitmproxy import connection, tls
from mitmproxy.proxy import layer, layers, server_hooks

from policy.quarantine import identity_of
from policy.verdict import Sender, Strength
from proxy.client_certificates import ClientCertificates, ShownCertificate
from proxy.configuration import Limits, Tls, TlsMode, client_ca_of
from proxy.connections import Connection, ConnectionTable, Destination, TooManyConnections
from proxy.decoders.refusals import ambiguous, unsupported
from proxy.http1.bad_message import BadMessage
from proxy.http1.deadlines import Deadline, Phase
from proxy.http1.head import HeadLimits
from proxy.http1.layer import Http1Layer
from proxy.http1.relay import MessageLimits
from proxy.http1.request_reader import Authority, RequestReader
from proxy.http1.room import BodyLimits, Room
from proxy.identity import IdentityError, service_identity
from proxy.judging import ConnectionJudge, Judging
from proxy.layers import BoundedClientTls, BoundedServerTls, RefusingLayer
from proxy.peers import NotAPeerError, Peers
from proxy.registry import SiteRegistry, agent_of, key_name
from proxy.revocation import RevocationsInForce, key_of
from proxy.tls import refusal_of
from proxy.tls_contexts import TlsContexts

_LONGEST_QUOTE = 400
_REMEDY = " -- see that it speaks TLS at that port, and that `ca` issued its certificate"
_ENVELOPE = 4 * 1024
"""Bytes of a callback message besides a node: ids, address, whose call it was."""
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
    peers: Peers
    contexts: TlsContexts
    certificates: ClientCertificates
    agents: Mapping[str, TlsMode]
    """The access points that are Knowledge Agents, and how they are called."""
    tls: Tls | None
    """Where the CA of services' certificates stands, where an access point has none of its own."""
    revocations: RevocationsInForce
    limits: Limits
    on_tls_refusal: Callable[[str, str], None]
    """Called with network address and reason for each handshake that failed, on either side."""
    on_impostor: Callable[[str, str], None]
    """Called with the agent and the reason, too, where it was a handshake with an access point."""
    on_conflict: Callable[[Sender, list[str]], None]
    """Called with a sender and its inventoried network addresses when its certificate is shown from another one; with
    none where the address is inventoried as another's."""
    on_crowd: Callable[[str], None]
    """Called with one line when a connection was refused because there are too many."""
    on_registration: Callable[[str], Awaitable[None]]
    """Called with the agent after a service has registered there."""


class Hooks:
    """mitmproxy's hooks, in the order in which a connection meets them."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        self._gate = gatekeeper
        self._room = Room(gatekeeper.limits.stream_bytes_together)

    def client_connected(self, client: connection.Client) -> None:
        """Close a new connection unless it was redirected here from a declared access point, and there is room."""
        client.error = "refused"
        destination = self._destination(client.sockname)
        if destination is None or client.peername is None:
            return
        try:
            ip = _ip(client)
            live = Connection(ip=ip, destination=destination, deadline=Deadline(deadlines(self._gate.limits)))
            if destination.point.tls is TlsMode.PLAIN and destination.decoder.agency is not None:
                live.peer = self._gate.peers.at(ip)
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
        messages = message_limits(limits)
        waiting = 2 * messages.of_service + HEAD_LIMITS.head_bytes
        if isinstance(context.layers[-1], layers.modes.TransparentProxy):
            if destination.point.tls is not TlsMode.PLAIN:
                upstream = BoundedServerTls(context, waiting)
                upstream.child_layer = BoundedClientTls(context)
                data.layer = upstream
                return
        elif not client.tls_established:
            return
        live = self._gate.connections[client.id]
        bodies = BodyLimits(limits.body_bytes, limits.stream_bytes)
        live.requests = requests = RequestReader(Authority(*address), HEAD_LIMITS, bodies, self._room)
        data.layer = Http1Layer(
            context,
            judge=ConnectionJudge(self._gate.judging, live),
            requests=requests,
            deadline=live.deadline,
            answers=BodyLimits(limits.answer_bytes, limits.stream_bytes),
            messages=messages,
            waiting_bytes=waiting,
        )

    def _destination(self, address: tuple[str, int] | None) -> Destination | None:
        return None if address is None else self._gate.destinations.get((address[0], address[1]))

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Give the handshake with a service our end of it; without one mitmproxy fails the connection.

        Which one follows from where the connection was redirected from, and never from the name that it asks for (SNI).
        """
        live = self._gate.connections[data.context.client.id]
        data.ssl_conn = self._gate.contexts.to_service(live.destination.point.agent)

    def tls_established_client(self, data: tls.TlsData) -> None:
        """Read the identity of the service, or of the peer, from its verified certificate."""
        live = self._gate.connections[data.context.client.id]
        live.identity_problem = ambiguous("identity-not-read", "the certificate has not been read")
        shown = data.ssl_conn.get_peer_certificate(as_cryptography=True) if data.ssl_conn else None
        if shown is None:
            wanted = live.destination.point.wants_certificates
            live.identity_problem = ambiguous("no-certificate", "the service shows no certificate") if wanted else None
            return
        if live.destination.point.tls is TlsMode.SERVER:
            # Until more is known, and where it is good for nothing: not the call of who has that address, or a token.
            live.certify(ShownCertificate(None))
        chain = _verified_chain(data)
        _note_chain(live, chain)
        revoked = self._gate.revocations.problem(chain)
        if revoked is not None:
            live.identity_problem = ambiguous(
                "revoked-certificate", f"the certificate establishes no identity: {revoked}"
            )
            return
        try:
            self._read_identity(shown, live)
        except NotAPeerError as error:
            live.identity_problem = ambiguous("not-a-peer", f"the certificate is of no peer: {error}")
            return
        except IdentityError as error:
            live.identity_problem = ambiguous("bad-certificate", f"the certificate establishes no identity: {error}")
            return
        sender = live.sender(self._gate.registry)
        if live.peer is None and sender.strength is Strength.CERTIFICATE:
            self._look_where(sender, live)
        if live.misplaced is None and sender.strength is not Strength.UNKNOWN:
            self._sight(sender)
        live.identity_problem = None

    def _read_identity(self, shown: x509.Certificate, live: Connection) -> None:
        """Read from a verified certificate whose it is, by what counts at the access point that was called.

        Raises:
            IdentityError: it establishes no identity there.
        """
        point, certificates, tls = live.destination.point, self._gate.certificates, self._gate.tls
        if point.tls is TlsMode.SERVER:
            authority = client_ca_of(point, tls)
            if authority is None:
                raise IdentityError("no CA was configured that could have verified it")
            service = certificates.service_of(shown, authority)
            live.certify(ShownCertificate(service, self._client_id(service)))
            return
        if live.destination.decoder.agency is not None:
            live.peer = self._gate.peers.of_certificate(shown, live.ip)
        live.identity = service_identity(shown) if live.peer is None else None
        if live.identity is not None and tls is not None and tls.site_ca is not None:
            own = f"/{point.agent}/{live.identity.client_id}"
            others = {each for each in certificates.services_of(shown, tls.site_ca) if not self._is_same(each, own)}
            if others:
                detail = f"the inventory has the certificate for {' and for '.join(sorted(others))}, which is not {own}"
                live.misplaced = unsupported("identity-conflict", detail)

    def _client_id(self, service: str | None) -> str | None:
        """Return the id of a service that shows its certificate to Knowledge Agents too: a quarantine is for both."""
        if service is None or self._gate.agents.get(agent_of(service)) is not TlsMode.REQUIRED:
            return None
        return key_name(service)

    def _is_same(self, inventoried: str, own: str) -> bool:
        """Tell whether a service of the inventory is, as it calls a Knowledge Agent, the service `own`.

        A service calls several Knowledge Agents by one name, each time as one of theirs.
        """
        return agent_of(inventoried) in self._gate.agents and key_name(inventoried) == key_name(own)

    def _look_where(self, sender: Sender, live: Connection) -> None:
        """Tell of a service that the inventory has elsewhere: it has moved, or somebody else has its key."""
        registry = self._gate.registry
        known = registry.own_places(sender.address) if live.certified else registry.whereabouts(sender.address)
        if live.certified and not known.ips and registry.only_service_at(sender.ip) not in {None, sender.address}:
            self._gate.on_conflict(sender, [])
        if not known.ips or sender.ip in known.ips:
            return
        places = sorted(known.ips)
        if known.only_here:
            live.misplaced = unsupported(
                "identity-conflict",
                f"the inventory has {sender.client_id or sender.address} at {', '.join(places)} only",
            )
        self._gate.on_conflict(sender, places)

    def _sight(self, sender: Sender) -> None:
        """Tell who is there before it asks for anything: another's quarantine must not cut off this one's address."""
        judging = self._gate.judging
        try:
            judging.on_sighting(sender, identity_of(sender))
        except Exception as error:  # noqa: BLE001 -- who it is has been established; its next call tells it again
            judging.on_broken("sighting", error)

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """Record a service whose certificate was refused."""
        own_reason = refusal_of(data.ssl_conn) if data.ssl_conn else None
        reason = own_reason or data.conn.error or "the TLS handshake failed"
        self._gate.on_tls_refusal(_ip(data.context.client), reason[:_LONGEST_QUOTE])

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Connect to declared access points only."""
        data.server.error = "refused"
        if self._destination(data.server.address) is not None:
            data.server.error = None

    def tls_start_server(self, data: tls.TlsData) -> None:
        """Give the handshake with an access point the end of it that accepts only that one."""
        destination = self._destination(data.context.server.address)
        if destination is not None:
            data.ssl_conn = self._gate.contexts.to_access_point(destination.point.agent)

    def tls_established_server(self, data: tls.TlsData) -> None:
        """Note who the access point is, so that the connection can end with its certificate."""
        live = self._gate.connections[data.context.client.id]
        side = live.destination.point.towards_access_point
        if side is None or side.fingerprint is None:  # what is known by its fingerprint is no CA's matter
            _note_chain(live, _verified_chain(data))

    def tls_failed_server(self, data: tls.TlsData) -> None:
        """Record an access point that is not the one it should be."""
        own_reason = refusal_of(data.ssl_conn) if data.ssl_conn else None
        address = data.context.server.address
        destination = self._destination(address)
        reason = own_reason or data.conn.error or "the TLS handshake failed"
        if own_reason is None and destination is not None and destination.point.tls is TlsMode.SERVER:
            reason += _REMEDY
        self._gate.on_tls_refusal(address[0] if address else "unknown", reason[:_LONGEST_QUOTE])
        if destination is not None:
            self._gate.on_impostor(destination.point.agent, reason[:_LONGEST_QUOTE])

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
                begun = None if live.requests is None else live.requests.begun
                line = "" if begun is None else f"{begun.method} {begun.target[:512]}"
                ConnectionJudge(self._gate.judging, live).malformed(problem, line, begun)
        except Exception as error:  # noqa: BLE001 -- a full audit log must not end whoever cuts slow connections
            self._gate.judging.on_broken("expired", error)


def message_limits(limits: Limits) -> MessageLimits:
    """Return how large the messages of callback channels may be: a body of `limits.body_bytes`, and what is around it.

    What a service writes to a virtual node comes to its owner in a message, perhaps in JSON where it was CBOR, in which
    a byte may take six. Whoever may write must not be able to cut the owner's channel by that.
    """
    return MessageLimits(limits.body_bytes + _ENVELOPE, 6 * limits.body_bytes + _ENVELOPE)


def deadlines(limits: Limits) -> Mapping[Phase, float]:
    """Return how long each phase of a connection may take, in seconds."""
    return {
        Phase.HANDSHAKE: limits.handshake_seconds,
        Phase.FIRST_REQUEST: limits.first_request_seconds,
        Phase.HEAD: limits.head_seconds,
        Phase.BODY: limits.body_seconds,
        Phase.ANSWER: limits.answer_seconds,
        Phase.LASTING: limits.lasting_seconds,
        Phase.IDLE: limits.idle_seconds,
        Phase.CHANNEL: limits.idle_seconds,
    }


def _verified_chain(data: tls.TlsData) -> Sequence[x509.Certificate]:
    """Return the certificates of the other side from its own to the CA's."""
    return (data.ssl_conn and data.ssl_conn.get_verified_chain(as_cryptography=True)) or ()


def _note_chain(live: Connection, chain: Sequence[x509.Certificate]) -> None:
    live.certificates += tuple(map(key_of, chain))
    live.valid_until = min([live.valid_until, *(each.not_valid_after_utc.timestamp() for each in chain)])


def _ip(client: connection.Client) -> str:
    return client.peername[0] if client.peername else "unknown"
