"""Who calls: from a certificate or a delegation header (source: vsl-rest, sections 2.1 and 2.3)."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from models.simulation.service_models import EVERYBODY
from tests.site.certificates import ACCESS_IDS, KNOWLEDGE_AGENT, MANIFEST_HASH
from tests.site.knowledge_agent.errors import TransportError

UNAUTHORIZED = 401
SYSTEM = "system"
"""The access id that every node admits."""


class Identity(msgspec.Struct, frozen=True, rename="camel"):
    """A caller; in this form also the JSON of a delegation and of a callback's `identity`."""

    client_id: str
    access_ids: tuple[str, ...] = msgspec.field(name="accessIDs", default=())
    ka: bool = False

    def admitted_by(self, ids: frozenset[str]) -> bool:
        """Whether a reader or writer list admits this caller."""
        return EVERYBODY in ids or self.client_id in ids or not ids.isdisjoint(self.access_ids)


ANONYMOUS = Identity("service2")
"""What a WebSocket without client certificate becomes: one of the holes of the stock agent."""


@lru_cache(maxsize=512)
def from_certificate(der: bytes) -> Identity:
    """Return the identity in a verified leaf certificate; raise TransportError 401 where there is none."""
    certificate = x509.load_der_x509_certificate(der)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    client_id = str(names[0].value).lower().split(",")[0].split("/")[0] if names else ""
    if not client_id:
        raise TransportError(UNAUTHORIZED)
    if _text(certificate, KNOWLEDGE_AGENT).upper() == "TRUE":
        return Identity(client_id, (SYSTEM,), ka=True)
    if not _text(certificate, MANIFEST_HASH):
        raise TransportError(UNAUTHORIZED)
    return Identity(client_id, tuple(filter(None, _text(certificate, ACCESS_IDS).split(";"))))


def _text(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    """Return the UTF8String in an extension, short DER form; empty if the extension is absent."""
    try:
        extension = certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return ""
    except ValueError as error:
        raise TransportError(UNAUTHORIZED) from error
    encoded = extension.value if isinstance(extension, x509.UnrecognizedExtension) else b""
    if len(encoded) < 2 or encoded[0] != 0x0C or encoded[1] != len(encoded) - 2:
        raise TransportError(UNAUTHORIZED)
    return encoded[2:].decode("utf-8", "replace")


def from_delegation(header: str) -> Identity:
    """Return the identity in `Authorization: VSL <base64 of JSON>`; raise TransportError 401 if it is malformed."""
    scheme, _, encoded = header.partition(" ")
    if scheme != "VSL":
        raise TransportError(UNAUTHORIZED)
    try:
        return msgspec.json.decode(base64.b64decode(encoded, validate=True), type=Identity)
    except (binascii.Error, msgspec.DecodeError) as error:
        raise TransportError(UNAUTHORIZED) from error


def delegation(identity: Identity) -> str:
    """Return the header value that lets a Knowledge Agent act for a caller."""
    return "VSL " + base64.b64encode(msgspec.json.encode(identity)).decode("ascii")
