"""What is wrong with the gateway's own certificates is told before the first call fails on it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from proxy.certificates import of_section, problems
from proxy.configuration import GatewayDocument, KeyPair, Tls
from tests.proxy.parts import pair_of, plain_point, plain_settings, tls_of
from tests.site.certificates import Credentials, SiteAuthority

NOW = datetime.now(UTC)


def tls(authority: SiteAuthority, towards_services: Credentials, towards_access_points: Credentials) -> Tls:
    return Tls(
        site_ca=authority.certificate,
        towards_services=pair_of(towards_services),
        towards_access_points=pair_of(towards_access_points),
    )


def test_certificates_in_order(authority: SiteAuthority) -> None:
    assert of_section(tls_of(authority), NOW) == []


def test_a_file_that_serves_both_sides_is_told_once(authority: SiteAuthority) -> None:
    given = tls_of(authority)
    (problem,) = of_section(given, NOW + timedelta(days=1000))
    assert problem.startswith(f"{given.of_agents()[1].certificate}: expired on ")
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
    assert [line.partition(" -- ")[0] for line in of_section(given, NOW)] == [
        f"{tmp_path / 'ca.pem'}: cannot be used as the site's CA: it holds no certificate that can be read",
        f"{tmp_path / 'missing.pem'}: cannot be used as certificate: {missing}",
        f"{tmp_path / 'missing.key'}: cannot be used as private key of {tmp_path / 'missing.pem'}: {missing}",
        f"{tmp_path / 'directory.pem'}: cannot be used as certificate: Is a directory",
        f"{own.certificate}: cannot be used as private key of {tmp_path / 'directory.pem'}: {no_key}",
    ]
    assert all(" -- " in line for line in of_section(given, NOW))


def test_a_key_with_a_passphrase(authority: SiteAuthority, tmp_path: Path) -> None:
    own = authority.agent("gateway")
    key = serialization.load_pem_private_key(own.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        )
    )
    (problem,) = of_section(tls(authority, own, replace(own, key=locked)), NOW)
    assert problem.startswith(f"{locked}: ")
    assert "encrypted" in problem


def test_a_key_of_another_certificate(authority: SiteAuthority) -> None:
    own, other = authority.agent("gateway"), authority.service("light1")
    (problem,) = of_section(tls(authority, replace(own, key=other.key), own), NOW)
    assert problem.startswith(f"{other.key}: is not the private key of {own.certificate} -- ")


def test_a_certificate_that_is_not_valid_yet(authority: SiteAuthority) -> None:
    found = of_section(tls_of(authority), NOW - timedelta(days=3))
    assert [line for line in found if "is not valid before" in line] == found[:1]
    assert len(found) == 1, "the chain is not told to be too young as well"


def test_an_authority_that_expires_before_what_it_issued(tmp_path: Path) -> None:
    site = SiteAuthority(tmp_path)
    issuer_ends = x509.load_pem_x509_certificate(site.certificate.read_bytes()).not_valid_after_utc
    time.sleep(1.1)  # Certificates count whole seconds.
    given = tls_of(site)
    assert of_section(given, issuer_ends) == []
    (problem,) = of_section(given, issuer_ends + timedelta(seconds=1))
    assert problem.startswith(f"{given.of_agents()[2].certificate}: is not verified by {site.certificate}: ")
    assert "expired" in problem


def test_a_service_s_certificate_cannot_speak_for_services(authority: SiteAuthority) -> None:
    own, service = authority.agent("gateway"), authority.service("light1")
    (problem,) = of_section(tls(authority, own, service), NOW)
    assert problem.startswith(f"{service.certificate}: access points will not let it speak for services: ")
    assert "1.3.6.1.4.1.0" in problem


def test_a_certificate_without_server_usage_towards_services(authority: SiteAuthority) -> None:
    own, service = authority.agent("gateway"), authority.service("light1")
    (problem,) = of_section(tls(authority, service, own), NOW)
    assert problem.startswith(f"{service.certificate}: services may refuse it: ")
    assert "serverAuth" in problem


def test_a_certificate_without_any_usage_is_only_refused_by_access_points(authority: SiteAuthority) -> None:
    bare = Credentials(authority.certificate, authority.agent("gateway").key, authority.certificate)
    found = of_section(tls(authority, bare, bare), NOW)
    assert any("clientAuth" in line for line in found)
    assert not any("serverAuth" in line for line in found)


@pytest.mark.parametrize("name", ["site-ca", "other-ca"])
def test_a_knowledge_agent_s_certificate_of_another_authority(
    authority: SiteAuthority, tmp_path: Path, name: str
) -> None:
    stranger = SiteAuthority(tmp_path, name=name)
    foreign = stranger.agent("gateway")
    (problem,) = of_section(tls(authority, foreign, foreign), NOW)
    assert problem.startswith(f"{foreign.certificate}: is not verified by {authority.certificate}: ")


def test_the_files_of_devices_are_looked_at_too(authority: SiteAuthority, tmp_path: Path) -> None:
    own, missing = authority.server("hue.house"), str(tmp_path / "missing.pem")
    pair = {"certificate": str(own.certificate), "key": str(own.key)}

    def found(services: dict[str, Any], access_point: dict[str, Any], now: datetime = NOW) -> list[str]:
        point = plain_point(
            tls="server",
            decoder={"mapping": "x.yaml"},
            towards_services=pair | services,
            towards_access_point={"ca": str(authority.certificate), "name": "hue.house"} | access_point,
        )
        return problems(GatewayDocument.model_validate(plain_settings(access_points=[point])), now)

    assert found({"client_ca": str(authority.certificate)}, dict(pair)) == []
    (line,) = found({"client_ca": missing}, {})
    assert line.startswith(f"{missing}: cannot be used as the CA of services: ")
    (line,) = found({}, {"ca": missing})
    assert line.startswith(f"{missing}: cannot be used as the CA of agent1: ")
    (line,) = found({}, {"certificate": missing, "key": str(own.key)})
    assert line.startswith(f"{missing}: cannot be used as certificate: ")
    client = authority.client("tablet")
    (line,) = found({"certificate": str(client.certificate), "key": str(client.key)}, {})
    assert "services may refuse it" in line
    (line,) = found({}, {}, NOW + timedelta(days=1000))
    assert line.startswith(f"{own.certificate}: expired on ")
