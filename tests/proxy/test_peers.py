"""Who is a peer, and where structures are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from proxy.configuration import GatewayDocument, Peer
from proxy.identity import IdentityError
from proxy.peers import NotAPeerError, Peers, known_agents, structure_sources
from tests.proxy.parts import plain_settings
from tests.site.certificates import Credentials, SiteAuthority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> SiteAuthority:
    return SiteAuthority(tmp_path_factory.mktemp("authority"))


def certificate(credentials: Credentials) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(credentials.certificate).read_bytes())


def peers() -> Peers:
    told = [{"agent": "agent3"}, {"agent": "agent4", "ipv4": "192.0.2.31", "ipv6": "2001:db8::31"}]
    return Peers([Peer.model_validate(each) for each in told])


def test_a_configured_agent_is_known_by_its_certificate(authority: SiteAuthority) -> None:
    found = peers().of_certificate(certificate(authority.agent("agent3")), "192.0.2.9")
    assert found is not None
    assert found.agent == "agent3"


@pytest.mark.parametrize("ip", ["192.0.2.31", "2001:db8::31"])
def test_where_it_calls_from_can_be_pinned(authority: SiteAuthority, ip: str) -> None:
    shown = certificate(authority.agent("agent4"))
    found = peers().of_certificate(shown, ip)
    assert found is not None
    with pytest.raises(NotAPeerError, match=r"calls from 192\.0\.2\.31 or 2001:db8::31, not from 192\.0\.2\.9"):
        peers().of_certificate(shown, "192.0.2.9")


def test_another_agent_is_no_peer(authority: SiteAuthority) -> None:
    with pytest.raises(NotAPeerError, match="may act for any service, and `peers` does not have it"):
        peers().of_certificate(certificate(authority.agent("agent9")), "192.0.2.9")


def test_a_service_of_an_agent_s_name_is_a_service(authority: SiteAuthority) -> None:
    assert peers().of_certificate(certificate(authority.service("agent3")), "192.0.2.9") is None
    assert peers().of_certificate(certificate(authority.impostor("agent3")), "192.0.2.9") is None


def test_not_being_a_peer_is_one_way_of_having_no_identity() -> None:
    assert issubclass(NotAPeerError, IdentityError)


def test_without_certificates_a_peer_is_known_by_its_address() -> None:
    found = peers().at("192.0.2.31")
    assert found is not None
    assert found.agent == "agent4"
    assert peers().at("192.0.2.9") is None


def test_structures_are_asked_of_access_points_and_of_peers_with_a_port() -> None:
    told = [
        {"agent": "agent3", "ipv4": "192.0.2.31", "port": 8083, "tls": "plain"},
        {"agent": "agent4", "ipv4": "192.0.2.32"},
        {"agent": "agent1", "ipv4": "192.0.2.33", "port": 9999},
    ]
    document = GatewayDocument.model_validate(plain_settings(peers=told))
    sources = structure_sources(document)
    assert {agent: (str(each.ipv4), each.port) for agent, each in sources.items()} == {
        "agent1": ("10.77.2.11", 8081),
        "agent3": ("192.0.2.31", 8083),
    }
    assert known_agents(document) == {"agent1", "agent3", "agent4"}
