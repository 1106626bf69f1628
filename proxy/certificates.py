"""The gateway's own certificates: can the files be used, and will the other sides accept what is in them?

A certificate that the other side refuses would otherwise show only once calls fail, one handshake after the other.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from proxy.configuration import AccessPoint, GatewayDocument, KeyPair, Tls, TlsMode, client_ca_of
from proxy.identity import IdentityError, is_knowledge_agent, require_usage
from proxy.server_tls import own_pair, upstream_pair

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which its Python binding does not name."""
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR})
_RENEW = "renew it"
_AGENT_REMEDY = "have the site's CA issue a Knowledge Agent's certificate for the gateway"


def problems(document: GatewayDocument, now: datetime) -> list[str]:
    """Return everything wrong with the gateway's certificates at real time `now`, one line each, with the remedy."""
    found: list[str] = []
    if document.tls is not None:
        found += of_section(document.tls, now)
    for point in document.access_points:
        if point.tls is TlsMode.SERVER:
            found += _of_point(point, document.tls, now)
    # The same files may serve towards both sides, and at several access points.
    return list(dict.fromkeys(found))


def of_section(tls: Tls, now: datetime) -> list[str]:
    """Return the same of the section `tls` alone."""
    found: list[str] = []
    authorities, unusable = _authorities(tls.site_ca, "site's CA")
    found += unusable
    if tls.towards_services is not None:
        found += _towards_services(tls.towards_services, now)
    if tls.towards_access_points is not None:
        pair = tls.towards_access_points
        chain, unusable = _usable(pair, now)
        found += unusable
        if chain:
            found += [f"{pair.certificate}: {line}" for line in _agent_problems(chain[0])]
        if chain and authorities:
            found += [f"{pair.certificate}: {line}" for line in _issuer_problems(chain, authorities, tls, now)]
    return list(dict.fromkeys(found))


def _of_point(point: AccessPoint, tls: Tls | None, now: datetime) -> list[str]:
    found: list[str] = []
    authority, side = client_ca_of(point, tls), point.towards_access_point
    if (own := own_pair(point, None)) is not None:
        found += _towards_services(own, now)
    if authority is not None and (tls is None or authority != tls.site_ca):
        found += _authorities(authority, "CA of services")[1]
    if side is not None:
        found += _authorities(side.ca, f"CA of {point.agent}")[1]
    if (pair := upstream_pair(point)) is not None:
        found += _usable(pair, now)[1]
    return found


def _authorities(file: Path | None, what: str) -> tuple[Sequence[x509.Certificate], list[str]]:
    try:
        return (() if file is None else _certificates(file)), []
    except _UnusableError as error:
        return (), [f"{file}: cannot be used as the {what}: {error} -- {error.remedy}"]


def _usable(pair: KeyPair, now: datetime) -> tuple[list[x509.Certificate], list[str]]:
    """Return the chain of a key pair, empty where it cannot be read, and what is wrong with it whatever it is for."""
    found: list[str] = []
    chain: list[x509.Certificate] = []
    try:
        chain = _certificates(pair.certificate)
    except _UnusableError as error:
        found.append(f"{pair.certificate}: cannot be used as certificate: {error} -- {error.remedy}")
    found += _key_problems(pair, chain)
    if chain:
        found += [f"{pair.certificate}: {line}" for line in _validity_problems(chain[0], now)]
    return chain, found


def _towards_services(pair: KeyPair, now: datetime) -> list[str]:
    chain, found = _usable(pair, now)
    if chain:
        found += [f"{pair.certificate}: {line}" for line in _server_problems(chain[0])]
    return found


class _UnusableError(Exception):
    """Why a file cannot be used."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


def _read(path: Path, wanted: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        number = error.errno or 0
        remedy = f"give the path of {wanted}" if number in _NO_FILE else "let the gateway's user read it"
        raise _UnusableError(os.strerror(number), remedy) from error


def _certificates(path: Path) -> list[x509.Certificate]:
    wanted = "a PEM file with certificates"
    try:
        return x509.load_pem_x509_certificates(_read(path, wanted))
    except ValueError as error:
        raise _UnusableError("it holds no certificate that can be read", f"give {wanted}") from error


def _private_key(path: Path) -> PrivateKeyTypes:
    wanted = "a PEM file with the private key"
    try:
        return serialization.load_pem_private_key(_read(path, wanted), None)
    except TypeError as error:
        raise _UnusableError(
            "it is encrypted", "give it without a passphrase, readable by the gateway alone"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _UnusableError("it holds no private key that can be read", f"give {wanted}") from error


def _key_problems(pair: KeyPair, chain: Sequence[x509.Certificate]) -> Iterator[str]:
    try:
        key = _private_key(pair.key)
    except _UnusableError as error:
        yield f"{pair.key}: cannot be used as private key of {pair.certificate}: {error} -- {error.remedy}"
        return
    if chain and _encoded(key.public_key()) != _encoded(chain[0].public_key()):
        yield (
            f"{pair.key}: is not the private key of {pair.certificate}"
            " -- give the key that belongs to it; the gateway's certificate comes first in its file"
        )


def _encoded(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _validity_problems(certificate: x509.Certificate, now: datetime) -> Iterator[str]:
    if now > certificate.not_valid_after_utc:
        yield f"expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC -- {_RENEW}"
    if now < certificate.not_valid_before_utc:
        yield (
            f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
            " -- set this machine's clock, or wait until then"
        )


def _server_problems(certificate: x509.Certificate) -> Iterator[str]:
    try:
        certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return
    except (ValueError, x509.DuplicateExtension) as error:
        yield f"its extensions cannot be read: {error} -- {_RENEW}"
        return
    try:
        require_usage(certificate, ExtendedKeyUsageOID.SERVER_AUTH, "serverAuth")
    except IdentityError as error:
        yield f"services may refuse it: {error} -- have one issued with serverAuth for `towards_services`"


def _agent_problems(certificate: x509.Certificate) -> Iterator[str]:
    try:
        require_usage(certificate, ExtendedKeyUsageOID.CLIENT_AUTH, "clientAuth")
    except IdentityError as error:
        yield f"access points will refuse it: {error} -- {_AGENT_REMEDY}"
    try:
        marked = is_knowledge_agent(certificate)
    except IdentityError as error:
        yield f"access points will not let it speak for services: {error} -- {_AGENT_REMEDY}"
        return
    if not marked:
        yield (
            "access points will not let it speak for services: it is not marked as a Knowledge Agent's"
            f" (extension 1.3.6.1.4.1.0) -- {_AGENT_REMEDY}"
        )


def _issuer_problems(
    chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate], tls: Tls, now: datetime
) -> Iterator[str]:
    leaf, *between = [crypto.X509.from_cryptography(each) for each in chain]
    store = crypto.X509Store()
    for authority in authorities:
        store.add_cert(crypto.X509.from_cryptography(authority))
    if any(_validity_problems(chain[0], now)):
        store.set_flags(_NO_CHECK_TIME)
    else:
        store.set_time(now)
    try:
        crypto.X509StoreContext(store, leaf, between).verify_certificate()
    except crypto.X509StoreContextError as error:
        yield f"is not verified by {tls.site_ca}: {error} -- {_AGENT_REMEDY}, and give that CA as `tls.site_ca`"
