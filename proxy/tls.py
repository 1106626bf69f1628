"""TLS contexts of both sides. Ours, not mitmproxy's: it accepts any client certificate and can only check host names.

No session is ever resumed, so that the verification here happens on every connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography import x509
from OpenSSL import SSL, crypto

from proxy.configuration import GatewayDocument, KeyPair, Tls, TlsMode
from proxy.decoders.refusals import HTTP2
from proxy.identity import IdentityError, check_knowledge_agent
from proxy.revocation import RevocationsInForce

_NO_RESUMPTION = SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION
_HTTP1 = b"http/1.1"
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL"
"""TLS 1.2 suites; the stock Knowledge Agent and its services know ECDHE with AES only."""


class TlsFilesError(Exception):
    """A certificate, key or CA file that cannot be used; the text names the file and the remedy."""


class ChainVerifier(Protocol):
    """Decides on a peer's leaf certificate after OpenSSL has accepted its chain."""

    def __call__(self, certificate: x509.Certificate) -> None:
        """Raise `IdentityError` to refuse."""
        ...


def _context(method: int, pair: KeyPair, site_ca: Path) -> SSL.Context:
    context = SSL.Context(method)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_NO_RESUMPTION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(_CIPHERS)
    try:
        context.use_certificate_chain_file(str(pair.certificate))
    except (SSL.Error, OSError) as error:
        raise TlsFilesError(
            f"{pair.certificate}: cannot be used as certificate: {_reason(error)} -- give a readable PEM chain"
        ) from error
    try:
        context.use_privatekey_file(str(pair.key))
        context.check_privatekey()
    except (SSL.Error, OSError) as error:
        raise TlsFilesError(
            f"{pair.key}: is not a readable private key of {pair.certificate}: {_reason(error)}"
            " -- give the PEM key that belongs to it"
        ) from error
    try:
        context.load_verify_locations(str(site_ca))
    except (SSL.Error, OSError) as error:
        raise TlsFilesError(
            f"{site_ca}: cannot be used as the site's CA: {_reason(error)} -- give a readable PEM file"
        ) from error
    return context


def _reason(error: SSL.Error | OSError) -> str:
    """Return what the outermost call said, in OpenSSL's words or the system's."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    queue = error.args[0] if error.args else ()
    return next((reason for _, _, reason in queue if reason), "unreadable")


def _verify_with(
    verifier: ChainVerifier, revocations: RevocationsInForce
) -> Callable[[SSL.Connection, crypto.X509, int, int, int], bool]:
    def verify(connection: SSL.Connection, certificate: crypto.X509, _error: int, depth: int, accepted: int) -> bool:
        if not accepted:
            return False
        shown = certificate.to_cryptography()
        try:
            revocations.require_valid(shown)
            if depth == 0:
                verifier(shown)
        except IdentityError as refusal:
            connection.set_app_data(str(refusal))
            return False
        return True

    return verify


def _choose_http1(connection: SSL.Connection, offered: list[bytes]) -> bytes:
    """Choose HTTP/1.1 (ALPN, RFC 7301); fail the handshake where it is not offered, rather than the call after it."""
    if _HTTP1 in offered:
        return _HTTP1
    connection.set_app_data(HTTP2 if b"h2" in offered else f"none of {b', '.join(offered)[:64]!r} is spoken here")
    raise SSL.Error("no protocol in common")


def towards_services(tls: Tls) -> SSL.Context:
    """Return the context for connections of services: a client certificate is asked for and verified if shown.

    A service that shows none is let through the handshake, as Knowledge Agents do, and its calls are refused with the
    middleware's own answer; one that shows a certificate we cannot verify is cut off. The identity itself is read
    after the handshake (`proxy.identity.service_identity`), and so is whether it is revoked, which the answer tells.

    Raises:
        TlsFilesError: a file cannot be used.
    """
    context = _context(SSL.TLS_SERVER_METHOD, tls.towards_services, tls.site_ca)
    context.load_client_ca(str(tls.site_ca).encode())
    context.set_alpn_select_callback(_choose_http1)
    context.set_verify(
        SSL.VERIFY_PEER | SSL.VERIFY_CLIENT_ONCE, lambda _connection, _cert, _error, _depth, ok: bool(ok)
    )
    return context


def towards_access_point(tls: Tls, agent: str, revocations: RevocationsInForce) -> SSL.Context:
    """Return the context for connections to Knowledge Agent `agent`: only that agent's certificate is accepted.

    Not if a certificate of its chain is among `revocations` at that moment.

    Raises:
        TlsFilesError: a file cannot be used.
    """
    context = _context(SSL.TLS_CLIENT_METHOD, tls.towards_access_points, tls.site_ca)
    verifier = _verify_with(lambda certificate: check_knowledge_agent(certificate, agent), revocations)
    context.set_verify(SSL.VERIFY_PEER, verifier)
    return context


@dataclass(frozen=True)
class TlsContexts:
    """The contexts of both sides; towards access points one for each agent."""

    towards_services: SSL.Context
    towards_access_points: Mapping[str, SSL.Context]


def contexts(document: GatewayDocument, revocations: RevocationsInForce) -> TlsContexts | None:
    """Return the contexts that a configuration needs; None where nothing speaks TLS.

    They follow what becomes of `revocations`.

    Raises:
        TlsFilesError: a file cannot be used.
    """
    if document.tls is None:
        return None
    secured = [point.agent for point in document.access_points if point.tls is TlsMode.REQUIRED]
    return TlsContexts(
        towards_services=towards_services(document.tls),
        towards_access_points={agent: towards_access_point(document.tls, agent, revocations) for agent in secured},
    )


def refusal_of(connection: SSL.Connection) -> str | None:
    """Return why a check of our own refused the peer, None where OpenSSL's did or none did."""
    reason = connection.get_app_data()
    return reason if isinstance(reason, str) else None
