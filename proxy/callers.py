"""Who makes a call: the service whose connection it is, or the one for whom a peer Knowledge Agent makes it."""

from __future__ import annotations

import msgspec

from policy.verdict import Refusal, Sender, Strength
from proxy.configuration import TlsMode
from proxy.connections import Connection
from proxy.decoders import vsl_delegation
from proxy.decoders.base import Request
from proxy.decoders.refusals import ambiguous
from proxy.decoders.vsl_delegation import BadDelegation
from proxy.identity import SYSTEM, Identity
from proxy.registry import SiteRegistry

_SERVICE_INTERFACE = "/service/"


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
    teaches: bool = True
    """False where the call was learnt at another gateway before it came here."""
    may_quarantine: bool = True
    """False for a peer: many services depend on it."""
    agent: bool = False
    """It is a peer's own call."""


def caller_of(request: Request, live: Connection, registry: SiteRegistry) -> Caller:
    """Return who makes a call on a connection; never raises on hostile input."""
    own = live.sender(registry)
    if live.peer is None:
        return Caller(own, own, live.delegation(own), request)
    known_by_address = live.destination.point.tls is TlsMode.PLAIN
    named = [value for name, value in request.headers if name == vsl_delegation.HEADER]
    if not named and known_by_address:
        # No certificate says that this is the agent: services on its host must not get its rights.
        service = live.at_address(registry)
        return Caller(service, own, live.delegation(service), request)
    if len(named) != 1:
        # None: the peer acts for itself. Several: the decoder refuses what it finds twice.
        return _peer(own, live, request)
    headers = tuple(field for field in request.headers if field[0] != vsl_delegation.HEADER)
    bare = msgspec.structs.replace(request, headers=headers)
    try:
        identity = vsl_delegation.parse(named[0])
        if identity.agent and identity.client_id == live.peer.agent:
            return _peer(own, live, bare)
        _require_a_service(identity)
    except BadDelegation as bad:
        return _refused(own, own, bare, ambiguous("bad-delegation", str(bad)))
    address = f"/{live.peer.agent}/{identity.client_id}"
    sender = Sender(
        address=address,
        service_type=registry.service_type(address),
        strength=Strength.VOUCHED,
        ip=live.ip,
        client_id=identity.client_id,
    )
    if request.target.startswith(_SERVICE_INTERFACE):
        detail = "a service registers at its own access point, not through a peer"
        return _refused(sender, own, bare, ambiguous("peer-registration", detail))
    return Caller(sender, own, identity.delegation(), bare, teaches=not live.peer.guarded)


def _require_a_service(identity: Identity) -> None:
    if identity.agent:
        raise BadDelegation(f"a peer may act for itself and for services, not for the agent {identity.client_id!r}")
    if SYSTEM in identity.access_ids:
        raise BadDelegation(f"the access ids claim {SYSTEM!r}, which only Knowledge Agents have")


def _peer(own: Sender, live: Connection, request: Request) -> Caller:
    return Caller(own, own, live.delegation(own), request, may_quarantine=False, agent=True)


def _refused(sender: Sender, owner: Sender, request: Request, refusal: Refusal) -> Caller:
    return Caller(sender, owner, None, request, refusal, may_quarantine=False)
