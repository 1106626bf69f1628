"""Every hook denies first; connections are let in, identified and given their layers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mitmproxy import connection, tls
from mitmproxy.options import Options
from mitmproxy.proxy import commands, context, events, layer, server_hooks
from mitmproxy.proxy.layers.modes import TransparentProxy
from mitmproxy.test import tflow
from OpenSSL import SSL

from proxy import server_tls
from proxy.configuration import AccessPoint, Limits
from proxy.connections import Connection
from proxy.hooks import message_limits
from proxy.http1.deadlines import Phase
from proxy.http1.layer import Http1Layer
from proxy.identity import Identity
from proxy.layers import BoundedClientTls, BoundedServerTls, RefusingLayer
from proxy.revocation import Revocations, RevocationsInForce, key_of
from proxy.tls import towards_access_point, towards_services
from proxy.tls_contexts import TlsContexts
from proxy.tokens import hash_of
from tests.proxy import parts
from tests.proxy.judged import LEARN, POINT, SERVICE_IP, Bench, Raising, refusal_code, request, status
from tests.proxy.lamp_decoder import LampDecoder
from tests.proxy.parts import tls_of
from tests.site.certificates import Credentials, SiteAuthority, fingerprint, load

# Connections and layers.


def redirected(sockname: tuple[str, int] = POINT) -> connection.Client:
    """A connection that was redirected here from what the service called, before any hook has met it."""
    client = tflow.tclient_conn()
    client.peername, client.sockname = (SERVICE_IP, 40_000), sockname
    client.timestamp_tls_setup = None
    return client


def test_a_redirected_connection_is_let_in_and_forgotten_at_its_end() -> None:
    bench = Bench()
    client = redirected()
    bench.hooks.client_connected(client)
    assert client.error is None
    assert bench.connections[client.id].ip == SERVICE_IP
    bench.hooks.client_disconnected(client)
    assert len(bench.connections) == 0


@pytest.mark.parametrize("sockname", [("10.77.1.1", 9101), ("198.51.100.11", 8082), ("198.51.100.12", 8081)])
def test_a_connection_to_anything_but_an_access_point_is_closed(sockname: tuple[str, int]) -> None:
    bench = Bench()
    client = redirected(sockname)
    bench.hooks.client_connected(client)
    assert client.error == "refused"
    assert len(bench.connections) == 0


def test_connections_above_the_limit_are_closed_until_one_ends() -> None:
    bench = Bench(most_connections=1)
    last = bench.connect()
    client = redirected()
    bench.hooks.client_connected(client)
    assert client.error == "refused"
    assert bench.crowds == ["1 connections are open"]
    bench.hooks.client_disconnected(last)
    bench.hooks.client_connected(client)
    assert client.error is None


@pytest.mark.parametrize("address", [("198.51.100.12", 8081), ("198.51.100.11", 8082), ("192.0.2.1", 9101)])
def test_only_declared_access_points_are_connected_to(address: tuple[str, int]) -> None:
    hooks = Bench().hooks
    for target, error in ((address, "refused"), (POINT, None)):
        server = connection.Server(address=target)
        hooks.server_connect(server_hooks.ServerConnectionHookData(server=server, client=tflow.tclient_conn()))
        assert server.error == error


def let_in(bench: Bench, of: context.Context) -> context.Context:
    """The same after the connection has been let in."""
    bench.hooks.client_connected(of.client)
    return of


def arrived(address: tuple[str, int] | None = POINT) -> context.Context:
    """What mitmproxy knows of a connection that was redirected to it."""
    made = context.Context(redirected(), Options())
    made.server.address = address
    TransparentProxy(made)
    return made


def chosen(bench: Bench, of: context.Context) -> layer.Layer:
    data = layer.NextLayer(of, ask_on_start=True)
    bench.hooks.next_layer(data)
    assert data.layer is not None
    return data.layer


def test_a_plain_access_point_is_spoken_to_in_http() -> None:
    bench = Bench(tls_mode="plain")
    of = let_in(bench, arrived())
    assert isinstance(chosen(bench, of), Http1Layer)


def test_where_tls_is_required_both_sides_speak_it_before_http() -> None:
    bench = Bench()
    of = let_in(bench, arrived())
    outer = chosen(bench, of)
    assert isinstance(outer, BoundedServerTls)
    assert isinstance(outer.child_layer, BoundedClientTls)
    assert isinstance(chosen(bench, of), RefusingLayer)
    of.client.timestamp_tls_setup = 1.0
    of.client.tls = True
    assert isinstance(chosen(bench, of), Http1Layer)


@pytest.mark.parametrize("address", [None, ("198.51.100.12", 8081)])
def test_what_is_not_for_an_access_point_is_closed_and_nothing_forwarded(address: tuple[str, int] | None) -> None:
    bench = Bench(tls_mode="plain")
    refusing = chosen(bench, arrived(address))
    assert isinstance(refusing, RefusingLayer)
    (command,) = refusing.handle_event(events.Start())
    assert isinstance(command, commands.CloseConnection)
    assert list(refusing.handle_event(events.DataReceived(refusing.context.client, b"GET / HTTP/1.1\r\n\r\n"))) == []


# TLS.


@pytest.fixture(scope="module")
def contexts(authority: SiteAuthority) -> TlsContexts:
    settings = tls_of(authority)
    return TlsContexts(
        {"agent1": towards_services(settings)},
        {"agent1": towards_access_point(settings, "agent1", RevocationsInForce())},
    )


def handshake_of(bench: Bench, credentials: Credentials | None) -> tuple[tls.TlsData, Connection]:
    """Let a service do its handshake with what the hooks give, then tell them of it."""
    of = arrived()
    bench.hooks.client_connected(of.client)
    data = tls.TlsData(of.client, of)
    bench.hooks.tls_start_client(data)
    assert data.ssl_conn is not None
    assert parts.shake_hands(parts.peer(credentials), data.ssl_conn) == {}
    return data, bench.connections[of.client.id]


@pytest.mark.parametrize("only_here", [False, True])
def test_a_certificate_from_elsewhere_is_told_and_may_be_refused(
    contexts: TlsContexts, authority: SiteAuthority, only_here: bool
) -> None:
    known = {"address": "/agent1/lightcontrol1", "ip": "192.0.2.77", "only_here": only_here}
    bench = Bench(contexts=contexts, inventory={"services": [known]})
    data, live = handshake_of(bench, authority.service("lightcontrol1"))
    bench.hooks.tls_established_client(data)
    assert bench.conflicts == [("/agent1/lightcontrol1", SERVICE_IP, ["192.0.2.77"])]
    assert live.identity == Identity("lightcontrol1", ("lightcontrol1",))
    assert (live.misplaced is not None) is only_here
    if live.misplaced is not None:
        assert (live.misplaced.code, live.misplaced.every_mode) == ("identity-conflict", False)


def test_a_key_that_is_pinned_is_so_at_an_access_point_where_the_inventory_does_not_have_it(
    contexts: TlsContexts, authority: SiteAuthority
) -> None:
    known = {"address": "/agent2/lightcontrol1", "ip": "192.0.2.77", "only_here": True}
    bench = Bench(contexts=contexts, inventory={"services": [known]})
    data, _ = handshake_of(bench, authority.service("lightcontrol1"))
    bench.hooks.tls_established_client(data)
    assert bench.conflicts == [("/agent1/lightcontrol1", SERVICE_IP, ["192.0.2.77"])]
    assert isinstance(data.conn, connection.Client)
    assert not bench.send(request(), data.conn).to_access_point
    assert refusal_code(bench) == "identity-conflict"


@pytest.mark.parametrize(("only_here", "sighted"), [(False, 1), (True, 0)])
def test_who_shows_a_pinned_key_from_elsewhere_is_not_noted_as_being_there(
    contexts: TlsContexts, authority: SiteAuthority, only_here: bool, sighted: int
) -> None:
    known = {"address": "/agent1/lightcontrol1", "ip": "192.0.2.77", "only_here": only_here}
    bench = Bench(contexts=contexts, inventory={"services": [known]})
    data, _ = handshake_of(bench, authority.service("lightcontrol1"))
    bench.hooks.tls_established_client(data)
    assert bench.sightings == [(SERVICE_IP, "certificate:lightcontrol1")] * sighted
    assert isinstance(data.conn, connection.Client)
    assert bool(bench.send(request(), data.conn).to_access_point) is not only_here
    assert len(bench.sightings) == 2 * sighted


@pytest.mark.parametrize("part", ["registry", "on_conflict"])
def test_a_defect_before_it_is_known_where_a_service_may_be_refuses_its_calls(
    contexts: TlsContexts, authority: SiteAuthority, part: str
) -> None:
    known = {"address": "/agent1/lightcontrol1", "ip": "192.0.2.77", "only_here": True}
    bench = Bench(LEARN, contexts=contexts, inventory={"services": [known]})
    data, _ = handshake_of(bench, authority.service("lightcontrol1"))
    object.__setattr__(bench.gate, part, Raising())
    with pytest.raises((RuntimeError, TypeError)):
        bench.hooks.tls_established_client(data)
    assert isinstance(data.conn, connection.Client)
    assert not bench.send(request(), data.conn).to_access_point
    assert refusal_code(bench) == "identity-not-read"


def test_that_nobody_can_be_told_who_is_there_changes_nothing_of_who_it_is(
    contexts: TlsContexts, authority: SiteAuthority
) -> None:
    bench = Bench(contexts=contexts)
    data, live = handshake_of(bench, authority.service("lightcontrol1"))
    sighted = bench.judging.on_sighting
    object.__setattr__(bench.judging, "on_sighting", Raising())
    bench.hooks.tls_established_client(data)
    assert [place for place, _ in bench.broken] == ["sighting"]
    assert (live.identity, live.identity_problem) == (Identity("lightcontrol1", ("lightcontrol1",)), None)
    object.__setattr__(bench.judging, "on_sighting", sighted)
    assert isinstance(data.conn, connection.Client)
    assert bench.send(request(), data.conn).to_access_point


@pytest.mark.parametrize("known", [{}, {"ip": SERVICE_IP}, {"ip": "192.0.2.77", "addresses": [{"ip": SERVICE_IP}]}])
def test_a_certificate_from_where_the_inventory_has_it_is_nothing_to_tell(
    contexts: TlsContexts, authority: SiteAuthority, known: dict[str, object]
) -> None:
    inventory = {"services": [{"address": "/agent1/lightcontrol1", **known}]}
    bench = Bench(contexts=contexts, inventory=inventory)
    data, live = handshake_of(bench, authority.service("lightcontrol1"))
    bench.hooks.tls_established_client(data)
    assert bench.conflicts == []
    assert live.misplaced is None


def test_a_revoked_certificate_establishes_no_identity(contexts: TlsContexts, authority: SiteAuthority) -> None:
    bench = Bench(contexts=contexts)
    stolen = authority.service("lightcontrol1")
    key = key_of(load(stolen.certificate))
    bench.revocations.current = Revocations({key.issuer: frozenset({key.serial})})
    data, live = handshake_of(bench, stolen)
    bench.hooks.tls_established_client(data)
    assert live.identity is None
    assert live.identity_problem is not None
    assert live.identity_problem.code == "revoked-certificate"
    assert live.identity_problem.every_mode
    assert "CN=lightcontrol1" in live.identity_problem.detail


def test_a_ca_that_is_revoked_takes_its_certificates_along(contexts: TlsContexts, authority: SiteAuthority) -> None:
    bench = Bench(contexts=contexts)
    bench.revocations.current = Revocations(
        {key_of(load(authority.certificate)).issuer: frozenset({key_of(load(authority.certificate)).serial})}
    )
    data, live = handshake_of(bench, authority.service("lightcontrol1"))
    bench.hooks.tls_established_client(data)
    assert live.identity is None


def test_a_connection_knows_the_certificates_of_both_sides(contexts: TlsContexts, authority: SiteAuthority) -> None:
    bench = Bench(contexts=contexts)
    light, agent = authority.service("lightcontrol1"), authority.agent("agent1")
    data, live = handshake_of(bench, light)
    bench.hooks.tls_established_client(data)
    towards = parts.connection(contexts.towards_access_points["agent1"])
    assert parts.shake_hands(towards, parts.peer(agent, server=True)) == {}
    upstream = tls.TlsData(data.context.server, data.context, ssl_conn=towards)
    bench.hooks.tls_established_server(upstream)
    ca = key_of(load(authority.certificate))
    assert live.certificates == (key_of(load(light.certificate)), ca, key_of(load(agent.certificate)), ca)
    ends = [load(each.certificate).not_valid_after_utc.timestamp() for each in (light, agent, authority)]
    assert live.valid_until == min(ends)


def test_the_identity_is_the_verified_certificate_s(contexts: TlsContexts, authority: SiteAuthority) -> None:
    bench = Bench(contexts=contexts)
    data, live = handshake_of(bench, authority.service("lightcontrol1"))
    bench.hooks.tls_established_client(data)
    assert live.identity == Identity("lightcontrol1", ("lightcontrol1",))
    assert live.identity_problem is None


@pytest.mark.parametrize(("kind", "code"), [("none", "no-certificate"), ("agent", "not-a-peer")])
def test_a_service_without_an_identity_is_refused_while_learning(
    contexts: TlsContexts, authority: SiteAuthority, kind: str, code: str
) -> None:
    bench = Bench(LEARN, contexts=contexts)
    data, live = handshake_of(bench, authority.agent("agent1") if kind == "agent" else None)
    bench.hooks.tls_established_client(data)
    assert live.identity is None
    assert isinstance(data.conn, connection.Client)
    assert status(bench.send(request(), data.conn)) == 403
    assert refusal_code(bench) == code


def test_a_peer_is_known_by_its_certificate(contexts: TlsContexts, authority: SiteAuthority) -> None:
    bench = Bench(LEARN, contexts=contexts, peers=[{"agent": "agent3"}])
    data, live = handshake_of(bench, authority.agent("agent3"))
    bench.hooks.tls_established_client(data)
    assert live.peer == bench.peers[0]
    assert (live.identity, live.identity_problem) == (None, None)
    assert isinstance(data.conn, connection.Client)
    assert bench.send(request(), data.conn).to_access_point


@pytest.mark.parametrize(("tls_mode", "known"), [("plain", True), ("required", False)])
def test_an_address_makes_a_peer_only_where_there_are_no_certificates(tls_mode: str, known: bool) -> None:
    bench = Bench(LEARN, tls_mode=tls_mode, peers=[{"agent": "agent3", "ipv4": SERVICE_IP}])
    client = redirected()
    bench.hooks.client_connected(client)
    assert (bench.connections[client.id].peer is not None) == known


def test_a_certificate_that_was_never_read_is_no_identity(contexts: TlsContexts, authority: SiteAuthority) -> None:
    bench = Bench(LEARN, contexts=contexts)
    data, live = handshake_of(bench, authority.service("lightcontrol1"))
    object.__setattr__(data, "ssl_conn", Raising())
    with pytest.raises(RuntimeError):
        bench.hooks.tls_established_client(data)
    assert live.identity is None
    assert isinstance(data.conn, connection.Client)
    assert status(bench.send(request(), data.conn)) == 403
    assert refusal_code(bench) == "identity-not-read"


def test_without_contexts_there_is_no_handshake() -> None:
    bench = Bench()
    of = let_in(bench, arrived())
    data = tls.TlsData(of.client, of)
    bench.hooks.tls_start_client(data)
    bench.hooks.tls_start_server(data)
    assert data.ssl_conn is None


def test_an_access_point_that_is_another_agent_is_refused_and_told(
    contexts: TlsContexts, authority: SiteAuthority
) -> None:
    bench = Bench(contexts=contexts)
    of = arrived()
    data = tls.TlsData(of.server, of)
    bench.hooks.tls_start_server(data)
    assert isinstance(data.ssl_conn, SSL.Connection)
    errors = parts.shake_hands(data.ssl_conn, parts.peer(authority.agent("agent2"), server=True))
    assert "client" in errors
    bench.hooks.tls_failed_server(data)
    reason = "it is the certificate of 'agent2', not of the configured agent 'agent1'"
    assert (bench.refused_handshakes, bench.impostors) == ([("198.51.100.11", reason)], [("agent1", reason)])


def test_no_context_is_given_towards_an_address_that_is_no_access_point(contexts: TlsContexts) -> None:
    of = arrived(("198.51.100.12", 8081))
    data = tls.TlsData(of.server, of)
    Bench(contexts=contexts).hooks.tls_start_server(data)
    assert data.ssl_conn is None


# TLS of access points that are no Knowledge Agents.

TABLET: dict[str, Any] = {"address": "/house/tablet", "service_type": "/panel", "certificates": [{"name": "tablet"}]}
PHONE: dict[str, Any] = {"address": "/house/phone", "service_type": "/phone", "tokens": [hash_of("the-token-of-phone")]}


def server_bench(authority: SiteAuthority, *services: dict[str, Any], **side: Any) -> Bench:
    """Before a lamp that is called by HTTPS; who calls is verified by the site's CA."""
    own = authority.server("lamp.house")
    point = AccessPoint.model_validate(
        parts.plain_point(
            ipv4=POINT[0],
            tls="server",
            decoder={"mapping": "lamp.yaml"},
            towards_services={**parts.pair_of(own).model_dump(), **side},
            towards_access_point={"fingerprint": fingerprint(own)},
        )
    )
    settings = tls_of(authority)
    made = TlsContexts(
        {"agent1": server_tls.towards_services(point, settings)},
        {"agent1": server_tls.towards_access_point(point, RevocationsInForce())},
    )
    bench = Bench(LEARN, contexts=made, tls=settings, inventory={"services": list(services)})
    bench.stand_before(point, LampDecoder())
    return bench


def called(bench: Bench, credentials: Credentials | None, target: str = "/lamp/") -> tuple[str, str, str | None]:
    """Who is judged for a call by HTTPS, how well that is established, and what is wrong with it."""
    data, _ = handshake_of(bench, credentials)
    bench.hooks.tls_established_client(data)
    assert isinstance(data.conn, connection.Client)
    bench.send(request("GET", target), data.conn)
    call = bench.verdicts[-1].call
    return call.sender.address, str(call.sender.strength), None if call.refusal is None else call.refusal.code


def test_the_inventory_says_whose_certificate_it_is_and_lower_rungs_count_where_none_is_shown(
    authority: SiteAuthority,
) -> None:
    phone = PHONE | {"ip": SERVICE_IP}
    bench = server_bench(authority, TABLET, phone)
    assert called(bench, authority.client("tablet")) == ("/house/tablet", "certificate", None)
    assert called(bench, None, "/lamp/the-token-of-phone") == ("/house/phone", "api-token", None)
    assert called(bench, None) == ("/house/phone", "ip", None)


def test_a_certificate_that_the_inventory_has_for_nobody_is_a_stranger_s_wherever_it_is(
    authority: SiteAuthority,
) -> None:
    phone = PHONE | {"ip": SERVICE_IP}
    bench = server_bench(authority, TABLET, phone)
    assert called(bench, authority.client("somebody")) == (f"ip:{SERVICE_IP}", "unknown", "unknown-sender")
    token = "/lamp/the-token-of-phone"
    assert called(bench, authority.client("somebody"), token)[1:] == ("unknown", "identity-conflict")
    # What one of a Knowledge Agent's services is called says nothing here.
    assert called(bench, authority.service("tablet-of-agent1"))[1] == "unknown"
    assert (SERVICE_IP, "/house/phone") not in bench.sightings


def test_a_token_of_another_service_than_the_certificate_s_is_a_conflict(authority: SiteAuthority) -> None:
    bench = server_bench(authority, TABLET, PHONE)
    found = called(bench, authority.client("tablet"), "/lamp/the-token-of-phone")
    assert found == ("/house/tablet", "certificate", "identity-conflict")


@pytest.mark.parametrize("required", [False, True])
def test_a_certificate_may_be_required(authority: SiteAuthority, required: bool) -> None:
    bench = server_bench(authority, TABLET, client_certificates="required" if required else "optional")
    assert called(bench, None)[2] == ("no-certificate" if required else "unknown-sender")
    assert called(bench, authority.client("tablet"))[2] is None
    without_handshake = bench.connect(None)
    bench.send(request("GET", "/lamp/"), without_handshake)
    refusal = bench.verdicts[-1].call.refusal
    assert (refusal and refusal.code) == ("no-certificate" if required else "unknown-sender")


def test_an_agent_s_certificate_and_one_for_two_services_establish_nothing(authority: SiteAuthority) -> None:
    both = [{**TABLET, "address": f"/house/{name}", "certificates": [{"name": f"{name}.house"}]} for name in ("a", "b")]
    bench = server_bench(authority, *both, {**TABLET, "certificates": [{"name": "agent1"}]})
    for credentials in (authority.agent("agent1"), authority.client("x", "a.house", "b.house")):
        assert called(bench, credentials) == (f"ip:{SERVICE_IP}", "unknown", "bad-certificate")


def test_a_revoked_certificate_is_refused_by_https_too(authority: SiteAuthority) -> None:
    phone = PHONE | {"ip": SERVICE_IP}
    bench, stolen = server_bench(authority, TABLET, phone), authority.client("tablet")
    key = key_of(load(stolen.certificate))
    data, live = handshake_of(bench, stolen)
    bench.hooks.tls_established_client(data)
    assert key in live.certificates, "so that a list ends it"
    bench.revocations.current = Revocations({key.issuer: frozenset({key.serial})})
    assert called(bench, stolen, "/lamp/the-token-of-phone") == (f"ip:{SERVICE_IP}", "unknown", "revoked-certificate")


@pytest.mark.parametrize(
    ("services", "told", "code"),
    [
        ([{**TABLET, "ip": "192.0.2.77"}], [["192.0.2.77"]], None),
        ([{**TABLET, "ip": "192.0.2.77", "only_here": True}], [["192.0.2.77"]], "identity-conflict"),
        ([{**TABLET, "ip": SERVICE_IP}], [], None),
        ([TABLET, {"address": "/house/phone", "ip": SERVICE_IP}], [[]], None),
        # A service of the same name elsewhere is another one.
        ([TABLET, {"address": "/agent1/tablet", "ip": "192.0.2.78", "only_here": True}], [], None),
    ],
)
def test_a_certificate_from_another_s_address_is_on_record(
    authority: SiteAuthority, services: list[dict[str, Any]], told: list[list[str]], code: str | None
) -> None:
    bench = server_bench(authority, *services)
    assert called(bench, authority.client("tablet")) == ("/house/tablet", "certificate", code)
    assert [places for _, _, places in bench.conflicts] == told


def test_a_quarantine_is_the_service_s_by_whatever_it_is_known(authority: SiteAuthority) -> None:
    bench = server_bench(authority, {**TABLET, "tokens": [hash_of("the-token-of-tablet")]})
    data, _ = handshake_of(bench, authority.client("tablet"))
    bench.hooks.tls_established_client(data)
    assert bench.sightings == [(SERVICE_IP, "/house/tablet")]
    assert bench.connections.of_identity("/house/tablet", bench.registry) == [data.conn.id]


def test_a_service_of_a_knowledge_agent_that_is_in_quarantine_there_is_so_by_https(authority: SiteAuthority) -> None:
    light = {"address": "/agent1/lightcontrol1", "certificates": [{"name": "lightcontrol1"}]}
    bench = server_bench(authority, light)
    assert called(bench, authority.service("lightcontrol1")) == ("/agent1/lightcontrol1", "certificate", None)
    assert bench.sightings[0] == (SERVICE_IP, "certificate:lightcontrol1")


@pytest.mark.parametrize(
    ("address", "name", "conflict"),
    [
        ("/house/tablet", "lightcontrol1", True),
        ("/agent1/movement1", "lightcontrol1", True),
        ("/agent1/lightcontrol1", "lightcontrol1", False),
        ("/house/tablet", "tablet", False),
    ],
)
def test_a_certificate_that_is_another_one_s_by_https_is_a_conflict_at_a_knowledge_agent(
    contexts: TlsContexts, authority: SiteAuthority, address: str, name: str, conflict: bool
) -> None:
    inventory = {"services": [{"address": address, "certificates": [{"name": name}]}]}
    bench = Bench(contexts=contexts, inventory=inventory, tls=tls_of(authority))
    data, live = handshake_of(bench, authority.service("lightcontrol1"))
    bench.hooks.tls_established_client(data)
    assert (live.misplaced is not None) is conflict
    assert isinstance(data.conn, connection.Client)
    assert bool(bench.send(request(), data.conn).to_access_point) is not conflict


def test_an_impostor_in_a_device_s_place_is_told(authority: SiteAuthority) -> None:
    bench = server_bench(authority)
    of = arrived()
    data = tls.TlsData(of.server, of)
    bench.hooks.tls_start_server(data)
    assert isinstance(data.ssl_conn, SSL.Connection)
    impostor = authority.device("lamp")
    assert "client" in parts.shake_hands(data.ssl_conn, parts.peer(impostor, server=True))
    bench.hooks.tls_failed_server(data)
    ((ip, reason),) = bench.refused_handshakes
    assert (ip, bench.impostors) == (POINT[0], [("agent1", reason)])
    assert fingerprint(impostor) in reason


def test_a_failed_handshake_of_a_service_is_told() -> None:
    bench = Bench()
    of = arrived()
    of.client.error = "certificate has expired"
    bench.hooks.tls_failed_client(tls.TlsData(of.client, of))
    assert bench.refused_handshakes == [(SERVICE_IP, "certificate has expired")]


# Time.


@pytest.mark.parametrize(("phase", "recorded"), [(Phase.HEAD, True), (Phase.BODY, True), (Phase.IDLE, False)])
def test_who_begins_a_request_and_does_not_go_on_is_recorded(phase: Phase, recorded: bool) -> None:
    bench = Bench(LEARN)
    bench.hooks.expired(bench.connect().id, phase)
    assert [verdict.call.refusal.code for verdict in bench.verdicts if verdict.call.refusal] == ["too-slow"] * recorded


def test_a_record_that_cannot_be_kept_does_not_end_whoever_cuts_slow_connections() -> None:
    bench = Bench(LEARN)
    client = bench.connect()
    object.__setattr__(bench.judging, "enforcement", Raising())
    bench.hooks.expired(client.id, Phase.HEAD)
    bench.hooks.expired("gone", Phase.HEAD)
    assert [place for place, _ in bench.broken] == ["expired", "expired"]
    assert bench.connections.overdue(float("1e12")) == []


def test_a_handshake_without_end_is_recorded() -> None:
    bench = Bench(LEARN)
    bench.hooks.expired(bench.connect().id, Phase.HANDSHAKE)
    assert bench.refused_handshakes == [(SERVICE_IP, "the handshake took longer than 10 s")]


async def test_a_failure_after_a_registration_leaves_its_answer() -> None:
    bench = Bench(LEARN)
    object.__setattr__(bench.gate, "on_registration", Raising())
    await bench.hooks.registered("agent1")
    assert [place for place, _ in bench.broken] == ["registered"]


def test_what_somebody_may_write_fits_into_a_message_to_the_owner_of_the_node() -> None:
    limits = message_limits(Limits(body_bytes=1024))
    worst = json.dumps({"value": "\x01" * 1024, "identity": {"clientId": "a" * 64}, "address": "/" * 2048})
    assert len(worst) < limits.of_access_point
    assert limits.of_service < limits.of_access_point
