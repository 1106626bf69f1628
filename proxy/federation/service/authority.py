"""The service's own CA: it vouches for the service, its origins and its operators, and for nobody else.

Its certificate and key are one file, so that it is there as a whole or not at all, and of several processes that start
for the first time together all have the same.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxy.configuration import KeyPair
from proxy.federation.identity import NAME, Role
from proxy.storage.ownership import give_to_owner_of, make_directory

FILE = "authority.pem"
_CA_YEARS = 20
_BACKDATED = timedelta(minutes=5)
"""What clocks may differ by."""
_SMALLEST_RSA = 2048
_LARGEST_RSA = 4096
_LONGEST_REQUEST = 8192
"""Characters of a signing request."""

type _Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
type _Public = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class AuthorityError(Exception):
    """The CA cannot be used; the text names the file and the remedy."""


class BadRequest(ValueError):
    """A signing request that no certificate is issued for; the text says why."""


@dataclass(frozen=True)
class Issued:
    """A certificate that was issued."""

    certificate: x509.Certificate
    serial: str
    """Serial number, hexadecimal."""
    not_after: int
    """Real time, seconds since the epoch."""

    @property
    def pem(self) -> str:
        """The certificate as a file holds it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass(frozen=True)
class Authority:
    """The CA."""

    certificate: x509.Certificate
    _key: _Key

    @classmethod
    def of(cls, given: KeyPair | None, state_directory: Path, now: float) -> Self:
        """Return the CA of a configuration; the one in the state directory is made if it is not there yet.

        Raises:
            AuthorityError: it cannot be read, made or used.
        """
        if given is None:
            file = state_directory / FILE
            try:
                if not file.exists():
                    _make(file, now)
            except OSError as error:
                raise AuthorityError(
                    f"{file}: cannot be made: {error.strerror} -- give the service a state directory of its own"
                ) from error
            given = KeyPair(certificate=file, key=file)
        found = cls._read(given)
        _require_good(found.certificate, given.certificate, now)
        return found

    @classmethod
    def _read(cls, given: KeyPair) -> Self:
        remedy = "give the certificate of the service's CA and its key, without a passphrase, both PEM"
        try:
            certificate = x509.load_pem_x509_certificate(given.certificate.read_bytes())
            data = given.key.read_bytes()
            mode = given.key.stat().st_mode
            key = serialization.load_pem_private_key(data, None)
        except OSError as error:
            raise AuthorityError(f"{error.filename}: {error.strerror} -- {remedy}, readable by the service") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise AuthorityError(f"{given.certificate}, {given.key}: cannot be used: {error} -- {remedy}") from error
        if mode & 0o077:
            raise AuthorityError(f"{given.key}: others may read the key of the CA -- chmod 0600 it")
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise AuthorityError(f"{given.key}: is of another kind than EC, Ed25519 and RSA -- {remedy}")
        if _der(key.public_key()) != _der(certificate.public_key()):  # type: ignore[arg-type]  # only compared
            raise AuthorityError(f"{given.key}: is not the key of {given.certificate} -- {remedy}")
        return cls(certificate, key)

    @property
    def pem(self) -> str:
        """The CA's certificate as a file holds it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, request: str, origin: str, role: Role, now: float, seconds: float) -> Issued:
        """Issue a certificate to an origin or an operator. Of the request only its key counts.

        Args:
            request: Certificate signing request, PEM.
            origin: Name of the holder.
            role: What it may do.
            now: Real time, s.
            seconds: How long it is good.

        Raises:
            BadRequest: the request cannot be read, is not signed by its key, or that key is too weak.
        """
        if NAME.fullmatch(origin) is None:
            raise BadRequest(f"{origin!r} is no name of an origin")
        subject = _name(origin, role)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._sign(_requested_key(request), subject, usage, None, now, seconds)

    def issue_server(self, names: list[str], now: float, seconds: float) -> tuple[Issued, bytes]:
        """Issue the service's own certificate; return it with its key (PEM)."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternative = x509.SubjectAlternativeName([_general_name(name) for name in names])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        issued = self._sign(key.public_key(), _name("alleyes federation service"), usage, alternative, now, seconds)
        return issued, _key_pem(key)

    def _sign(
        self,
        key: _Public,
        subject: x509.Name,
        usage: x509.ExtendedKeyUsage,
        alternative: x509.SubjectAlternativeName | None,
        now: float,
        seconds: float,
    ) -> Issued:
        moment = datetime.fromtimestamp(now, UTC)
        # No certificate outlives its issuer: it would stop to verify without a warning.
        until = min(moment + timedelta(seconds=seconds), self.certificate.not_valid_after_utc)
        builder = (
            _builder(subject, self.certificate.subject, key, moment, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usages(certificates=False), critical=True)
            .add_extension(usage, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if alternative is not None:
            builder = builder.add_extension(alternative, critical=False)
        certificate = builder.sign(self._key, _hash(self._key))
        return Issued(certificate, f"{certificate.serial_number:x}", int(until.timestamp()))


def _require_good(certificate: x509.Certificate, file: Path, now: float) -> None:
    try:
        authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        authority = False
    if not authority:
        raise AuthorityError(f"{file}: is no CA's certificate -- give one with basicConstraints CA:TRUE")
    if certificate.not_valid_after_utc.timestamp() <= now:
        raise AuthorityError(
            f"{file}: expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
            " -- make a new CA, and have every origin enrol again"
        )


def _make(file: Path, now: float) -> None:
    """Make a CA. Of several who do so at once, the first one's counts for all."""
    make_directory(file.parent)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("alleyes federation")
    moment = datetime.fromtimestamp(now, UTC)
    certificate = (
        _builder(name, name, key.public_key(), moment, moment + timedelta(days=365 * _CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usages(certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    fresh = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(certificate.public_bytes(serialization.Encoding.PEM) + _key_pem(key))
            give_to_owner_of(file.parent, stream.fileno())
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, file)
    finally:
        fresh.unlink()
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: _Public, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _requested_key(text: str) -> _Public:
    """Return the key of a signing request whose holder signed it.

    Raises:
        BadRequest: it cannot be used.
    """
    if len(text) > _LONGEST_REQUEST:
        raise BadRequest("the signing request is too long")
    try:
        request = x509.load_pem_x509_csr(text.encode())
        signed, key = request.is_signature_valid, request.public_key()
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise BadRequest("the signing request cannot be read: give PKCS #10 in PEM") from error
    if not signed:
        raise BadRequest("the signing request is not signed by the key in it")
    match key:
        case ed25519.Ed25519PublicKey():
            return key
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
            return key
        case rsa.RSAPublicKey() if _SMALLEST_RSA <= key.key_size <= _LARGEST_RSA:
            return key
        case _:
            raise BadRequest("the key must be EC (P-256, P-384), Ed25519, or RSA of 2048 to 4096 bits")


def _usages(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str, unit: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if unit is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    return x509.Name(parts)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _hash(key: _Key) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def _der(key: _Public) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
