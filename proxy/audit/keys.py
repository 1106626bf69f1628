"""The key that signs heads: made at the first start, held by the supervisor alone; and its public half.

Ed25519 (RFC 8032).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from proxy.audit.layout import KEY_DIRECTORY, KEY_FILE
from proxy.audit.statement import Signed, Statement
from proxy.storage.ownership import give_to_owner_of, make_directory

_MOST_BYTES = 16 * 1024
_NAME_LENGTH = 16


class KeyProblem(Exception):
    """A key cannot be used; the text names the file and the remedy."""


class PublicKey:
    """Checks what its private half signed."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.name = hashlib.sha256(raw).hexdigest()[:_NAME_LENGTH]
        """What statements call it: the beginning of its SHA-256, in hex."""

    @classmethod
    def read(cls, path: Path) -> PublicKey:
        """Read a PEM file.

        Raises:
            OSError: it cannot be read.
            KeyProblem: it holds no such key.
        """
        try:
            key = serialization.load_pem_public_key(_content(path))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyProblem(f"{path}: holds no public key -- give what `alleyes audit key` prints") from error
        if not isinstance(key, Ed25519PublicKey):
            raise KeyProblem(f"{path}: is not an Ed25519 key -- give what `alleyes audit key` prints")
        return cls(key)

    def pem(self) -> bytes:
        """Return it as PEM."""
        return self._key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def signed(self, signed: Signed) -> bool:
        """Tell whether a signature is right."""
        try:
            signature = base64.b64decode(signed.signature, validate=True)
            self._key.verify(signature, signed.statement.encode())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


class SigningKey:
    """Signs statements."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def of(cls, state: Path) -> SigningKey:
        """Return the key of a state directory; make it where there is none.

        Raises:
            KeyProblem: it can neither be read nor made.
        """
        path = state / KEY_DIRECTORY / KEY_FILE
        try:
            make_directory(path.parent)
            try:
                content = _content(path)
            except FileNotFoundError:
                content = _make(path)
            if path.stat().st_mode & 0o077:
                raise KeyProblem(f"{path}: others may read the key of the audit log -- chmod 600 {path}")
            key = serialization.load_pem_private_key(content, password=None)
        except OSError as error:
            raise KeyProblem(f"{path}: {error.strerror}; the gateway's user must be able to use it") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyProblem(_DAMAGED.format(path)) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyProblem(_DAMAGED.format(path))
        return cls(key)

    def sign(self, statement: Statement) -> Signed:
        """Return a statement with its signature."""
        text = statement.text()
        return Signed(text, base64.b64encode(self._key.sign(text.encode())).decode())


_DAMAGED = "{}: holds no Ed25519 key -- put it back, or move it away; a new one cannot vouch for what this one signed"


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)


def _make(path: Path) -> bytes:
    content = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = path.with_suffix(".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        give_to_owner_of(path.parent, file.fileno())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return content
