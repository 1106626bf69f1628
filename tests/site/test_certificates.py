"""Certificates as the stock tool makes them: vsl-rest, section 2.1."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from tests.site.certificates import ACCESS_IDS, KNOWLEDGE_AGENT, MANIFEST_HASH, Credentials, SiteAuthority
from tests.site.knowledge_agent.errors import TransportError
from tests.site.knowledge_agent.identity import SYSTEM, Identity, from_certificate


def load(credentials: Credentials) -> x509.Certificate:
    return x509.load_pem_x509_certificate(credentials.certificate.read_bytes())


def identity(credentials: Credentials) -> Identity:
    return from_certificate(load(credentials).public_bytes(Encoding.DER))


def usages(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    return set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def has(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> bool:
    return any(extension.oid == oid for extension in certificate.extensions)


def verified_by_openssl(credentials: Credentials, purpose: str) -> bool:
    command = ["openssl", "verify", "-purpose", purpose, "-CAfile", str(credentials.authority)]
    return subprocess.run([*command, str(credentials.certificate)], capture_output=True, check=False).returncode == 0


def test_a_service(authority: SiteAuthority) -> None:
    credentials = authority.service("lightControl1", access_ids=["lightcontrol1", "group7"])
    certificate = load(credentials)
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "lightControl1"
    assert usages(certificate) == {ExtendedKeyUsageOID.CLIENT_AUTH}
    assert has(certificate, MANIFEST_HASH)
    assert has(certificate, ACCESS_IDS)
    assert not has(certificate, KNOWLEDGE_AGENT)
    assert not has(certificate, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    assert identity(credentials) == Identity("lightcontrol1", ("lightcontrol1", "group7"))


def test_a_knowledge_agent(authority: SiteAuthority) -> None:
    credentials = authority.agent("agent1")
    certificate = load(credentials)
    assert usages(certificate) == {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
    assert not has(certificate, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    assert identity(credentials) == Identity("agent1", (SYSTEM,), ka=True)


def test_text_in_extensions_is_a_der_utf8string(authority: SiteAuthority) -> None:
    extension = load(authority.agent("agent1")).extensions.get_extension_for_oid(KNOWLEDGE_AGENT).value
    assert isinstance(extension, x509.UnrecognizedExtension)
    assert extension.value == b"\x0c\x04TRUE"
    with pytest.raises(ValueError, match="short DER form"):
        authority.service("a", access_ids=["x" * 200])


def test_openssl_agrees_with_what_is_genuine(authority: SiteAuthority, tmp_path: Path) -> None:
    assert verified_by_openssl(authority.service("a"), "sslclient")
    assert verified_by_openssl(authority.agent("a"), "sslserver")
    assert not verified_by_openssl(authority.service("a", expired=True), "sslclient")
    assert not verified_by_openssl(authority.self_signed("a"), "sslclient")
    assert not verified_by_openssl(authority.impostor("a"), "sslserver")
    other = SiteAuthority(tmp_path, name="other-ca").service("a")
    assert verified_by_openssl(other, "sslclient")
    assert not verified_by_openssl(other.trusting(authority.certificate), "sslclient")


def test_an_impostor_has_the_name_but_not_the_mark_of_an_agent(authority: SiteAuthority) -> None:
    assert identity(authority.impostor("agent1")) == Identity("agent1", ("agent1",))


def test_rsa_as_the_stock_tool(tmp_path: Path) -> None:
    key = load(SiteAuthority(tmp_path, rsa_keys=True).service("a")).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048


def test_a_certificate_without_a_manifest_hash_is_nobody(authority: SiteAuthority) -> None:
    der = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    with pytest.raises(TransportError) as refused:
        from_certificate(der.public_bytes(Encoding.DER))
    assert refused.value.code == 401


def test_keys_are_for_their_owner_only(authority: SiteAuthority) -> None:
    assert authority.service("a").key.stat().st_mode & 0o077 == 0
