"""Handshakes of both sides, in memory, with the certificates of a site and of hostile peers."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from OpenSSL import SSL

from proxy.configuration import KeyPair, Tls
from proxy.revocation import Revocations, RevocationsInForce, key_of
from proxy.tls import TlsFilesError, refusal_of, towards_access_point, towards_services
from tests.proxy.parts import ResumingClient, connection, peer, shake_hands, tls_of
from tests.site.certificates import Credentials, SiteAuthority, load


@pytest.fixture(scope="module")
def tls(authority: SiteAuthority) -> Tls:
    return tls_of(authority)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> SiteAuthority:
    """An authority of somebody else."""
    return SiteAuthority(tmp_path_factory.mktemp("stranger"))


def test_a_service_of_the_site_is_let_in(tls: Tls, authority: SiteAuthority) -> None:
    client, server = peer(authority.service("light1")), connection(towards_services(tls), server=True)
    assert shake_hands(client, server) == {}
    shown = server.get_peer_certificate(as_cryptography=True)
    assert shown is not None
    assert shown.subject.rfc4514_string() == "CN=light1"


def test_a_service_without_a_certificate_passes_the_handshake_as_nobody(tls: Tls) -> None:
    client, server = peer(None), connection(towards_services(tls), server=True)
    assert shake_hands(client, server) == {}
    assert server.get_peer_certificate() is None


@pytest.mark.parametrize(
    "made",
    [
        lambda site, _: site.self_signed("light1"),
        lambda site, _: site.service("light1", expired=True),
        lambda _, other: other.service("light1"),
    ],
    ids=["self-signed", "expired", "another authority's"],
)
def test_a_certificate_that_cannot_be_verified_is_cut_off(
    tls: Tls,
    authority: SiteAuthority,
    stranger: SiteAuthority,
    made: Callable[[SiteAuthority, SiteAuthority], Credentials],
) -> None:
    client, server = peer(made(authority, stranger)), connection(towards_services(tls), server=True)
    assert "server" in shake_hands(client, server)


def test_old_versions_of_tls_are_not_spoken(tls: Tls, authority: SiteAuthority) -> None:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_max_proto_version(SSL.TLS1_1_VERSION)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    assert "server" in shake_hands(connection(context), connection(towards_services(tls), server=True))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed(tls: Tls, authority: SiteAuthority, version: ssl.TLSVersion) -> None:
    context = authority.service("light1").client_context()
    context.maximum_version = context.minimum_version = version
    ours = towards_services(tls)
    first = ResumingClient(context)
    first.meet(connection(ours, server=True))
    second = ResumingClient(context, first.tls.session)
    server = connection(ours, server=True)
    second.meet(server)
    assert second.tls.version() == version.name.replace("_", ".")
    assert not second.tls.session_reused
    assert server.get_peer_certificate() is not None


def test_the_configured_agent_is_accepted_and_sees_our_certificate(tls: Tls, authority: SiteAuthority) -> None:
    ours, agent = (
        connection(towards_access_point(tls, "agent1", RevocationsInForce())),
        peer(authority.agent("agent1"), server=True),
    )
    assert shake_hands(ours, agent) == {}
    shown = agent.get_peer_certificate(as_cryptography=True)
    assert shown is not None
    assert shown.subject.rfc4514_string() == "CN=gateway"
    assert refusal_of(ours) is None


def test_an_agent_whose_certificate_is_revoked_meanwhile_is_refused(tls: Tls, authority: SiteAuthority) -> None:
    credentials, in_force = authority.agent("agent1"), RevocationsInForce()
    context = towards_access_point(tls, "agent1", in_force)
    assert shake_hands(connection(context), peer(credentials, server=True)) == {}
    key = key_of(load(credentials.certificate))
    in_force.current = Revocations({key.issuer: frozenset({key.serial})})
    ours = connection(context)
    assert "client" in shake_hands(ours, peer(credentials, server=True))
    assert "CN=agent1" in str(refusal_of(ours))


def test_another_agent_of_the_site_is_refused_with_our_reason(tls: Tls, authority: SiteAuthority) -> None:
    ours, agent = (
        connection(towards_access_point(tls, "agent1", RevocationsInForce())),
        peer(authority.agent("agent2"), server=True),
    )
    assert "client" in shake_hands(ours, agent)
    assert refusal_of(ours) == "it is the certificate of 'agent2', not of the configured agent 'agent1'"


@pytest.mark.parametrize(
    "made",
    [
        lambda site, _: site.impostor("agent1"),
        lambda site, _: site.self_signed("agent1"),
        lambda _, other: other.agent("agent1"),
    ],
    ids=["a service in its name", "self-signed", "another authority's"],
)
def test_impostors_of_the_agent_are_refused(
    tls: Tls,
    authority: SiteAuthority,
    stranger: SiteAuthority,
    made: Callable[[SiteAuthority, SiteAuthority], Credentials],
) -> None:
    ours, agent = (
        connection(towards_access_point(tls, "agent1", RevocationsInForce())),
        peer(made(authority, stranger), server=True),
    )
    assert "client" in shake_hands(ours, agent)


def file_of(directory: Path, content: bytes) -> Path:
    path = directory / "file.pem"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [None, b"", b"no PEM"], ids=["missing", "empty", "not PEM"])
@pytest.mark.parametrize("part", ["certificate", "key", "authority"])
def test_files_that_cannot_be_used_are_named(
    tls: Tls, authority: SiteAuthority, tmp_path: Path, part: str, content: bytes | None
) -> None:
    bad = tmp_path / "missing.pem" if content is None else file_of(tmp_path, content)
    own = authority.agent("gateway")
    pair = KeyPair(certificate=bad if part == "certificate" else own.certificate, key=bad if part == "key" else own.key)
    broken = Tls(
        site_ca=bad if part == "authority" else authority.certificate,
        towards_services=pair,
        towards_access_points=pair,
    )
    with pytest.raises(TlsFilesError, match=f"^{bad}: .*: .+ -- give "):
        towards_services(broken)
    with pytest.raises(TlsFilesError, match=f"^{bad}: .*: .+ -- give "):
        towards_access_point(broken, "agent1", RevocationsInForce())


def test_a_key_of_another_certificate_is_named(authority: SiteAuthority) -> None:
    own, other = authority.agent("gateway"), authority.service("light1")
    pair = KeyPair(certificate=own.certificate, key=other.key)
    with pytest.raises(TlsFilesError, match=f"^{other.key}: is not a readable private key of {own.certificate}"):
        towards_services(Tls(site_ca=authority.certificate, towards_services=pair, towards_access_points=pair))


@pytest.mark.parametrize(
    ("offered", "chosen", "refusal"),
    [
        (["http/1.1"], "http/1.1", None),
        (["h2", "http/1.1"], "http/1.1", None),
        ([], None, None),
        (["h2"], None, "HTTP/2 is not spoken here"),
        (["spdy/3"], None, "none of"),
    ],
)
def test_http1_is_chosen_and_a_service_that_does_not_offer_it_is_told_apart(
    tls: Tls, authority: SiteAuthority, offered: list[str], chosen: str | None, refusal: str | None
) -> None:
    context = authority.service("light1").client_context()
    if offered:
        context.set_alpn_protocols(offered)
    server = connection(towards_services(tls), server=True)
    client = ResumingClient(context)
    if refusal is None:
        client.meet(server)
        assert client.tls.selected_alpn_protocol() == chosen
        assert refusal_of(server) is None
        return
    with pytest.raises(SSL.Error):
        client.meet(server)
    assert (refusal_of(server) or "").startswith(refusal)
