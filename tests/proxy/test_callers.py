"""Who makes a call on a peer's connection is judged; on a service's it is the service, whatever it claims."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from mitmproxy import connection

from policy.quarantine import QuarantineEntry
from policy.verdict import Action, Strength
from proxy.connections import Destination
from proxy.identity import Identity
from proxy.registry import AgentStructure
from proxy.tokens import hash_of
from tests.policy.calls import NOW
from tests.proxy.judged import (
    DENY,
    FORWARD,
    LEARN,
    LIGHT,
    MOVEMENT,
    OK,
    POINT,
    SERVICE_IP,
    SWITCHING,
    Bench,
    callbacks,
    fields,
    refusal_code,
    request,
    status,
)
from tests.proxy.lamp_decoder import NODE, LampDecoder
from tests.proxy.parts import quarantine_entry

PEER = {"agent": "agent3"}
DOOR = "/agent3/doorlock1"
CREDENTIAL_OF_THE_LIGHT = Identity("lightcontrol1", ("lightcontrol1",)).delegation()
TYPES = {DOOR: "/doorLock"}
QUARANTINE: dict[str, Any] = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}


def bench_of(policy: dict[str, Any] = FORWARD, **peer: Any) -> Bench:
    bench = Bench(policy, peers=[PEER | peer])
    bench.registry.replace_agent("agent3", AgentStructure(types=TYPES, children={}))
    return bench


def acting_for(
    name: str = "doorlock1", *, access_ids: tuple[str, ...] | None = None, agent: bool = False
) -> dict[str, str]:
    return {"Authorization": Identity(name, access_ids or (name,), agent).delegation()}


def test_the_service_for_which_a_peer_calls_is_judged_and_called_for() -> None:
    bench = bench_of()
    wire = bench.send(request(headers=acting_for()), bench.connect_peer())
    (verdict,) = bench.verdicts
    sender = verdict.call.sender
    assert (sender.address, sender.service_type, sender.strength) == (DOOR, "/doorLock", Strength.VOUCHED)
    assert [(a.source, a.source_type, a.node) for a in verdict.call.accesses] == [(DOOR, "/doorLock", MOVEMENT)]
    assert fields(wire.to_access_point)["authorization"] == Identity("doorlock1", ("doorlock1",)).delegation()
    assert wire.to_access_point.lower().count(b"authorization:") == 1


def test_a_peer_s_connection_carries_the_calls_of_many_services() -> None:
    bench = bench_of()
    wire = bench.wire(bench.connect_peer())
    for name in ("doorlock1", "doorlock2", "doorlock1"):
        wire.service(request(headers=acting_for(name)))
        wire.access_point(OK)
    assert (wire.opened, wire.closed) == (1, {"service", "access point"}), "the second has no type, and is refused"
    assert [v.call.sender.address for v in bench.verdicts] == [DOOR, "/agent3/doorlock2"]
    bench.registry.replace_agent(
        "agent3", AgentStructure(types=TYPES | {"/agent3/doorlock2": "/doorLock"}, children={})
    )
    wire = bench.wire(bench.connect_peer())
    for name in ("doorlock1", "doorlock2", "doorlock1"):
        wire.service(request(headers=acting_for(name)))
        wire.access_point(OK)
    assert (wire.opened, wire.closed, wire.to_service.count(b" 200 ")) == (1, set(), 3)


def test_a_service_may_not_act_for_others_even_where_there_are_peers() -> None:
    bench = bench_of(LEARN)
    assert status(bench.send(request(headers=acting_for()))) == 403
    assert refusal_code(bench) == "delegation-not-allowed"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": "Basic YTpi"}, "bad-delegation"),
        ({"Authorization": "VSL !"}, "bad-delegation"),
        (acting_for("agent1", agent=True), "bad-delegation"),
        (acting_for(access_ids=("system",)), "bad-delegation"),
        (acting_for() | {"authorization": "VSL e30="}, "ambiguous-headers"),
    ],
)
def test_a_credential_that_no_service_has_is_refused_in_every_mode(headers: dict[str, str], code: str) -> None:
    bench = bench_of(LEARN)
    wire = bench.send(request(headers=headers), bench.connect_peer())
    assert (status(wire), refusal_code(bench), wire.opened) == (403, code, 0)
    assert bench.verdicts[0].call.sender.address == "/agent3"


@pytest.mark.parametrize("path", ["/service/register", "/service/unregister"])
def test_services_do_not_register_through_a_peer(path: str) -> None:
    bench = bench_of(LEARN)
    wire = bench.send(request("POST", path, {"modelId": "/doorLock"}, acting_for()), bench.connect_peer())
    assert (status(wire), refusal_code(bench)) == (403, "peer-registration")


@pytest.mark.parametrize("headers", [{}, acting_for("agent3", access_ids=("system",), agent=True)])
def test_a_peer_acting_for_itself_is_judged_as_an_agent(headers: dict[str, str]) -> None:
    bench = bench_of()
    wire = bench.send(request(headers=headers), bench.connect_peer())
    sender = bench.verdicts[0].call.sender
    assert (sender.address, sender.service_type) == ("/agent3", "/treeRoot")
    own = Identity("agent3", ("system",), agent=True).delegation()
    assert fields(wire.to_access_point)["authorization"] == own


def test_agents_exchange_their_structures() -> None:
    bench = bench_of()
    wire = bench.send(
        request("POST", "/ka/requestKorUpdate", {"agentId": "agent3", "hashFrom": ""}), bench.connect_peer()
    )
    assert wire.to_access_point.startswith(b"POST /ka/requestKorUpdate HTTP/1.1")
    wire.access_point(OK)
    assert status(wire) == 200
    assert [a.node for a in bench.analyzer.taught] == ["/agent1"]


def test_a_service_that_a_peer_calls_for_has_no_business_with_that() -> None:
    bench = bench_of(LEARN)
    asked = request("POST", "/ka/requestKorUpdate", {"agentId": "x", "hashFrom": ""}, acting_for())
    assert status(bench.send(asked, bench.connect_peer())) == 403
    assert refusal_code(bench) == "knowledge-agent-interface"


@pytest.mark.parametrize(("guarded", "taught"), [(False, 1), (True, 0)])
def test_an_access_teaches_once_and_counts_everywhere(guarded: bool, taught: int) -> None:
    bench = bench_of(LEARN, guarded=guarded)
    bench.send(request(headers=acting_for()), bench.connect_peer()).access_point(OK)
    assert len(bench.analyzer.taught) == taught
    assert len(bench.verdicts[0].scores) == 1


def test_a_verdict_shuts_out_the_service_and_never_the_peer() -> None:
    bench = bench_of(QUARANTINE)
    assert status(bench.send(request(headers=acting_for()), bench.connect_peer())) == 403
    assert bench.verdicts[-1].action is Action.QUARANTINE
    bench.send(request(headers=acting_for()), bench.connect_peer())
    assert bench.verdicts[-1].reason == "quarantined"
    bench.send(request(headers=acting_for("doorlock2")), bench.connect_peer())
    assert bench.verdicts[-1].reason != "quarantined"
    for _ in range(2):
        bench.send(request(), bench.connect_peer())
        assert (bench.verdicts[-1].action, bench.verdicts[-1].reason) == (Action.BLOCK, "anomalous")


def shut_out(bench: Bench, identity: str, address: str) -> QuarantineEntry:
    entry = quarantine_entry(address, identity=identity, since=NOW, until=NOW + 1000)
    bench.engine._quarantines.add(entry, now=NOW)
    return entry


def test_who_was_shut_out_here_does_not_come_in_by_way_of_a_peer() -> None:
    bench = bench_of()
    shut_out(bench, "certificate:doorlock1", "/agent1/doorlock1")
    assert status(bench.send(request(headers=acting_for()), bench.connect_peer())) == 403
    assert bench.verdicts[-1].reason == "quarantined"


def test_what_a_peer_says_shuts_out_nobody_who_shows_a_certificate() -> None:
    bench = bench_of()
    shut_out(bench, DOOR, DOOR)
    assert bench.send(request(), bench.connect("lightcontrol1")).to_access_point
    assert status(bench.send(request(headers=acting_for()), bench.connect_peer())) == 403


def test_a_channel_is_that_of_the_service_and_ends_with_it() -> None:
    bench = bench_of(LEARN)
    client = bench.connect_peer()
    opening = callbacks().replace(b"X-Own: 1", f"Authorization: {acting_for()['Authorization']}".encode())
    wire = bench.send(opening, client)
    wire.access_point(SWITCHING)
    assert fields(wire.to_access_point)["authorization"] == acting_for()["Authorization"]
    assert bench.connections.of_identity(DOOR, bench.registry) == [client.id]
    assert bench.connections.of_identity("/agent3/doorlock2", bench.registry) == []


def test_a_transaction_is_the_service_s_and_not_the_peer_s() -> None:
    bench = bench_of()
    bench.registry.replace_agent(
        "agent3", AgentStructure(types=TYPES | {"/agent3/doorlock2": "/doorLock"}, children={})
    )
    wire = bench.wire(bench.connect_peer())
    for name in ("doorlock1", "doorlock2"):
        node = LIGHT if name == "doorlock1" else "/agent1/movement1"
        wire.service(request("POST", f"/vsl{node}", {"operation": "LOCK_SUBTREE"}, acting_for(name)))
        wire.access_point(b"HTTP/1.1 204 No Content\r\n\r\n")
    bench.send(request("PUT", f"/vsl{LIGHT}/lightOn", {"value": []}, acting_for()), bench.connect_peer())
    wire.service(request("POST", "/vsl/agent1/movement1", {"operation": "COMMIT_SUBTREE"}, acting_for("doorlock2")))
    wire.access_point(b"HTTP/1.1 204 No Content\r\n\r\n")
    wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "COMMIT_SUBTREE"}, acting_for()))
    rolled_back = wire.to_access_point.rpartition(b"POST ")[2]
    assert rolled_back.endswith(json.dumps({"operation": "ROLLBACK_SUBTREE"}, separators=(",", ":")).encode())
    sent = base64.b64decode(fields(b"POST " + rolled_back)["authorization"].removeprefix("VSL "))
    assert json.loads(sent)["clientId"] == "doorlock1"


@pytest.mark.parametrize("inventoried", [True, False])
def test_a_plain_access_point_knows_its_peers_by_address_and_credential(inventoried: bool) -> None:
    peer = PEER | {"ipv4": SERVICE_IP, "mac": "02:00:5e:00:53:31"}
    inventory = {"services": [{"address": LIGHT, "ip": SERVICE_IP}]} if inventoried else {}
    bench = Bench(LEARN, tls_mode="plain", peers=[peer], inventory=inventory)
    client = bench.connect(None)
    bench.connections[client.id].peer = bench.gate.peers.at(SERVICE_IP)
    wire = bench.wire(client)
    told = []
    for headers in ({}, acting_for(), acting_for("agent3", access_ids=("system",), agent=True)):
        wire.service(request(headers=headers))
        sender = bench.verdicts[-1].call.sender
        told.append((sender.address, sender.strength))
        sent = wire.to_access_point.rpartition(b"GET ")[2]
        credential = fields(b"GET " + sent).get("authorization")
        assert credential == (headers.get("Authorization") or (CREDENTIAL_OF_THE_LIGHT if inventoried else None))
        wire.access_point(OK)
    beside = (LIGHT, Strength.IP) if inventoried else (f"ip:{SERVICE_IP}", Strength.UNKNOWN)
    assert told == [beside, (DOOR, Strength.VOUCHED), ("/agent3", Strength.MAC_AND_IP)]


def test_denied_is_denied_for_whomever_a_peer_calls() -> None:
    bench = bench_of(DENY)
    wire = bench.send(request(headers=acting_for()), bench.connect_peer())
    assert (status(wire), wire.opened) == (403, 0)


TOKEN = "83b7780291a6ceffbe0bd049104df"
TABLET = {"address": "/rooms/wall-tablet", "service_type": "/panel", "tokens": [hash_of(TOKEN)]}
PHONE = {"address": "/rooms/phone", "service_type": "/phone", "ip": SERVICE_IP}


def lamp_bench(*services: dict[str, Any], policy: dict[str, Any] = FORWARD) -> Bench:
    """A bench whose access point is no Knowledge Agent."""
    bench = Bench(policy, tls_mode="plain", inventory={"services": list(services)})
    bench.destination = Destination(bench.destination.point, LampDecoder())
    return bench


def asked_for(bench: Bench, target: str = f"/lamp/{TOKEN}") -> tuple[str, str, str | None]:
    """Who is judged for a call with a token, how well that is established, and what is wrong with it."""
    bench.send(request(path=target), bench.connect(None))
    call = bench.verdicts[-1].call
    return call.sender.address, str(call.sender.strength), None if call.refusal is None else call.refusal.code


def test_a_token_says_who_calls_where_nothing_better_does() -> None:
    assert asked_for(lamp_bench(TABLET)) == ("/rooms/wall-tablet", "api-token", None)
    assert asked_for(lamp_bench(TABLET, PHONE)) == ("/rooms/wall-tablet", "api-token", None)
    at_home = TABLET | {"ip": SERVICE_IP}
    assert asked_for(lamp_bench(at_home)) == ("/rooms/wall-tablet", "api-token", None)
    assert asked_for(lamp_bench(at_home, PHONE)) == ("/rooms/wall-tablet", "api-token", None)
    bound = at_home | {"mac": "02:00:5e:00:53:01"}
    assert asked_for(lamp_bench(bound)) == ("/rooms/wall-tablet", "mac-and-ip", None)


def test_a_token_that_nobody_has_changes_nothing() -> None:
    assert asked_for(lamp_bench(TABLET), "/lamp/another-token")[:2] == (f"ip:{SERVICE_IP}", "unknown")
    assert asked_for(lamp_bench(TABLET, PHONE), "/lamp/another-token") == ("/rooms/phone", "ip", None)
    assert asked_for(lamp_bench(TABLET, PHONE), "/lamp/") == ("/rooms/phone", "ip", None)


def test_a_token_at_another_place_is_the_call_of_whoever_is_there() -> None:
    elsewhere = TABLET | {"ip": "192.0.2.77"}
    assert asked_for(lamp_bench(elsewhere)) == (f"ip:{SERVICE_IP}", "unknown", "identity-conflict")
    assert asked_for(lamp_bench(elsewhere, PHONE)) == ("/rooms/phone", "ip", "identity-conflict")
    bound = PHONE | {"mac": "02:00:5e:00:53:01"}
    assert asked_for(lamp_bench(TABLET, bound)) == ("/rooms/phone", "mac-and-ip", "identity-conflict")


@pytest.mark.parametrize("places", [{}, {"ip": SERVICE_IP}])
def test_a_token_alone_shuts_its_owner_out_only_where_its_owner_is(places: dict[str, str]) -> None:
    bench = lamp_bench({**TABLET, **places})
    assert asked_for(bench)[:2] == ("/rooms/wall-tablet", "api-token")
    assert bench.verdicts[-1].call.may_quarantine is bool(places)


def test_a_stolen_token_passes_in_learn_only_and_is_on_record_in_neither_case() -> None:
    elsewhere = TABLET | {"ip": "192.0.2.77"}
    for policy, passed in ((FORWARD, False), (LEARN, True)):
        bench = lamp_bench(elsewhere, PHONE, policy=policy)
        wire = bench.send(request(path=f"/lamp/{TOKEN}"), bench.connect(None))
        assert bool(wire.to_access_point) is passed
        (verdict,) = bench.verdicts
        assert TOKEN not in repr(verdict)
        assert verdict.call.request == "GET /lamp/..."


def test_a_service_is_the_only_one_at_its_address_whatever_its_first_segment() -> None:
    assert asked_for(lamp_bench(PHONE), "/lamp/") == ("/rooms/phone", "ip", None)
    both = lamp_bench(PHONE, PHONE | {"address": "/rooms/radio"})
    assert asked_for(both, "/lamp/")[:2] == (f"ip:{SERVICE_IP}", "unknown")
    own = lamp_bench(PHONE, PHONE | {"address": "/agent1/radio"})
    assert asked_for(own, "/lamp/")[:2] == ("/agent1/radio", "ip"), "the access point's own comes first"
    knowledge_agent = Bench(tls_mode="plain", inventory={"services": [PHONE]})
    knowledge_agent.send(request(), knowledge_agent.connect(None))
    assert knowledge_agent.verdicts[-1].call.sender.address == f"ip:{SERVICE_IP}", "its word would count there"


def test_callers_with_and_without_tokens_share_a_connection() -> None:
    bench = lamp_bench(TABLET, PHONE, policy=LEARN)
    wire = bench.wire(bench.connect(None))
    for target in ("/lamp/", f"/lamp/{TOKEN}", "/lamp/"):
        wire.service(request(path=target))
        wire.access_point(OK)
    assert (wire.opened, wire.closed, wire.to_service.count(b" 200 ")) == (1, set(), 3)
    assert [v.call.sender.address for v in bench.verdicts] == ["/rooms/phone", "/rooms/wall-tablet", "/rooms/phone"]


def test_a_peer_s_address_means_nothing_where_there_are_no_agents() -> None:
    bench = Bench(LEARN, tls_mode="plain", peers=[{"agent": "agent3", "ipv4": SERVICE_IP}])
    bench.destination = Destination(bench.destination.point, LampDecoder())
    bench.gate.destinations[POINT] = bench.destination  # type: ignore[index]
    client = connection.Client(peername=(SERVICE_IP, 40_000), sockname=POINT, timestamp_start=0)
    bench.hooks.client_connected(client)
    assert client.error is None
    assert bench.connections[client.id].peer is None


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_methods_that_only_other_middleware_has_pass_there(method: str) -> None:
    lamps = lamp_bench(PHONE, policy=LEARN)
    wire = lamps.send(request(method, "/lamp/x", body="1"), lamps.connect(None))
    assert wire.to_access_point.startswith(f"{method} /lamp/x HTTP/1.1\r\n".encode())
    assert wire.to_access_point.endswith(b'\r\n\r\n"1"')
    vsl = Bench(LEARN)
    assert status(vsl.send(request(method, body="1"))) == 403
    assert refusal_code(vsl) == "method-not-allowed"


def test_an_answer_that_lasts_is_learnt_at_once_and_cut_with_its_caller_or_its_policy() -> None:
    bench = lamp_bench(TABLET, policy=LEARN)
    client = bench.connect(None)
    wire = bench.send(request(path=f"/events/{TOKEN}"), client)
    assert bench.analyzer.taught == []
    wire.access_point(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
    assert [access.node for access in bench.analyzer.taught] == [NODE]
    assert bench.connections.channels() == [client.id]
    assert bench.connections.of_identity("/rooms/wall-tablet", bench.registry) == [client.id]
    assert bench.connections.of_identity("/rooms/phone", bench.registry) == []
    assert wire.access_point(b"data: 2\n\n") == b"9\r\ndata: 2\n\n\r\n"


def test_what_is_no_request_is_on_record_without_its_token() -> None:
    bench = lamp_bench(TABLET)
    bench.send(f"GET /lamp/{TOKEN} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".encode(), bench.connect(None))
    assert refusal_code(bench) == "bad-host"
    assert TOKEN not in repr(bench.verdicts)
    bench.send(f"GET /other/{TOKEN}/x HTTP/1.0\r\n\r\n".encode(), bench.connect(None))
    assert TOKEN not in repr(bench.verdicts)
    assert bench.verdicts[-1].call.request == "GET"
