"""Who a certificate speaks for, in the terms of the middleware (VSL identities: subject CN and three extensions)."""

from __future__ import annotations

import base64
import json
from functools import lru_cache

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

IS_KNOWLEDGE_AGENT = ObjectIdentifier("1.3.6.1.4.1.0")
SYSTEM = "system"
"""The access id of Knowledge Agents, which every node admits."""
ACCESS_IDS = ObjectIdentifier("1.3.6.1.4.1.2")

_UTF8_STRING = 0x0C
_SHORT_FORM_LIMIT = 0x80
_CLIENT_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-:")
_SMALLEST_RSA = 2048
_SMALLEST_EC = 256


class IdentityError(Exception):
    """A certificate that does not establish the identity it is shown for; the text says why."""


class Identity(msgspec.Struct, frozen=True):
    """Identity of a service in the middleware's terms."""

    client_id: str
    access_ids: tuple[str, ...]
    agent: bool = False
    """Whether it is a Knowledge Agent's."""

    def delegation(self) -> str:
        """Return the `Authorization` header with which a Knowledge Agent acts for this service."""
        return _delegation(self.client_id, self.access_ids, self.agent)


@lru_cache(maxsize=4096)  # asked for with every call of every service
def _delegation(client_id: str, access_ids: tuple[str, ...], agent: bool) -> str:  # noqa: FBT001 -- a field as it is
    identity = {"clientId": client_id, "accessIDs": list(access_ids), "ka": agent}
    return "VSL " + base64.b64encode(json.dumps(identity, separators=(",", ":")).encode()).decode()


def _extension_text(certificate: x509.Certificate, oid: ObjectIdentifier) -> str | None:
    """Return a private extension's DER UTF8String as text, None where the extension is absent."""
    try:
        extension = certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension) as error:
        raise IdentityError(f"its extensions cannot be read: {error}") from error
    if not isinstance(extension, x509.UnrecognizedExtension):
        raise IdentityError(f"its extension {oid.dotted_string} is not a string")
    der = extension.value
    head = 2
    if len(der) < head or der[0] != _UTF8_STRING:
        raise IdentityError(f"its extension {oid.dotted_string} is not a UTF8String")
    length = der[1]
    if length >= _SHORT_FORM_LIMIT:
        size = length - _SHORT_FORM_LIMIT
        length = int.from_bytes(der[head : head + size], "big")
        head += size
    if len(der) - head != length:
        raise IdentityError(f"its extension {oid.dotted_string} has a wrong length")
    try:
        return der[head:].decode()
    except UnicodeDecodeError as error:
        raise IdentityError(f"its extension {oid.dotted_string} is not UTF-8") from error


def common_name(certificate: x509.Certificate) -> str:
    """Return the subject's CN, lower-cased as Knowledge Agents do.

    Stricter than they are: they take the text after the first `cn=` of the printed subject, which a crafted
    subject can bend. A subject with several CNs, or a CN that does not look like an id, is refused.

    Raises:
        IdentityError: the subject has not exactly one usable CN.
    """
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise IdentityError(f"its subject has {len(names)} common names instead of one")
    name = str(names[0].value).lower()
    if not name or not _CLIENT_ID_CHARACTERS.issuperset(name):
        raise IdentityError(f"its common name {name!r} is not an id")
    if any("cn=" in str(attribute.value).lower() for attribute in certificate.subject):
        raise IdentityError("its subject hides a second common name")
    return name


def is_knowledge_agent(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is marked as one of a Knowledge Agent.

    Raises:
        IdentityError: the mark cannot be read.
    """
    return (_extension_text(certificate, IS_KNOWLEDGE_AGENT) or "").upper() == "TRUE"


def require_usage(certificate: x509.Certificate, usage: ObjectIdentifier, name: str) -> None:
    """Check that a certificate's extended key usage allows `usage`, which messages call `name`.

    Raises:
        IdentityError: it does not, or has no extended key usage at all.
    """
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound as error:
        raise IdentityError(f"it has no extended key usage; {name} is needed") from error
    except (ValueError, x509.DuplicateExtension) as error:
        raise IdentityError(f"its extensions cannot be read: {error}") from error
    if usage not in usages:
        raise IdentityError(f"its extended key usage lacks {name}")


def require_strong_key(certificate: x509.Certificate) -> None:
    """Check that a key is none that can be broken.

    Raises:
        IdentityError: it is too short.
    """
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SMALLEST_RSA:
        raise IdentityError(f"its RSA key has {key.key_size} bits; {_SMALLEST_RSA} are needed")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size < _SMALLEST_EC:
        raise IdentityError(f"its EC key has {key.curve.key_size} bits; {_SMALLEST_EC} are needed")


def service_identity(certificate: x509.Certificate) -> Identity:
    """Return the identity of a service whose certificate chain has been verified.

    Raises:
        IdentityError: the certificate names no service, or names a Knowledge Agent.
    """
    require_usage(certificate, ExtendedKeyUsageOID.CLIENT_AUTH, "clientAuth")
    require_strong_key(certificate)
    if is_knowledge_agent(certificate):
        raise IdentityError("it is marked as a Knowledge Agent's: such a certificate may act for any service")
    client_id = common_name(certificate)
    listed = _extension_text(certificate, ACCESS_IDS)
    access_ids = tuple(part for part in listed.split(";") if part) if listed else (client_id,)
    if SYSTEM in access_ids:
        raise IdentityError("its access ids claim 'system', which only Knowledge Agents have")
    return Identity(client_id=client_id, access_ids=access_ids)


def agent_name(certificate: x509.Certificate) -> str:
    """Return the name of the Knowledge Agent that shows a certificate as a client; its chain has been verified.

    Raises:
        IdentityError: it is no Knowledge Agent's, or not good enough for one.
    """
    require_usage(certificate, ExtendedKeyUsageOID.CLIENT_AUTH, "clientAuth")
    require_strong_key(certificate)
    if not is_knowledge_agent(certificate):
        raise IdentityError("it is not marked as a Knowledge Agent's (extension 1.3.6.1.4.1.0)")
    return common_name(certificate)


def check_knowledge_agent(certificate: x509.Certificate, agent: str) -> None:
    """Check that a certificate whose chain has been verified is the one of Knowledge Agent `agent`.

    Knowledge Agents have no subjectAltName, so a host name check cannot be used; the chain alone would accept any
    service's certificate.

    Raises:
        IdentityError: it is not that agent's certificate.
    """
    require_usage(certificate, ExtendedKeyUsageOID.SERVER_AUTH, "serverAuth")
    require_strong_key(certificate)
    if not is_knowledge_agent(certificate):
        raise IdentityError("it is not marked as a Knowledge Agent's (extension 1.3.6.1.4.1.0)")
    name = common_name(certificate)
    if name != agent:
        raise IdentityError(f"it is the certificate of {name!r}, not of the configured agent {agent!r}")
