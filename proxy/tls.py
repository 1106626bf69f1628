"""TLS contexts of both sides. Ours, not mitmproxy's: it accepts any client certificate and can only check host names.

No session is ever resumed, so that the verification here happens on every connection.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cryptography import x509
from OpenSSL import SSL, crypto

from proxy.configuration import KeyPair, Tls
from proxy.decoders.refusals import HTTP2
from proxy.identity import IdentityError, check_knowledge_agent
from proxy.revocation import RevocationsInForce

_NO_RESUMPTION = SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION
HTTP1 = b"http/1.1"
"""As ALPN names it."""
_CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL"
"""TLS 1.2 suites; the stock Knowledge Agent and its services know ECDHE with AES only."""


class TlsFilesError(Exception):
    """A certificate, key or CA file that cannot be used; the text names the file and the remedy."""


class ChainVerifier(Protocol):
    """Decides on a peer's leaf certificate after OpenSSL has accepted its chain."""

    def __call__(self, certificate: x509.Certificate) -> None:
        """Raise `IdentityError` to refuse."""
        ...


def base_context(method: int, pair: KeyPair | None, authority: Path | None, what: str = "site's CA") -> SSL.Context:
    """Return a context with what holds on either side, everywhere: versions, suites, no resumption.

    Args:
        method: Of the server or the client.
        pair: What is shown.
        authority: Against which CA the other side is verified, once the caller says so; None: against none.
        what: It is, for messages.

    Raises:
        TlsFilesError: a file cannot be used.
    """
    context = SSL.Context(method)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_NO_RESUMPTION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(_CIPHERS)
    if pair is not None:
        _show(context, pair)
    if authority is not None:
        try:
            context.load_verify_locations(str(authority))
        except (SSL.Error, OSError) as error:
            raise TlsFilesError(
                f"{authority}: cannot be used as the {what}: {_reason(error)} -- give a readable PEM file"
            ) from error
    return context


def _show(context: SSL.Context, pair: KeyPair) -> None:
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


def _reason(error: SSL.Error | OSError) -> str:
    """Return what the outermost call said, in OpenSSL's words or the system's."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    queue = error.args[0] if error.args else ()
    return next((reason for _, _, reason in queue if reason), "unreadable")


def verify_with(
    verifier: ChainVerifier, revocations: RevocationsInForce
) -> Callable[[SSL.Connection, crypto.X509, int, int, int], bool]:
    """Return what OpenSSL asks for each certificate of a chain: it, revocations and the verifier must all agree."""

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
    if HTTP1 in offered:
        return HTTP1
    connection.set_app_data(HTTP2 if b"h2" in offered else f"none of {b', '.join(offered)[:64]!r} is spoken here")
    raise SSL.Error("no protocol in common")


def accept_http1(context: SSL.Context) -> None:
    """Have a context of our server choose HTTP/1.1, and nothing else."""
    context.set_alpn_select_callback(_choose_http1)


def towards_services(tls: Tls) -> SSL.Context:
    """Return the context for connections of services: a client certificate is asked for and verified if shown.

    A service that shows none is let through the handshake, as Knowledge Agents do, and its calls are refused with the
    middleware's own answer; one that shows a certificate we cannot verify is cut off. The identity itself is read
    after the handshake (`proxy.identity.service_identity`), and so is whether it is revoked, which the answer tells.

    Raises:
        TlsFilesError: a file cannot be used.
    """
    site_ca, pair, _ = tls.of_agents()
    context = base_context(SSL.TLS_SERVER_METHOD, pair, site_ca)
    context.load_client_ca(str(site_ca).encode())
    accept_http1(context)
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
    site_ca, _, pair = tls.of_agents()
    context = base_context(SSL.TLS_CLIENT_METHOD, pair, site_ca)
    verifier = verify_with(lambda certificate: check_knowledge_agent(certificate, agent), revocations)
    context.set_verify(SSL.VERIFY_PEER, verifier)
    return context


def refusal_of(connection: SSL.Connection) -> str | None:
    """Return why a check of our own refused the peer, None where OpenSSL's did or none did."""
    reason = connection.get_app_data()
    return reason if isinstance(reason, str) else None
