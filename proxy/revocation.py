"""Which certificates the site's CA has taken back: plain data that both processes have, and what holds right now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from cryptography import x509

from proxy.identity import IdentityError


class CertificateKey(NamedTuple):
    """What a certificate is told apart by: its issuer gives each serial number once (RFC 5280, section 4.1.2.2)."""

    issuer: bytes
    """Distinguished name, DER."""
    serial: bytes
    """Big endian two's complement, as short as it can be."""


def serial_bytes(number: int) -> bytes:
    """Return a serial number as bytes: it may have twenty of them, more than a number between processes may have."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def key_of(certificate: x509.Certificate) -> CertificateKey:
    """Return what a certificate is told apart by."""
    return CertificateKey(certificate.issuer.public_bytes(), serial_bytes(certificate.serial_number))


class Revocations(msgspec.Struct, frozen=True):
    """Every certificate that is revoked."""

    serials: Mapping[bytes, frozenset[bytes]] = {}
    """Serial numbers by issuer, both as in `CertificateKey`."""

    def __len__(self) -> int:
        """Return how many certificates are revoked."""
        return sum(map(len, self.serials.values()))

    def names(self, key: CertificateKey) -> bool:
        """Tell whether a certificate is revoked."""
        return key.serial in self.serials.get(key.issuer, ())

    def name_any(self, keys: Sequence[CertificateKey]) -> bool:
        """Tell whether one certificate of a chain is revoked."""
        return any(map(self.names, keys))


@dataclass
class RevocationsInForce:
    """What holds right now; another one takes its place while the gateway runs."""

    current: Revocations = field(default_factory=Revocations)

    def problem(self, chain: Sequence[x509.Certificate]) -> str | None:
        """Return which certificate of a verified chain is revoked, in plain words; None where none is."""
        if not self.current.serials:
            return None
        for certificate in chain:
            if self.current.names(key_of(certificate)):
                return f"{_subject(certificate)} (serial number {certificate.serial_number:x}) is revoked"
        return None

    def require_valid(self, certificate: x509.Certificate) -> None:
        """Check that a certificate is not revoked.

        Raises:
            IdentityError: it is.
        """
        problem = self.problem([certificate])
        if problem is not None:
            raise IdentityError(problem)


def _subject(certificate: x509.Certificate) -> str:
    try:
        return certificate.subject.rfc4514_string()[:200] or "a certificate without a subject"
    except ValueError:
        return "a certificate whose subject cannot be read"
