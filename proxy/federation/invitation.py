"""The one-time token with which an origin enrols: a secret, and how to know the service before there is any trust.

`alleyes1:<name>:<secret>:<fingerprint>`. The fingerprint is that of the service's CA, so that whoever holds the token
can verify what the first connection shows, as with the tokens of k3s and kubeadm.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from proxy.federation.identity import NAME

_SCHEME = "alleyes1"
_SECRET_BYTES = 32
_TEXT = re.compile(rf"{_SCHEME}:({NAME.pattern}):([A-Za-z0-9_-]{{43}}):([A-Za-z0-9_-]{{43}})")


def fingerprint(authority: x509.Certificate) -> str:
    """Return what a token says of the CA: the SHA-256 of its certificate, 43 characters."""
    return _text(authority.fingerprint(hashes.SHA256()))


@dataclass(frozen=True)
class Invitation:
    """What the token says."""

    name: str
    """Of the origin that may enrol with it."""
    secret: str
    """256 bits, so that its plain hash can be stored."""
    fingerprint: str
    """Of the service's CA."""

    @classmethod
    def new(cls, name: str, authority: x509.Certificate) -> Invitation:
        """Make one with a new secret."""
        return cls(name, _text(secrets.token_bytes(_SECRET_BYTES)), fingerprint(authority))

    @classmethod
    def parse(cls, text: str) -> Invitation:
        """Read a token.

        Raises:
            ValueError: it is none, or a part of one.
        """
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"it is no token of a federation service, which begins with {_SCHEME}: and has four parts")
        return cls(*match.groups())

    @property
    def digest(self) -> bytes:
        """What the service stores of it."""
        return hashlib.sha256(str(self).encode()).digest()

    def __str__(self) -> str:
        return f"{_SCHEME}:{self.name}:{self.secret}:{self.fingerprint}"


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
