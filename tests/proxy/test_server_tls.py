"""Handshakes of access points with `tls: server`, in memory: what devices show, and what services may."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from proxy.configuration import AccessPoint, Tls
from proxy.identity import IdentityError
from proxy.revocation import Revocations, RevocationsInForce, key_of
from proxy.server_tls import check_name, towards_access_point, towards_services
from proxy.tls import TlsFilesError, refusal_of
from tests.proxy.parts import ResumingClient, connection, pair_of, peer, plain_point, shake_hands
from tests.site.certificates import Credentials, SiteAuthority, fingerprint, load


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> SiteAuthority:
    return SiteAuthority(tmp_path_factory.mktemp("clients"), name="client-ca")


def point(services: dict[str, Any] | None = None, **access_point: Any) -> AccessPoint:
    """An access point with `tls: server`."""
    side = access_point or {"fingerprint": f"sha256:{'00' * 32}"}
    settings = plain_point(tls="server", decoder={"mapping": "x.yaml"}, towards_access_point=side)
    return AccessPoint.model_validate(settings | {"towards_services": services or {}})


def shown_by(of: AccessPoint, device: Credentials) -> tuple[bool, str | None]:
    """Whether a device is taken for the access point, and what our own check says."""
    ours = connection(towards_access_point(of, RevocationsInForce()))
    errors = shake_hands(ours, peer(device, server=True))
    return not errors, refusal_of(ours)


# Towards access points.


def test_a_device_that_signed_itself_is_known_by_its_fingerprint(authority: SiteAuthority) -> None:
    device = authority.device("hue")
    pinned = point(fingerprint=fingerprint(device))
    assert shown_by(pinned, device) == (True, None)
    accepted, why = shown_by(pinned, other := authority.device("hue"))
    assert not accepted
    assert why is not None
    assert why.startswith(f"it shows the certificate {fingerprint(other)}, not the configured one -- ")


def test_a_fingerprint_counts_whoever_issued_the_certificate_and_whatever_its_dates(authority: SiteAuthority) -> None:
    for device in (authority.server("hue.house"), authority.service("hue", expired=True)):
        assert shown_by(point(fingerprint=fingerprint(device)), device) == (True, None)


def test_a_pinned_certificate_higher_up_in_the_chain_is_not_enough(authority: SiteAuthority, tmp_path: Path) -> None:
    # Who has a certificate below the pinned one shows both.
    device = authority.server("evil.house")
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(device.certificate.read_bytes() + authority.certificate.read_bytes())
    context.use_certificate_chain_file(str(chain))
    context.use_privatekey_file(str(device.key))
    pinned = Credentials(authority.certificate, device.key, authority.certificate)
    ours = connection(towards_access_point(point(fingerprint=fingerprint(pinned)), RevocationsInForce()))
    assert "client" in shake_hands(ours, connection(context, server=True))
    assert "not the configured one" in str(refusal_of(ours))


@pytest.mark.parametrize("name", ["hue.house", "10.77.2.11", "2001:db8::1", "anything.wild.house"])
def test_a_device_of_a_ca_is_known_by_its_name(authority: SiteAuthority, name: str) -> None:
    device = authority.server("hue.house", "10.77.2.11", "2001:db8::1", "*.wild.house")
    assert shown_by(point(ca=str(authority.certificate), name=name), device) == (True, None)


@pytest.mark.parametrize("name", ["other.house", "house", "x.hue.house", "10.77.2.12", "a.b.wild.house", "wild.house"])
def test_a_device_of_the_ca_with_another_name_is_refused(authority: SiteAuthority, name: str) -> None:
    device = authority.server("hue.house", "10.77.2.11", "*.wild.house")
    accepted, why = shown_by(point(ca=str(authority.certificate), name=name), device)
    assert not accepted
    assert why is not None
    assert why.startswith(f"its certificate is not for {name!r} but for 'hue.house', '10.77.2.11', '*.wild.house' -- ")


@pytest.mark.parametrize("pattern", ["h*.deep.house", "*", "*.house", "hue.*.house"])
def test_a_wildcard_is_one_whole_label_below_two(authority: SiteAuthority, pattern: str) -> None:
    assert not shown_by(point(ca=str(authority.certificate), name="hue.deep.house"), authority.server(pattern))[0]
    with pytest.raises(IdentityError):
        check_name(load(authority.server(pattern).certificate), "hue.house")


def test_a_common_name_is_no_name_of_a_server(authority: SiteAuthority, clients: SiteAuthority) -> None:
    with pytest.raises(IdentityError, match="no subjectAltName"):
        check_name(load(clients.client("hue.house").certificate), "hue.house")


@pytest.mark.parametrize("kind", ["another CA's", "self-signed", "a client's", "a Knowledge Agent's"])
def test_impostors_of_a_named_device(authority: SiteAuthority, clients: SiteAuthority, kind: str) -> None:
    impostor = {
        "another CA's": lambda: clients.server("hue.house"),
        "self-signed": lambda: authority.device("hue.house"),
        "a client's": lambda: authority.client("x", "hue.house"),
        "a Knowledge Agent's": lambda: authority.agent("hue.house"),
    }[kind]()
    assert not shown_by(point(ca=str(authority.certificate), name="hue.house"), impostor)[0]


def test_a_revoked_device_is_refused(authority: SiteAuthority) -> None:
    device, in_force = authority.server("hue.house"), RevocationsInForce()
    context = towards_access_point(point(ca=str(authority.certificate), name="hue.house"), in_force)
    assert shake_hands(connection(context), peer(device, server=True)) == {}
    key = key_of(load(device.certificate))
    in_force.current = Revocations({key.issuer: frozenset({key.serial})})
    ours = connection(context)
    assert "client" in shake_hands(ours, peer(device, server=True))
    assert "is revoked" in str(refusal_of(ours))


def test_a_device_that_asks_is_shown_the_access_point_s_key_pair_and_no_other(authority: SiteAuthority) -> None:
    device, own = authority.device("hue"), authority.client("gateway.house")
    pinned = {"fingerprint": fingerprint(device)}
    for side, name in ((pinned, None), ({**pinned, **pair_of(own).model_dump()}, "CN=gateway.house")):
        asking = peer(device, server=True)
        assert shake_hands(connection(towards_access_point(point(**side), RevocationsInForce())), asking) == {}
        shown = asking.get_peer_certificate(as_cryptography=True)
        assert (shown and shown.subject.rfc4514_string()) == name


# Towards services.


def served(authority: SiteAuthority, tls: Tls | None = None, **services: Any) -> SSL.Connection:
    own = pair_of(authority.server("hue.house")).model_dump()
    return connection(towards_services(point(own | services), tls), server=True)


def test_a_certificate_is_asked_for_where_a_ca_verifies_it_and_only_there(
    authority: SiteAuthority, clients: SiteAuthority
) -> None:
    tablet = clients.client("tablet")
    asked: list[tuple[Tls | None, dict[str, Any], bool]] = [
        (None, {}, False),
        (None, {"client_ca": clients.certificate}, True),
        (Tls(site_ca=clients.certificate), {}, True),
        (Tls(site_ca=clients.certificate), {"client_certificates": "none"}, False),
        (Tls(site_ca=authority.certificate), {"client_ca": clients.certificate}, True),
    ]
    for tls, services, shown in asked:
        server = served(authority, tls, **services)
        assert shake_hands(peer(tablet), server) == {}
        assert (server.get_peer_certificate() is not None) is shown
        server = served(authority, tls, **services)
        assert shake_hands(peer(None), server) == {}, "nobody has to show one in the handshake"


@pytest.mark.parametrize(
    "kind", ["another CA's", "self-signed", "a server's", "expired", "the site's, where not asked"]
)
def test_a_service_that_cannot_be_verified_is_cut_off(
    authority: SiteAuthority, clients: SiteAuthority, kind: str
) -> None:
    shown = {
        "another CA's": lambda: authority.client("tablet"),
        "self-signed": lambda: clients.device("tablet"),
        "a server's": lambda: clients.server("tablet"),
        "expired": lambda: clients.service("tablet", expired=True),
        "the site's, where not asked": lambda: authority.service("tablet"),
    }[kind]()
    server = served(authority, Tls(site_ca=authority.certificate), client_ca=clients.certificate)
    assert "server" in shake_hands(peer(shown), server)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_http1_is_chosen_and_no_session_is_resumed(
    authority: SiteAuthority, clients: SiteAuthority, version: ssl.TLSVersion
) -> None:
    own = pair_of(authority.server("hue.house")).model_dump()
    ours = towards_services(point(own | {"client_ca": clients.certificate}), None)
    tablet = clients.client("tablet").trusting(authority.certificate)
    context = tablet.client_context()
    context.maximum_version = context.minimum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    first = ResumingClient(context)
    first.meet(connection(ours, server=True))
    assert first.tls.selected_alpn_protocol() == "http/1.1"
    second, server = ResumingClient(context, first.tls.session), connection(ours, server=True)
    second.meet(server)
    assert not second.tls.session_reused
    assert server.get_peer_certificate() is not None


def test_http2_alone_and_old_versions_of_tls_are_not_spoken(authority: SiteAuthority) -> None:
    only_http2 = SSL.Context(SSL.TLS_CLIENT_METHOD)
    only_http2.set_alpn_protos([b"h2"])
    server = served(authority)
    assert "server" in shake_hands(connection(only_http2), server)
    assert str(refusal_of(server)).startswith("HTTP/2 is not spoken here")
    old = SSL.Context(SSL.TLS_CLIENT_METHOD)
    old.set_min_proto_version(SSL.TLS1_VERSION)
    old.set_max_proto_version(SSL.TLS1_1_VERSION)
    old.set_cipher_list(b"ALL:@SECLEVEL=0")
    assert "server" in shake_hands(connection(old), served(authority))


def test_a_device_is_offered_http1_alone(authority: SiteAuthority) -> None:
    device = authority.device("hue")
    offered: list[bytes] = []

    def choose(_connection: SSL.Connection, protocols: list[bytes]) -> bytes:
        offered.extend(protocols)
        return protocols[0]

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate_file(str(device.certificate))
    context.use_privatekey_file(str(device.key))
    context.set_alpn_select_callback(choose)
    ours = connection(towards_access_point(point(fingerprint=fingerprint(device)), RevocationsInForce()))
    assert shake_hands(ours, connection(context, server=True)) == {}
    assert offered == [b"http/1.1"]


def test_files_that_cannot_be_used_are_named(authority: SiteAuthority, tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    with pytest.raises(TlsFilesError, match=f"^{missing}: cannot be used as the CA of agent1: .* -- give "):
        towards_access_point(point(ca=str(missing), name="hue.house"), RevocationsInForce())
    with pytest.raises(TlsFilesError, match=f"^{missing}: cannot be used as the CA of services: .* -- give "):
        served(authority, client_ca=missing)
