"""How an origin gets its certificate: with a one-time token at first, with the certificate itself when that grows old.

The token holds the fingerprint of the service's CA. So the first connection is verified, too: the CA's certificate is
taken from what the server shows, if it is the one that the token names, and everything after that is verified by it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from proxy.federation.client.connection import SECONDS, AnswerError, Connection, ServiceError
from proxy.federation.client.credentials import AUTHORITY, CERTIFICATE, KEY, CredentialsError, verifying
from proxy.federation.invitation import Invitation, fingerprint
from proxy.federation.messages import Enrolment, EnrolmentRequest
from proxy.storage.ownership import give_to_owner_of, make_directory

_LARGEST = 64 * 1024
_PATH = "/v1/enrolments"
_MADE = 201
_HTTPS = 443
_SHOWN = 10
"""Certificates of a chain that are looked at."""


@dataclass(frozen=True)
class Enrolled:
    """What came of it."""

    origin: str
    role: str
    not_after: int
    """Real time, seconds since the epoch."""


def shown_authority(service: str, invitation: Invitation) -> str:
    """Return the CA certificate (PEM) that a service shows, if it is the one that a token names. Waits for the network.

    Raises:
        ServiceError: the service is not reached, or shows another one.
    """
    host, port = _place(service)
    try:
        shown = list(_chain(host, port))
    except (SSL.Error, OSError) as error:
        raise ServiceError(f"{service}: cannot be reached: {str(error) or type(error).__name__}") from error
    for certificate in shown:
        if fingerprint(certificate) == invitation.fingerprint:
            return certificate.public_bytes(serialization.Encoding.PEM).decode()
    raise ServiceError(
        f"{service}: is not the service that the token is for: it shows another CA -- somebody is in between, or the"
        " address or the token is wrong"
    )


async def enrol(service: str, token: str, directory: Path) -> Enrolled:
    """Get a certificate with a token, and write it, its key and the service's CA into a directory.

    Raises:
        ValueError: the token is none.
        ServiceError: the service does not give one, or cannot be trusted.
        OSError: the directory cannot be written to.
    """
    invitation = Invitation.parse(token)
    authority = await asyncio.to_thread(shown_authority, service, invitation)
    key = ec.generate_private_key(ec.SECP256R1())
    # Before the token is used up: a directory that cannot be written to is told now.
    make_directory(directory)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = _write(directory, f"{KEY}.new", key_pem)
    try:
        request = EnrolmentRequest(request=_request(key), token=token.strip())
        connection = Connection(service, verifying(text=authority))
        try:
            enrolment, certificate = await _ask(connection, request, key)
        finally:
            await connection.close()
        _write(directory, AUTHORITY, authority.encode())
        # A crash between these two leaves a key without its certificate, which is told, and a new token remedies.
        fresh.replace(directory / KEY)
        _write(directory, CERTIFICATE, certificate.encode())
    finally:
        fresh.unlink(missing_ok=True)
    return Enrolled(enrolment.origin, enrolment.role, enrolment.not_after)


def _place(service: str) -> tuple[str, int]:
    url = urlsplit(service)
    with suppress(ValueError):
        if url.scheme == "https" and url.hostname:
            return url.hostname, url.port or _HTTPS
    raise ServiceError(f"{service}: is no https:// address -- give it as the service's operator did")


class Call(Protocol):
    """Does in another thread what waits for a disk (`database.Disk.call`)."""

    async def __call__[**P, T](self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what it does."""
        ...


async def renew(connection: Connection, directory: Path, call: Call) -> None:
    """Have the certificate renewed that a connection is made with, for the same key, and write it.

    With another key, two files would have to be replaced at once, which no file system does.

    Raises:
        ServiceError: the service does not renew it.
        CredentialsError: the files cannot be read or written.
    """
    path = directory / KEY
    try:
        key = serialization.load_pem_private_key(await call(path.read_bytes), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CredentialsError(f"{path}: is no EC key -- enrol with a new token: alleyes federation enroll")
        _, certificate = await _ask(connection, EnrolmentRequest(request=_request(key)), key)
        await call(_write, directory, CERTIFICATE, certificate.encode())
    except OSError as error:
        raise CredentialsError(
            f"{error.filename}: {error.strerror}; the certificate was not renewed -- let the gateway's user write there"
        ) from error
    except ValueError as error:
        raise CredentialsError(f"{path}: cannot be read: {error}") from error


async def _ask(
    connection: Connection, request: EnrolmentRequest, key: ec.EllipticCurvePrivateKey
) -> tuple[Enrolment, str]:
    answer = await connection.ask(
        "POST",
        _PATH,
        most=_LARGEST,
        body=msgspec.json.encode(request),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        expected=frozenset({_MADE}),
    )
    try:
        enrolment = msgspec.json.decode(answer.body, type=Enrolment)
        certificate = x509.load_pem_x509_certificate(enrolment.certificate.encode())
    except ValueError as error:
        raise AnswerError(f"the certificate that the service gave cannot be read: {error}") from error
    if certificate.public_key() != key.public_key():
        raise AnswerError("the certificate that the service gave is not of the key that was sent")
    return enrolment, certificate.public_bytes(serialization.Encoding.PEM).decode()


def _request(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a signing request (PEM). The name in the certificate is the service's to say."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _chain(host: str, port: int) -> Iterator[x509.Certificate]:
    """Yield the certificates that a server shows. None of them is verified."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    with socket.create_connection((host, port), timeout=SECONDS) as connection:
        # pyOpenSSL works on the socket's descriptor, which a time-out of Python's makes non-blocking.
        connection.settimeout(None)
        seconds = int(SECONDS)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            connection.setsockopt(socket.SOL_SOCKET, option, seconds.to_bytes(8, "little") + bytes(8))
        tls = SSL.Connection(context, connection)
        tls.set_tlsext_host_name(host.encode())
        tls.set_connect_state()
        tls.do_handshake()
        for shown in (tls.get_peer_cert_chain() or ())[:_SHOWN]:
            yield shown.to_cryptography()


def _write(directory: Path, name: str, content: bytes) -> Path:
    """Write a file in place of the one before, for the directory's owner alone."""
    path = directory / name
    fresh = path.with_name(f"{name}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        give_to_owner_of(directory, file.fileno())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return path
