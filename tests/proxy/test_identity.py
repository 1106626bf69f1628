"""Who a certificate speaks for; crafted certificates speak for nobody."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxy.identity import (
    ACCESS_IDS,
    IS_KNOWLEDGE_AGENT,
    Identity,
    IdentityError,
    agent_name,
    check_knowledge_agent,
    common_name,
    is_knowledge_agent,
    service_identity,
)
from tests.site.certificates import Credentials, SiteAuthority

CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
BOTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
KEY = ec.generate_private_key(ec.SECP256R1())
WEAK_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - the one that has to be refused

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def read(credentials: Credentials) -> x509.Certificate:
    return x509.load_pem_x509_certificate(credentials.certificate.read_bytes())


def text(oid: x509.ObjectIdentifier, value: bytes, *, length: bytes | None = None) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(oid, b"\x0c" + (length or bytes([len(value)])) + value)


def crafted(
    *extensions: x509.ExtensionType, subject: Sequence[tuple[x509.ObjectIdentifier, str]] = (), key: Key = KEY
) -> x509.Certificate:
    names = subject or [(NameOID.COMMON_NAME, "light1")]
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "site-ca")]),
        subject_name=x509.Name([x509.NameAttribute(oid, value) for oid, value in names]),
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=now,
        not_valid_after=now + timedelta(days=1),
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, hashes.SHA256())


def test_a_service(authority: SiteAuthority) -> None:
    listed = ("light1", "group7")
    assert service_identity(read(authority.service("Light1", access_ids=listed))) == Identity("light1", listed)


def test_access_ids_default_to_the_client_id() -> None:
    assert service_identity(crafted(CLIENT)).access_ids == ("light1",)


def test_a_long_list_of_access_ids() -> None:
    listed = tuple(f"group{number}" for number in range(40))
    value = ";".join(listed).encode()
    long_form = text(ACCESS_IDS, value, length=b"\x82" + len(value).to_bytes(2, "big"))
    assert service_identity(crafted(CLIENT, long_form)).access_ids == listed


def test_the_agent_itself(authority: SiteAuthority) -> None:
    check_knowledge_agent(read(authority.agent("agent1")), "agent1")
    assert is_knowledge_agent(read(authority.agent("agent1")))
    assert not is_knowledge_agent(read(authority.service("light1")))


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (crafted(), "it has no extended key usage; clientAuth is needed"),
        (crafted(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])), "its extended key usage lacks clientAuth"),
        (crafted(CLIENT, text(IS_KNOWLEDGE_AGENT, b"true")), "marked as a Knowledge Agent's"),
        (crafted(CLIENT, text(ACCESS_IDS, b"light1;system")), "claim 'system'"),
        (crafted(CLIENT, subject=[(NameOID.COMMON_NAME, "system")]), "claim 'system'"),
        (crafted(CLIENT, x509.UnrecognizedExtension(ACCESS_IDS, b"\x04\x01a")), "is not a UTF8String"),
        (crafted(CLIENT, x509.UnrecognizedExtension(ACCESS_IDS, b"\x0c")), "is not a UTF8String"),
        (crafted(CLIENT, text(ACCESS_IDS, b"ab", length=b"\x01")), "has a wrong length"),
        (crafted(CLIENT, text(ACCESS_IDS, b"ab", length=b"\x84")), "has a wrong length"),
        (crafted(CLIENT, text(ACCESS_IDS, b"\xff")), "is not UTF-8"),
        (crafted(CLIENT, subject=[(NameOID.ORGANIZATION_NAME, "x")]), "has 0 common names"),
        (
            crafted(CLIENT, subject=[(NameOID.COMMON_NAME, "light1"), (NameOID.COMMON_NAME, "agent1")]),
            "has 2 common names",
        ),
        (
            crafted(CLIENT, subject=[(NameOID.ORGANIZATION_NAME, "x,CN=agent1"), (NameOID.COMMON_NAME, "light1")]),
            "hides a second common name",
        ),
        (crafted(CLIENT, subject=[(NameOID.COMMON_NAME, "light1/../agent1")]), "is not an id"),
        (crafted(CLIENT, subject=[(NameOID.COMMON_NAME, "light1 ")]), "is not an id"),
        (crafted(CLIENT, key=WEAK_KEY), "its RSA key has 1024 bits; 2048 are needed"),
        (crafted(CLIENT, key=ec.generate_private_key(ec.SECP192R1())), "its EC key has 192 bits; 256 are needed"),
    ],
)
def test_crafted_certificates_speak_for_nobody(certificate: x509.Certificate, reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        service_identity(certificate)


def test_an_agent_s_certificate_is_no_service_s(authority: SiteAuthority) -> None:
    with pytest.raises(IdentityError, match="such a certificate may act for any service"):
        service_identity(read(authority.agent("agent1")))


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (crafted(CLIENT, subject=[(NameOID.COMMON_NAME, "agent1")]), "lacks serverAuth"),
        (crafted(BOTH, subject=[(NameOID.COMMON_NAME, "agent1")]), "is not marked as a Knowledge Agent's"),
        (
            crafted(BOTH, text(IS_KNOWLEDGE_AGENT, b"FALSE"), subject=[(NameOID.COMMON_NAME, "agent1")]),
            "is not marked as a Knowledge Agent's",
        ),
        (
            crafted(BOTH, text(IS_KNOWLEDGE_AGENT, b"TRUE"), subject=[(NameOID.COMMON_NAME, "agent2")]),
            "it is the certificate of 'agent2', not of the configured agent 'agent1'",
        ),
        (
            crafted(
                BOTH,
                text(IS_KNOWLEDGE_AGENT, b"TRUE"),
                subject=[(NameOID.COMMON_NAME, "agent1")],
                key=WEAK_KEY,
            ),
            "1024 bits",
        ),
    ],
)
def test_who_is_not_the_agent(certificate: x509.Certificate, reason: str) -> None:
    with pytest.raises(IdentityError, match=reason):
        check_knowledge_agent(certificate, "agent1")


def test_an_impostor_of_the_right_authority_is_not_the_agent(authority: SiteAuthority) -> None:
    with pytest.raises(IdentityError, match="lacks serverAuth"):
        check_knowledge_agent(read(authority.impostor("agent1")), "agent1")


def test_common_names_are_lower_case() -> None:
    assert common_name(crafted(subject=[(NameOID.COMMON_NAME, "LightControl1")])) == "lightcontrol1"


def test_the_delegation_names_the_service_and_no_agent() -> None:
    kind, _, encoded = Identity("light1", ("light1", "group7")).delegation().partition(" ")
    assert kind == "VSL"
    assert json.loads(base64.b64decode(encoded)) == {
        "clientId": "light1",
        "accessIDs": ["light1", "group7"],
        "ka": False,
    }


def test_an_extension_that_occurs_twice_establishes_no_identity() -> None:
    once = crafted(CLIENT, text(x509.ObjectIdentifier("1.3.6.1.4.1.1"), b"a"), text(ACCESS_IDS, b"b"))
    der = once.public_bytes(serialization.Encoding.DER)
    twice = x509.load_der_x509_certificate(
        der.replace(bytes.fromhex("06062b0601040101"), bytes.fromhex("06062b0601040102"))
    )
    with pytest.raises(IdentityError):
        service_identity(twice)


def test_the_name_of_an_agent_that_calls(authority: SiteAuthority) -> None:
    assert agent_name(read(authority.agent("Agent3"))) == "agent3"
    for other in (authority.service("agent3"), authority.impostor("agent3")):
        with pytest.raises(IdentityError, match="not marked as a Knowledge Agent's"):
            agent_name(read(other))
