"""Reads the site's certificate revocation lists: files that can be used as a whole, or a reason why they cannot.

A list counts only if the site's CA signed it, or a CA below it. RFC 5280, section 5.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID
from OpenSSL import crypto

from proxy.configuration import GatewayDocument, client_ca_of
from proxy.revocation import CertificateKey, Revocations, key_of, serial_bytes

LARGEST_FILE = 16 * 1024 * 1024
"""Bytes; some 400,000 revoked certificates."""
_PEM_LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)
_PEM_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_UNDERSTOOD = frozenset({ExtensionOID.CRL_NUMBER, ExtensionOID.ISSUING_DISTRIBUTION_POINT})
"""Extensions of a list that change nothing, or that are looked at."""
_GIVE = "give a complete list that the site's CA signed, PEM or DER"


class RevocationFiles(NamedTuple):
    """The files of a configuration that revocation is about."""

    lists: tuple[Path, ...] = ()
    authorities: tuple[Path, ...] = ()
    """CAs that verify services or access points: the lists of these count, and of those below them."""
    certificates: tuple[Path, ...] = ()
    """The gateway's own, with their chains."""


def revocation_files(document: GatewayDocument) -> RevocationFiles:
    """Return the files of a configuration, each once."""
    tls, points = document.tls, document.access_points
    authorities = [None if tls is None else tls.site_ca, *(client_ca_of(point, tls) for point in points)]
    certificates: list[Path | None] = []
    if tls is not None:
        certificates += [pair.certificate for pair in (tls.towards_services, tls.towards_access_points) if pair]
    for point in points:
        certificates.append(point.towards_services.certificate)
        if point.towards_access_point is not None:
            authorities.append(point.towards_access_point.ca)
            certificates.append(point.towards_access_point.certificate)
    return RevocationFiles(() if tls is None else tuple(tls.crl), _present(authorities), _present(certificates))


def _present(files: Sequence[Path | None]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(file for file in files if file is not None))


type Stamp = tuple[tuple[int, int, int] | None, ...]
"""What changes when one of the files does: time of change, size and inode of each; None for one that is not there."""


class RevocationListError(Exception):
    """The lists cannot be used; `problems` has one line for each reason, with file and remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class RevocationList:
    """One list, apart from what it revokes."""

    file: Path
    issuer: str
    """Distinguished name."""
    issued: datetime
    next_update: datetime | None
    """By then its issuer wanted to have a newer one; None: it did not say."""

    def warning(self, now: datetime) -> str | None:
        """Return what an operator should know of its age at real time `now`, with the remedy; None for nothing."""
        if self.next_update is not None and now > self.next_update:
            return (
                f"{self.file}: the revocation list of {self.issuer} is out of date since"
                f" {self.next_update:%Y-%m-%d %H:%M} UTC; it still counts, but what was revoked since is not known"
                " -- put the CA's newest list there"
            )
        if self.issued > now:
            return (
                f"{self.file}: the revocation list of {self.issuer} is of {self.issued:%Y-%m-%d %H:%M} UTC, in the"
                " future; it counts -- set this machine's clock, or the CA's"
            )
        return None


@dataclass(frozen=True)
class RevocationLists:
    """All lists of a site."""

    lists: tuple[RevocationList, ...] = ()
    revocations: Revocations = field(default_factory=Revocations)
    stamp: Stamp = field(default=(), compare=False)
    """Of the files before they were read: another one means that they have changed since."""

    def warnings(self, now: datetime) -> list[str]:
        """Return what an operator should know of the lists' age at real time `now`, one line each."""
        return [warning for each in self.lists if (warning := each.warning(now)) is not None]


def stamp_of(files: Sequence[Path]) -> Stamp:
    """Return what tells whether files have changed since it was asked last."""
    return tuple(map(_stamp, files))


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_lists(files: RevocationFiles) -> RevocationLists:
    """Read every list. Blocks for the disk, and some 10 us for each revoked certificate.

    Raises:
        RevocationListError: with everything wrong with them; then none of them can be used.
    """
    # Before they are read: what is written meanwhile is read again.
    stamp = stamp_of(files.lists)
    problems: list[str] = []
    parsed: list[tuple[Path, x509.CertificateRevocationList]] = []
    candidates: list[x509.Certificate] = []
    for file in files.lists:
        with _told(file, problems):
            data = _read(file)
            lists = _lists(file, data)
            candidates += _certificates(file, data)
            parsed += [(file, each) for each in lists]
    authorities: list[x509.Certificate] = []
    if parsed:
        with _told(parsed[0][0], problems):
            authorities = _authorities(files, candidates)
    found: list[RevocationList] = []
    serials: dict[bytes, set[bytes]] = {}
    for file, each in parsed:
        with _told(file, problems):
            found.append(_checked(file, each, authorities))
            numbers = [serial_bytes(revoked.serial_number) for revoked in each]
            serials.setdefault(each.issuer.public_bytes(), set()).update(numbers)
    if problems:
        raise RevocationListError(problems)
    frozen = {issuer: frozenset(numbers) for issuer, numbers in serials.items()}
    return RevocationLists(tuple(found), Revocations(frozen), stamp)


@contextmanager
def _told(file: Path, problems: list[str]) -> Iterator[None]:
    """Add to `problems` what keeps a file from being used."""
    try:
        yield
    except RevocationListError as error:
        problems += error.problems
    except Exception as error:  # noqa: BLE001 -- of damaged bytes the parser raises ValueError, KeyError and its own
        problems += _unusable(file, f"it cannot be read: {type(error).__name__}: {error}", _GIVE).problems


def own_certificate_problems(files: RevocationFiles, revocations: Revocations) -> list[str]:
    """Return which of the gateway's own certificates are revoked, one line each, with the remedy."""
    return [
        f"{file}: the gateway's own certificate is revoked -- have the site's CA issue another one"
        for file in files.certificates
        if any(map(revocations.names, _keys(file)))
    ]


def _keys(file: Path) -> list[CertificateKey]:
    return [key_of(each) for each in _readable(file)]


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise _unusable(file, f"{reason}", "put the CA's list there, readable by the gateway's user") from error
    if len(data) > LARGEST_FILE:
        raise _unusable(file, f"it is larger than {LARGEST_FILE} bytes", "is this the right file?")
    return data


def _unusable(file: Path, reason: str, remedy: str) -> RevocationListError:
    return RevocationListError([f"{file}: cannot be used as revocation list: {reason} -- {remedy}"])


def _lists(file: Path, data: bytes) -> list[x509.CertificateRevocationList]:
    blocks = _PEM_LIST.findall(data)
    if len(blocks) != data.count(b"-----BEGIN X509 CRL-----"):
        raise _unusable(file, "it ends in the middle", _GIVE)
    try:
        if blocks:
            return [x509.load_pem_x509_crl(block) for block in blocks]
        return [x509.load_der_x509_crl(data)]
    except ValueError as error:
        raise _unusable(file, "it holds no list that can be read", _GIVE) from error


def _certificates(file: Path, data: bytes) -> list[x509.Certificate]:
    """Return the certificates beside the lists in a file: those of CAs below the site's, which may have signed them."""
    if _PEM_CERTIFICATE not in data:
        return []
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise _unusable(file, "it holds a certificate that cannot be read", "correct it, or take it out") from error


def _authorities(files: RevocationFiles, candidates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Return the CAs whose lists count: those that were configured, and whom these have certified."""
    trusted = [each for file in files.authorities for each in _readable(file)]
    between = [*candidates, *(each for file in files.certificates for each in _readable(file)[1:])]
    store = crypto.X509Store()
    for each in trusted:
        store.add_cert(crypto.X509.from_cryptography(each))
    chain = [crypto.X509.from_cryptography(each) for each in between]
    return [each for each in (*trusted, *(c for c in between if _verified(c, store, chain))) if _is_authority(each)]


def _readable(file: Path) -> list[x509.Certificate]:
    """Return the certificates in a file; none where they cannot be read, which their own checks tell."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        return []


def _verified(certificate: x509.Certificate, store: crypto.X509Store, chain: Sequence[crypto.X509]) -> bool:
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(certificate), chain).verify_certificate()
    except crypto.X509StoreContextError:
        return False
    return True


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound as missing:
        return missing.oid == ExtensionOID.KEY_USAGE
    except (ValueError, x509.DuplicateExtension):
        return False


def _checked(
    file: Path, each: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate]
) -> RevocationList:
    issuer = each.issuer.rfc4514_string()
    signers = [authority for authority in authorities if authority.subject == each.issuer]
    if not signers:
        raise _unusable(
            file,
            f"its issuer {issuer} is neither the site's CA nor certified by it",
            f"{_GIVE}; beside the list of a CA below it, in the same file, put that CA's certificate in PEM",
        )
    if not any(_signed_by(each, signer) for signer in signers):
        raise _unusable(file, f"its signature is not that of {issuer}", _GIVE)
    for extension in each.extensions:
        _check_extension(file, extension)
    return RevocationList(file=file, issuer=issuer, issued=each.last_update_utc, next_update=each.next_update_utc)


def _signed_by(each: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        return each.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # the next line is for others
    except (TypeError, ValueError, InvalidSignature, UnsupportedAlgorithm):
        return False


def _check_extension(file: Path, extension: x509.Extension[x509.ExtensionType]) -> None:
    if extension.oid == ExtensionOID.DELTA_CRL_INDICATOR:
        raise _unusable(file, "it holds only what changed since another list (delta CRL)", _GIVE)
    value = extension.value
    if isinstance(value, x509.IssuingDistributionPoint) and value.indirect_crl:
        raise _unusable(file, "it speaks for other CAs as well (indirect CRL)", "give each CA's own list")
    if extension.critical and extension.oid not in _UNDERSTOOD:
        raise _unusable(file, f"it has a critical extension that is not known: {extension.oid.dotted_string}", _GIVE)
