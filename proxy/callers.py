"""Who makes a call: the service whose connection it is, the one whose token it has, or the one that a peer names."""

from __future__ import annotations

import msgspec

from policy.verdict import Refusal, Sender, Strength
from proxy.configuration import Peer, TlsMode
from proxy.connections import Connection
from proxy.decoders.base import OnBehalf, Request
from proxy.decoders.refusals import ambiguous, unsupported
from proxy.identity import SYSTEM, Identity
from proxy.inference import Inference
from proxy.registry import SiteRegistry
from proxy.tokens import hash_of

_ABOVE_TOKENS = frozenset({Strength.CERTIFICATE, Strength.MAC_AND_IP})
"""What counts more than a token, which whoever reads a call without TLS can copy."""


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who makes one call."""

    sender: Sender
    """Who is judged."""
    owner: Sender
    """Whose connection it is: the sender, or the peer that calls for it."""
    delegation: str | None
    """The credential with which the access point takes the call for the sender's."""
    request: Request
    """What was asked, without a credential that was read here."""
    refusal: Refusal | None = None
    """Why nobody can be judged for it."""
    misplaced: Refusal | None = None
    """Why the sender may not make it, whatever it is."""
    teaches: bool = True
    """False where the call was learnt at another gateway before it came here."""
    may_quarantine: bool = True
    """False for a peer: many services depend on it."""
    agent: bool = False
    """It is a peer's own call."""


def caller_of(request: Request, live: Connection, registry: SiteRegistry) -> Caller:
    """Return who makes a call on a connection; never raises on hostile input."""
    own = live.sender(registry)
    decoder = live.destination.decoder
    if live.peer is None:
        token = decoder.credential(request)
        if token is not None:
            return _by_token(token, own, live, request, registry)
        return Caller(own, own, live.delegation(own), request)
    if decoder.agency is None:
        raise AssertionError(f"{live.peer.agent} is a peer of an access point that has none")
    return _by_peer(decoder.agency.on_behalf(request), own, live, live.peer, registry)


def with_type(caller: Caller, inference: Inference, now: int) -> Caller:
    """Return a caller with the type that is inferred for it, where nobody knows it and the inventory has rules.

    `now` is event time in milliseconds.
    """
    if caller.sender.service_type is not None:
        return caller
    sender = inference.of(caller.sender, caller.request, now)
    return caller if sender is caller.sender else msgspec.structs.replace(caller, sender=sender)


def _by_peer(named: OnBehalf, own: Sender, live: Connection, peer: Peer, registry: SiteRegistry) -> Caller:
    """Return who makes a call on a peer's connection."""
    known_by_address = live.destination.point.tls is TlsMode.PLAIN
    if not named.credentials and known_by_address:
        # No certificate says that this is the agent: services on its host must not get its rights.
        service = live.at_address(registry)
        return Caller(service, own, live.delegation(service), named.request)
    if named.credentials != 1:
        # None: the peer acts for itself. Several: the decoder refuses what it finds twice.
        return _peer(own, live, named.request)
    bare, identity = named.request, named.identity
    if identity is None:
        return _refused(own, own, bare, ambiguous("bad-delegation", named.problem))
    if identity.agent and identity.client_id == peer.agent:
        return _peer(own, live, bare)
    problem = _no_service(identity)
    if problem is not None:
        return _refused(own, own, bare, ambiguous("bad-delegation", problem))
    address = f"/{peer.agent}/{identity.client_id}"
    sender = Sender(
        address=address,
        service_type=registry.service_type(address),
        strength=Strength.VOUCHED,
        ip=live.ip,
        client_id=identity.client_id,
    )
    if named.registers:
        detail = "a service registers at its own access point, not through a peer"
        return _refused(sender, own, bare, ambiguous("peer-registration", detail))
    return Caller(sender, own, identity.delegation(), bare, teaches=not peer.guarded)


def _by_token(token: str, own: Sender, live: Connection, request: Request, registry: SiteRegistry) -> Caller:
    """Return who makes a call with an API token: whoever the inventory has it for, unless stronger evidence differs.

    A token that is used where its service is not is not told apart from one that was stolen. Whoever the address stands
    for answers for it, so that a thief cannot have its owner shut out; and where the inventory has no address for the
    owner, nobody is put in quarantine for it.
    """
    service = registry.service_of_token(hash_of(token))
    if service is None or service == own.address:
        if service is not None and own.strength is Strength.IP:
            own = msgspec.structs.replace(own, strength=Strength.API_TOKEN)
        return Caller(own, own, None, request)
    places = registry.places(service)
    if places and live.ip not in places:
        detail = f"the API token is that of {service}, which the inventory has at {', '.join(places)} only"
    elif own.strength in _ABOVE_TOKENS:
        detail = f"the API token is that of {service}, and the call comes from {own.address} ({own.strength})"
    elif live.certified is not None:
        detail = f"the API token is that of {service}, and the certificate is one that the inventory has for nobody"
    else:
        known = registry.service_type(service)
        sender = Sender(address=service, service_type=known, strength=Strength.API_TOKEN, ip=live.ip)
        return Caller(sender, sender, None, request, may_quarantine=bool(places))
    return Caller(own, own, None, request, misplaced=unsupported("identity-conflict", detail))


def _no_service(identity: Identity) -> str | None:
    """Return why a peer may not act for somebody; None where it may."""
    if identity.agent:
        return f"a peer may act for itself and for services, not for the agent {identity.client_id!r}"
    if SYSTEM in identity.access_ids:
        return f"the access ids claim {SYSTEM!r}, which only Knowledge Agents have"
    return None


def _peer(own: Sender, live: Connection, request: Request) -> Caller:
    return Caller(own, own, live.delegation(own), request, may_quarantine=False, agent=True)


def _refused(sender: Sender, owner: Sender, request: Request, refusal: Refusal) -> Caller:
    return Caller(sender, owner, None, request, refusal, may_quarantine=False)
