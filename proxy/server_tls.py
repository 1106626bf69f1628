"""TLS of access points with `tls: server`: as web servers speak it, but nothing of it is ever unverified.

What a device shows is either the one certificate that the configuration names by its fingerprint, or one that a
declared CA has issued for a declared name (RFC 9525). ADR 0029 says why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address

from proxy.configuration import AccessPoint, KeyPair, Tls, client_ca_of
from proxy.identity import IdentityError
from proxy.revocation import RevocationsInForce
from proxy.tls import HTTP1, accept_http1, base_context, verify_with

_MOST_TOLD = 4
"""Names of a certificate that is not the one it should be."""


def fingerprint_of(der: bytes) -> str:
    """Return the fingerprint of a certificate, as the configuration has it."""
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def check_fingerprint(der: bytes, wanted: str) -> None:
    """Check that a certificate is the one that the configuration names.

    Raises:
        IdentityError: it is another one; the text names it, and the remedy.
    """
    shown = fingerprint_of(der)
    if shown != wanted:
        raise IdentityError(
            f"it shows the certificate {shown}, not the configured one -- if its certificate was renewed, read the"
            " fingerprint on the device's side of the gateway, and write that as `fingerprint`"
        )


def check_name(certificate: x509.Certificate, name: str) -> None:
    """Check that a certificate whose chain has been verified is for a host name or an IP address.

    Raises:
        IdentityError: it is for another one, or for none; the text names some that it has, and the remedy.
    """
    try:
        if _is_address(name):
            verify_certificate_ip_address(certificate, name)
        else:
            verify_certificate_hostname(certificate, name)
    except (VerificationError, CertificateError, ValueError, x509.DuplicateExtension) as error:
        raise IdentityError(
            f"its certificate is not for {name!r} but for {_names(certificate)}"
            " -- correct `name`, or have one issued with that subjectAltName"
        ) from error


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _names(certificate: x509.Certificate) -> str:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return "nothing (it has no subjectAltName)"
    told = [repr(str(each.value)[:64]) for each in found]
    return ", ".join(told[:_MOST_TOLD]) + (", ..." if len(told) > _MOST_TOLD else "")


def own_pair(point: AccessPoint, tls: Tls | None) -> KeyPair | None:
    """Return what services are shown at an access point; None: nothing was configured, which the loader refuses."""
    side = point.towards_services
    if side.certificate is not None and side.key is not None:
        return KeyPair(certificate=side.certificate, key=side.key)
    return None if tls is None else tls.towards_services


def upstream_pair(point: AccessPoint) -> KeyPair | None:
    """Return what an access point is shown that asks for a certificate; None: none is."""
    side = point.towards_access_point
    if side is None or side.certificate is None or side.key is None:
        return None
    return KeyPair(certificate=side.certificate, key=side.key)


def towards_services(point: AccessPoint, tls: Tls | None) -> SSL.Context:
    """Return the context for connections of services to one access point.

    A client certificate is asked for where there is a CA for it, and verified if shown: one that cannot be verified
    ends the handshake. Whose it is is read after that (`proxy.client_certificates`), as is whether it is revoked.

    Raises:
        TlsFilesError: a file cannot be used.
    """
    pair = own_pair(point, tls)
    if pair is None:
        raise AssertionError(f"{point.agent} has nothing to show to services")
    authority = client_ca_of(point, tls)
    context = base_context(SSL.TLS_SERVER_METHOD, pair, authority, "CA of services")
    accept_http1(context)
    if authority is None:
        context.set_verify(SSL.VERIFY_NONE)
        return context
    context.load_client_ca(str(authority).encode())
    context.set_verify(
        SSL.VERIFY_PEER | SSL.VERIFY_CLIENT_ONCE, lambda _connection, _cert, _error, _depth, ok: bool(ok)
    )
    return context


def towards_access_point(point: AccessPoint, revocations: RevocationsInForce) -> SSL.Context:
    """Return the context for connections to one access point, that accepts only what the configuration says.

    Nor a certificate of a CA that is among `revocations` at that moment. A certificate that is known by its fingerprint
    is no CA's matter: it counts until the configuration has another one, whatever its own dates say.

    Raises:
        TlsFilesError: a file cannot be used.
    """
    side = point.towards_access_point
    if side is None:
        raise AssertionError(f"nothing tells {point.agent} from an impostor")
    authority: Path | None = side.ca
    context = base_context(SSL.TLS_CLIENT_METHOD, upstream_pair(point), authority, f"CA of {point.agent}")
    context.set_alpn_protos([HTTP1])
    if side.fingerprint is not None:
        context.set_verify(SSL.VERIFY_PEER, _pinned(side.fingerprint))
    elif side.name is not None:
        name = side.name
        verifier = verify_with(lambda certificate: check_name(certificate, name), revocations)
        context.set_verify(SSL.VERIFY_PEER, verifier)
    else:
        raise AssertionError(f"nothing tells {point.agent} from an impostor")
    return context


def _pinned(fingerprint: str) -> Callable[[SSL.Connection, crypto.X509, int, int, int], bool]:
    def verify(connection: SSL.Connection, certificate: crypto.X509, _error: int, depth: int, _accepted: int) -> bool:
        if depth > 0:
            return True  # who issued it does not matter: OpenSSL asks for the certificate itself last, in any case
        try:
            check_fingerprint(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate), fingerprint)
        except IdentityError as refusal:
            connection.set_app_data(str(refusal))
            return False
        return True

    return verify
