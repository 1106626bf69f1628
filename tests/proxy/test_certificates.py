"""What is wrong with the gateway's own certificates is told before the first call fails on it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from proxy.certificates import problems
from proxy.configuration import KeyPair, Tls
from tests.proxy.parts import tls_of
from tests.site.certificates import Credentials, SiteAuthority

NOW = datetime.now(UTC)


def pair(credentials: Credentials) -> KeyPair:
    return KeyPair(certificate=credentials.certificate, key=credentials.key)


def tls(authority: SiteAuthority, towards_services: Credentials, towards_access_points: Credentials) -> Tls:
    return Tls(
        site_ca=authority.certificate,
        towards_services=pair(towards_services),
        towards_access_points=pair(towards_access_points),
    )


def test_certificates_in_order(authority: SiteAuthority) -> None:
    assert problems(tls_of(authority), NOW) == []


def test_a_file_that_serves_both_sides_is_told_once(authority: SiteAuthority) -> None:
    given = tls_of(authority)
    (problem,) = problems(given, NOW + timedelta(days=1000))
    assert problem.startswith(f"{given.towards_services.certificate}: expired on ")
    assert problem.endswith(" -- renew it")


def test_every_file_that_cannot_be_used_is_told_with_its_reason(authority: SiteAuthority, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no PEM")
    (tmp_path / "directory.pem").mkdir()
    own = authority.agent("gateway")
    given = Tls(
        site_ca=tmp_path / "ca.pem",
        towards_services=KeyPair(certificate=tmp_path / "missing.pem", key=tmp_path / "missing.key"),
        towards_access_points=KeyPair(certificate=tmp_path / "directory.pem", key=own.certificate),
    )
    missing, no_key = "No such file or directory", "it holds no private key that can be read"
    assert [line.partition(" -- ")[0] for line in problems(given, NOW)] == [
        f"{tmp_path / 'ca.pem'}: cannot be used as the site's CA: it holds no certificate that can be read",
        f"{tmp_path / 'missing.pem'}: cannot be used as certificate: {missing}",
        f"{tmp_path / 'missing.key'}: cannot be used as private key of {tmp_path / 'missing.pem'}: {missing}",
        f"{tmp_path / 'directory.pem'}: cannot be used as certificate: Is a directory",
        f"{own.certificate}: cannot be used as private key of {tmp_path / 'directory.pem'}: {no_key}",
    ]
    assert all(" -- " in line for line in problems(given, NOW))


def test_a_key_with_a_passphrase(authority: SiteAuthority, tmp_path: Path) -> None:
    own = authority.agent("gateway")
    key = serialization.load_pem_private_key(own.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        )
    )
    (problem,) = problems(tls(authority, own, replace(own, key=locked)), NOW)
    assert problem.startswith(f"{locked}: ")
    assert "encrypted" in problem


def test_a_key_of_another_certificate(authority: SiteAuthority) -> None:
    own, other = authority.agent("gateway"), authority.service("light1")
    (problem,) = problems(tls(authority, replace(own, key=other.key), own), NOW)
    assert problem.startswith(f"{other.key}: is not the private key of {own.certificate} -- ")


def test_a_certificate_that_is_not_valid_yet(authority: SiteAuthority) -> None:
    found = problems(tls_of(authority), NOW - timedelta(days=3))
    assert [line for line in found if "is not valid before" in line] == found[:1]
    assert len(found) == 1, "the chain is not told to be too young as well"


def test_an_authority_that_expires_before_what_it_issued(tmp_path: Path) -> None:
    site = SiteAuthority(tmp_path)
    issuer_ends = x509.load_pem_x509_certificate(site.certificate.read_bytes()).not_valid_after_utc
    time.sleep(1.1)  # Certificates count whole seconds.
    given = tls_of(site)
    assert problems(given, issuer_ends) == []
    (problem,) = problems(given, issuer_ends + timedelta(seconds=1))
    assert problem.startswith(f"{given.towards_access_points.certificate}: is not verified by {site.certificate}: ")
    assert "expired" in problem


def test_a_service_s_certificate_cannot_speak_for_services(authority: SiteAuthority) -> None:
    own, service = authority.agent("gateway"), authority.service("light1")
    (problem,) = problems(tls(authority, own, service), NOW)
    assert problem.startswith(f"{service.certificate}: access points will not let it speak for services: ")
    assert "1.3.6.1.4.1.0" in problem


def test_a_certificate_without_server_usage_towards_services(authority: SiteAuthority) -> None:
    own, service = authority.agent("gateway"), authority.service("light1")
    (problem,) = problems(tls(authority, service, own), NOW)
    assert problem.startswith(f"{service.certificate}: services may refuse it: ")
    assert "serverAuth" in problem


def test_a_certificate_without_any_usage_is_only_refused_by_access_points(authority: SiteAuthority) -> None:
    bare = Credentials(authority.certificate, authority.agent("gateway").key, authority.certificate)
    found = problems(tls(authority, bare, bare), NOW)
    assert any("clientAuth" in line for line in found)
    assert not any("serverAuth" in line for line in found)


@pytest.mark.parametrize("name", ["site-ca", "other-ca"])
def test_a_knowledge_agent_s_certificate_of_another_authority(
    authority: SiteAuthority, tmp_path: Path, name: str
) -> None:
    stranger = SiteAuthority(tmp_path, name=name)
    foreign = stranger.agent("gateway")
    (problem,) = problems(tls(authority, foreign, foreign), NOW)
    assert problem.startswith(f"{foreign.certificate}: is not verified by {authority.certificate}: ")
