"""The files with which an origin shows who it is, and knows the service: written by enrolment, read here."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

AUTHORITY = "ca.pem"
"""The service's CA: nothing else is trusted there."""
CERTIFICATE = "origin.pem"
KEY = "origin.key"
_RENEWED_AFTER = 2 / 3
"""Part of its life after which a certificate is renewed: long before it ends, in case the service is away."""
_REMEDY = "enrol with a new token: alleyes federation enroll"

type Stamp = tuple[tuple[int, int], ...]


class CredentialsError(Exception):
    """The files cannot be used; the text names the file and the remedy."""


@dataclass(frozen=True)
class Credentials:
    """Who an origin is. Times are timezone-aware."""

    origin: str
    """Its name: the CN of its certificate."""
    begins: datetime
    ends: datetime
    context: ssl.SSLContext
    stamp: Stamp
    """Changes with the files."""

    @property
    def renewal(self) -> datetime:
        """From when on the certificate is to be renewed."""
        return self.begins + (self.ends - self.begins) * _RENEWED_AFTER

    @classmethod
    def read(cls, directory: Path) -> Credentials:
        """Read the files in a directory.

        Raises:
            CredentialsError: one is missing or of no use.
        """
        stamp = stamp_of(directory)
        path = directory / CERTIFICATE
        try:
            certificate = x509.load_pem_x509_certificates(path.read_bytes())[0]
            origin = str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
        except OSError as error:
            raise CredentialsError(f"{path}: {error.strerror} -- {_REMEDY}") from error
        except (ValueError, IndexError) as error:
            raise CredentialsError(f"{path}: holds no certificate of an origin -- {_REMEDY}") from error
        return cls(
            origin=origin,
            begins=certificate.not_valid_before_utc,
            ends=certificate.not_valid_after_utc,
            context=_context(directory),
            stamp=stamp,
        )


def stamp_of(directory: Path) -> Stamp:
    """Return what tells whether the files have been replaced.

    Raises:
        CredentialsError: one is missing.
    """
    try:
        found = [(directory / name).stat() for name in (AUTHORITY, CERTIFICATE, KEY)]
    except OSError as error:
        raise CredentialsError(f"{error.filename}: {error.strerror} -- {_REMEDY}") from error
    return tuple((each.st_ino, each.st_mtime_ns) for each in found)


def verifying(authority: Path | None = None, *, text: str | None = None) -> ssl.SSLContext:
    """Return a context that trusts one CA, and no other.

    Args:
        authority: PEM file of it; or ...
        text: ... the PEM itself.

    Raises:
        OSError: the file cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the service's CA may be below another one
    context.load_verify_locations(cafile=authority, cadata=text)
    return context


def _context(directory: Path) -> ssl.SSLContext:
    try:
        context = verifying(directory / AUTHORITY)
    except OSError as error:
        raise CredentialsError(
            f"{directory / AUTHORITY}: cannot be used as CA: {_reason(error)} -- {_REMEDY}"
        ) from error
    try:
        context.load_cert_chain(directory / CERTIFICATE, directory / KEY)
    except OSError as error:
        found = f"{directory / KEY}: is not the key of {CERTIFICATE}: {_reason(error)} -- {_REMEDY}"
        raise CredentialsError(found) from error
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "unreadable").replace("_", " ").lower()
    return error.strerror or str(error)
