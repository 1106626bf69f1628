"""Certificates of a site as the stock VSL tool makes them, and hostile ones, made on the fly.

Source: vsl-rest, section 2.1. Names are in the subject's CN and in private extensions; there is no subjectAltName.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KNOWLEDGE_AGENT = x509.ObjectIdentifier("1.3.6.1.4.1.0")
MANIFEST_HASH = x509.ObjectIdentifier("1.3.6.1.4.1.1")
ACCESS_IDS = x509.ObjectIdentifier("1.3.6.1.4.1.2")

SHORT_FORM = 128
"""DER lengths below this are one byte."""

type PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Credentials:
    """PEM files of one identity."""

    certificate: Path
    """The leaf alone."""
    key: Path
    """Unencrypted PKCS#8."""
    authority: Path
    """The certificate of the site's CA, to verify the other side with."""

    def trusting(self, authority: Path) -> Credentials:
        """Return the same identity with another authority to verify the other side with."""
        return replace(self, authority=authority)

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS 1.2 context that trusts the site's CA and, like the stock client, checks no names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.authority)
        context.load_cert_chain(self.certificate, self.key)
        return _as_stock(context)

    def server_context(self) -> ssl.SSLContext:
        """Return a TLS 1.2 context that wants a client certificate but does not require one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(self.authority)
        context.load_cert_chain(self.certificate, self.key)
        return _as_stock(context)


def _as_stock(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


class SiteAuthority:
    """A site's certificate authority; writes what it issues into a directory of its own name."""

    def __init__(self, directory: Path, *, name: str = "site-ca", rsa_keys: bool = False) -> None:
        """Make the CA. `rsa_keys`: RSA 2048 as the stock tool; by default EC P-256, which is much faster to make."""
        self._directory = directory / name
        self._directory.mkdir(parents=True, exist_ok=True)
        self._rsa = rsa_keys
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = self._new_key()
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        builder = _builder(self._name, self._name, self._key, _valid_now()).add_extension(constraints, critical=True)
        self.certificate = self._directory / "authority.pem"
        self.certificate.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def anonymous_context(self) -> ssl.SSLContext:
        """Return a TLS 1.2 context of a client without a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.certificate)
        return _as_stock(context)

    def passing(self, name: str, seconds: float) -> Credentials:
        """Issue a service's certificate that is good for that long only."""
        now = datetime.datetime.now(datetime.UTC)
        validity = (now - datetime.timedelta(days=1), now + datetime.timedelta(seconds=seconds))
        return self._issue(name, "passing", self._service_extensions(name, None), validity)

    def service(self, name: str, *, access_ids: Sequence[str] | None = None, expired: bool = False) -> Credentials:
        """Issue a service's certificate; access ids default to the client id."""
        kind, validity = ("expired", _valid_until_yesterday()) if expired else ("service", _valid_now())
        return self._issue(name, kind, self._service_extensions(name, access_ids), validity)

    def agent(self, name: str) -> Credentials:
        """Issue a Knowledge Agent's certificate."""
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
        return self._issue(name, "agent", [usage, _text_extension(KNOWLEDGE_AGENT, "TRUE")])

    def server(self, *names: str) -> Credentials:
        """Issue the certificate of a web server for host names and IP addresses."""
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        return self._issue(names[0], "server", [usage, _alternative(*names)])

    def client(self, name: str, *alternatives: str) -> Credentials:
        """Issue the certificate of a client, with a common name, and DNS names if any."""
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._issue(name, "client", [usage, *([_alternative(*alternatives)] if alternatives else [])])

    def device(self, name: str) -> Credentials:
        """Return the certificate that a device made for itself, as nobody's authority has signed it."""
        key = self._new_key()
        subject = _subject(name)
        return self._write(
            name, "device", _builder(subject, subject, key, _valid_now()).sign(key, hashes.SHA256()), key
        )

    def self_signed(self, name: str) -> Credentials:
        """Return a forgery: a service's certificate with the right name, signed by its own key."""
        key = self._new_key()
        subject = _subject(name)
        builder = _builder(subject, subject, key, _valid_now())
        for extension in self._service_extensions(name, None):
            builder = builder.add_extension(extension, critical=False)
        return self._write(name, "self-signed", builder.sign(key, hashes.SHA256()), key)

    def impostor(self, name: str) -> Credentials:
        """Return a *service* certificate in a Knowledge Agent's name: right CA, but neither its usage nor its mark."""
        return self._issue(name, "impostor", self._service_extensions(name, None))

    def intermediate(self, name: str) -> SiteAuthority:
        """Return a CA below this one."""
        made = SiteAuthority(self._directory, name=name, rsa_keys=self._rsa)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        builder = _builder(made._name, self._name, made._key, _valid_now())
        certificate = builder.add_extension(constraints, critical=True).sign(self._key, hashes.SHA256())
        made.certificate.write_bytes(_pem(certificate))
        return made

    def revocation_list(
        self,
        revoked: Iterable[Path],
        *,
        expired: bool = False,
        der: bool = False,
        extensions: Iterable[x509.ExtensionType] = (),
    ) -> bytes:
        """Return a list that takes certificates back, PEM or DER; `extensions` are critical ones of the list."""
        begin, end = _valid_until_yesterday() if expired else _valid_now()
        builder = x509.CertificateRevocationListBuilder(self._name, begin, end)
        for each in map(load, revoked):
            entry = x509.RevokedCertificateBuilder(each.serial_number, begin).build()
            builder = builder.add_revoked_certificate(entry)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        encoding = serialization.Encoding.DER if der else serialization.Encoding.PEM
        return builder.sign(self._key, hashes.SHA256()).public_bytes(encoding)

    def _service_extensions(self, name: str, access_ids: Sequence[str] | None) -> list[x509.ExtensionType]:
        return [
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
            _text_extension(MANIFEST_HASH, f"sha256:{name}Manifest"),
            _text_extension(ACCESS_IDS, ";".join(access_ids or (name,))),
        ]

    def _issue(
        self, name: str, kind: str, extensions: Sequence[x509.ExtensionType], validity: Validity | None = None
    ) -> Credentials:
        key = self._new_key()
        builder = _builder(_subject(name), self._name, key, validity or _valid_now())
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return self._write(name, kind, builder.sign(self._key, hashes.SHA256()), key)

    def _write(self, name: str, kind: str, certificate: x509.Certificate, key: PrivateKey) -> Credentials:
        written = Credentials(
            self._directory / f"{name}-{kind}.pem", self._directory / f"{name}-{kind}.key", self.certificate
        )
        written.certificate.write_bytes(_pem(certificate))
        written.key.touch(mode=0o600)
        written.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return written

    def _new_key(self) -> PrivateKey:
        return rsa.generate_private_key(65537, 2048) if self._rsa else ec.generate_private_key(ec.SECP256R1())


def load(certificate: Path) -> x509.Certificate:
    """Return the certificate in a file."""
    return x509.load_pem_x509_certificate(certificate.read_bytes())


type Validity = tuple[datetime.datetime, datetime.datetime]


def _valid_now() -> Validity:
    now = datetime.datetime.now(datetime.UTC)
    return now - datetime.timedelta(days=1), now + datetime.timedelta(days=30)


def _valid_until_yesterday() -> Validity:
    now = datetime.datetime.now(datetime.UTC)
    return now - datetime.timedelta(days=30), now - datetime.timedelta(days=1)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey, validity: Validity) -> x509.CertificateBuilder:
    begin, end = validity
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=begin,
        not_valid_after=end,
    )


def _text_extension(oid: x509.ObjectIdentifier, text: str) -> x509.UnrecognizedExtension:
    """Return an extension that holds a DER UTF8String, short form (source: X.690, 8.1.3.4)."""
    encoded = text.encode()
    if len(encoded) >= SHORT_FORM:
        raise ValueError(
            f"{oid.dotted_string}: {len(encoded)} bytes of text, the short DER form holds up to {SHORT_FORM - 1}"
        )
    return x509.UnrecognizedExtension(oid, bytes([0x0C, len(encoded)]) + encoded)


def _alternative(*names: str) -> x509.SubjectAlternativeName:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(found)


def fingerprint(credentials: Credentials) -> str:
    """Return the fingerprint of a certificate, as the configuration has it."""
    return f"sha256:{load(credentials.certificate).fingerprint(hashes.SHA256()).hex()}"


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
