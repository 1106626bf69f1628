"""Which end of a handshake each access point gets, and which name it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from proxy.configuration import load_gateway
from proxy.revocation import RevocationsInForce
from proxy.tls_contexts import TlsContexts, contexts
from tests.proxy.parts import (
    Settings,
    connection,
    peer,
    plain_point,
    plain_settings,
    shake_hands,
    tls_settings,
    write_settings,
)
from tests.site.certificates import SiteAuthority, fingerprint


@pytest.fixture
def made(authority: SiteAuthority, tmp_path: Path) -> TlsContexts:
    """A Knowledge Agent, a device with a name, one with a fingerprint, and one without TLS."""
    ca = str(authority.certificate)

    def server(**changes: Any) -> Settings:
        return plain_point(tls="server", decoder={"mapping": "x.yaml"}, **changes)

    points = [
        plain_point(tls="required"),
        server(agent="heater", port=2, listen_port=9102, towards_access_point={"ca": ca, "name": "heater.house"}),
        server(
            agent="hue",
            port=3,
            listen_port=9103,
            towards_access_point={"fingerprint": fingerprint(authority.device("hue"))},
        ),
        plain_point(agent="plug", port=4, listen_port=9104, decoder={"mapping": "x.yaml"}),
    ]
    settings = plain_settings(access_points=points, tls=tls_settings(authority))
    return contexts(load_gateway(write_settings(tmp_path, settings)), RevocationsInForce())


def test_who_speaks_no_tls_gets_no_handshake(made: TlsContexts) -> None:
    assert {agent: made.to_service(agent) is not None for agent in ("agent1", "heater", "hue", "plug", "x")} == {
        "agent1": True,
        "heater": True,
        "hue": True,
        "plug": False,
        "x": False,
    }
    assert made.to_access_point("plug") is None


def test_an_access_point_is_asked_for_its_own_name(made: TlsContexts, authority: SiteAuthority) -> None:
    asked: list[bytes | None] = []
    for agent, credentials in (
        ("heater", authority.server("heater.house")),
        ("hue", authority.server("hue.house")),
        ("agent1", authority.agent("agent1")),
    ):
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_file(str(credentials.certificate))
        context.use_privatekey_file(str(credentials.key))
        context.set_tlsext_servername_callback(lambda server: asked.append(server.get_servername()))
        ours = made.to_access_point(agent)
        assert ours is not None
        shake_hands(ours, connection(context, server=True))
    assert asked == [b"heater.house", None, None]


def test_each_access_point_s_certificate_is_no_good_at_another(made: TlsContexts, authority: SiteAuthority) -> None:
    agent, heater = authority.agent("agent1"), authority.server("heater.house")
    for name, credentials, accepted in (
        ("agent1", agent, True),
        ("agent1", heater, False),
        ("heater", heater, True),
        ("heater", agent, False),
        ("hue", heater, False),
        ("hue", agent, False),
    ):
        ours = made.to_access_point(name)
        assert ours is not None
        assert (not shake_hands(ours, peer(credentials, server=True))) is accepted, name


def test_without_a_tls_section_a_device_may_have_all_it_needs(authority: SiteAuthority, tmp_path: Path) -> None:
    own = authority.server("hue.house")
    point = plain_point(
        tls="server",
        decoder={"mapping": "x.yaml"},
        towards_services={"certificate": str(own.certificate), "key": str(own.key)},
        towards_access_point={"fingerprint": fingerprint(own)},
    )
    document = load_gateway(write_settings(tmp_path, plain_settings(access_points=[point])))
    server = contexts(document, RevocationsInForce()).to_service("agent1")
    assert server is not None
    assert shake_hands(peer(authority.client("tablet")), server) == {}
    assert server.get_peer_certificate() is None, "nobody could verify it, so nobody asks for it"
