"""The TLS contexts of all access points, and the connections that are made with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from OpenSSL import SSL

from proxy import server_tls, tls
from proxy.configuration import GatewayDocument, TlsMode
from proxy.revocation import RevocationsInForce


@dataclass(frozen=True)
class TlsContexts:
    """The contexts of both sides, by agent. An access point without TLS has none, and gets no handshake."""

    towards_services: Mapping[str, SSL.Context]
    towards_access_points: Mapping[str, SSL.Context]
    server_names: Mapping[str, str] = field(default_factory=dict)
    """Which host an access point is asked for (SNI), where it has a name. Never what a service asks for."""

    def to_service(self, agent: str) -> SSL.Connection | None:
        """Return our end of a handshake with a service that calls an access point; None where there is none."""
        context = self.towards_services.get(agent)
        if context is None:
            return None
        made = SSL.Connection(context)
        made.set_accept_state()
        return made

    def to_access_point(self, agent: str) -> SSL.Connection | None:
        """Return our end of a handshake with an access point; None where there is none."""
        context = self.towards_access_points.get(agent)
        if context is None:
            return None
        made = SSL.Connection(context)
        name = self.server_names.get(agent)
        if name is not None:
            made.set_tlsext_host_name(name.encode("ascii"))
        made.set_connect_state()
        return made


def contexts(document: GatewayDocument, revocations: RevocationsInForce) -> TlsContexts:
    """Return the contexts that a configuration needs.

    They follow what becomes of `revocations`.

    Raises:
        TlsFilesError: a file cannot be used.
    """
    services: dict[str, SSL.Context] = {}
    access_points: dict[str, SSL.Context] = {}
    names: dict[str, str] = {}
    of_agents: SSL.Context | None = None
    for point in document.access_points:
        match point.tls:
            case TlsMode.REQUIRED if document.tls is not None:
                of_agents = of_agents or tls.towards_services(document.tls)
                services[point.agent] = of_agents
                access_points[point.agent] = tls.towards_access_point(document.tls, point.agent, revocations)
            case TlsMode.SERVER:
                services[point.agent] = server_tls.towards_services(point, document.tls)
                access_points[point.agent] = server_tls.towards_access_point(point, revocations)
                side = point.towards_access_point
                if side is not None and side.server_name is not None:
                    names[point.agent] = side.server_name
    return TlsContexts(services, access_points, names)
