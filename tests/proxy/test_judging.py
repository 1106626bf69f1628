"""What one connection brings is judged: exactly what was judged passes, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mitmproxy import connection
from msgspec.structs import replace
from wsproto.events import TextMessage

from models.access import Access, Operation
from policy.document import PolicyDocument
from policy.verdict import Action, Strength, Verdict
from proxy.configuration import AccessPoint
from proxy.connections import Destination
from proxy.decoders import strict_cbor
from proxy.decoders.refusals import ambiguous, unsupported
from proxy.decoders.vsl import VslDecoder
from proxy.http1.deadlines import Phase
from proxy.identity import Identity
from proxy.registry import AgentStructure
from tests.policy.calls import NOW
from tests.proxy.http1.wire import Wire
from tests.proxy.judged import (
    CALLBACK_ID,
    DENY,
    FORWARD,
    LEARN,
    LIGHT,
    MOVEMENT,
    OK,
    SERVICE_IP,
    SWITCHING,
    Bench,
    Raising,
    body,
    callbacks,
    fields,
    invocation,
    refusal_code,
    request,
    status,
)
from tests.proxy.parts import EVENT_TIME, plain_point, quarantine_entry

# Requests.


def test_a_call_that_may_pass_is_sent_as_it_was_judged() -> None:
    bench = Bench()
    wire = bench.send(request("PUT", f"/vsl{LIGHT}/lightOn", {"value": 1}, {"Forwarded": "for=10.1.1.1"}))
    head, _, content = wire.to_access_point.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == f"PUT /vsl{LIGHT}/lightOn HTTP/1.1".encode()
    assert content == b'{"value":"1"}'
    assert fields(wire.to_access_point) == {
        "host": "198.51.100.11:8081",
        "accept": "application/json",
        "content-type": "application/json",
        "content-length": "13",
        "authorization": Identity("lightcontrol1", ("lightcontrol1",)).delegation(),
    }
    (verdict,) = bench.verdicts
    assert verdict.call.sender.strength is Strength.CERTIFICATE
    assert verdict.call.request == f"PUT /vsl{LIGHT}/lightOn"
    assert [(access.node, access.value) for access in verdict.call.accesses] == [(f"{LIGHT}/lightOn", "1")]


def test_a_service_that_may_only_be_elsewhere_is_refused_by_enforcement_only() -> None:
    refusal = unsupported("identity-conflict", "the inventory has it elsewhere")
    for policy, passes in ((LEARN, True), (FORWARD, False)):
        bench = Bench(policy)
        client = bench.connect()
        bench.connections[client.id].misplaced = refusal
        wire = bench.wire(client)
        wire.service(request())
        assert bool(wire.to_access_point) is passes
        (verdict,) = bench.verdicts
        assert (verdict.reason, verdict.would_be) == ("identity-conflict", Action.BLOCK)


@pytest.mark.parametrize("path", ["/vsl/agent1/nobody", f"/vsl{MOVEMENT}"])
def test_what_the_policy_forwards_is_not_for_a_service_that_may_only_be_elsewhere(path: str) -> None:
    bench = Bench({"mode": "enforce", "unknown_node": "forward", "unknown_type": "forward"})
    client = bench.connect()
    bench.connections[client.id].misplaced = unsupported("identity-conflict", "the inventory has it elsewhere")
    assert not bench.send(request("GET", path), client).to_access_point
    assert refusal_code(bench) == "identity-conflict"


@pytest.mark.parametrize("policy", [FORWARD, LEARN])
def test_a_tree_of_which_the_structure_was_not_read_is_asked_for(policy: dict[str, Any]) -> None:
    policy = policy | {"unknown_node": "forward"}
    inventory = {"services": [{"address": "/agent2/lock1", "service_type": "/doorLock"}]}
    bench = Bench(policy, inventory=inventory)
    wire = bench.send(request("GET", "/vsl/agent2/lock1?depth=-1"))
    assert bool(wire.to_access_point) is (policy["mode"] == "learn")
    assert (bench.verdicts[-1].reason, bench.missed) == ("unknown-structure", ["/agent2/lock1"])
    structure = AgentStructure(
        types={"/agent2/lock1": "/doorLock", "/agent2/lock1/locked": "/basic/number"},
        children={"/agent2/lock1": ("/agent2/lock1/locked",)},
    )
    bench.registry.replace_agent("agent2", structure)
    bench.send(request("GET", "/vsl/agent2/lock1?depth=-1"), bench.connect())
    nodes = [access.node for access in bench.verdicts[-1].call.accesses]
    assert nodes == ["/agent2/lock1", "/agent2/lock1/locked"]


def test_what_holds_in_every_mode_holds_for_a_service_that_may_only_be_elsewhere() -> None:
    bench = Bench(LEARN)
    client = bench.connect()
    bench.connections[client.id].misplaced = unsupported("identity-conflict", "the inventory has it elsewhere")
    assert status(bench.send(request("GET", "/vsl/agent1/../x"), client)) == 403
    assert refusal_code(bench) == "ambiguous-target"


def test_an_identity_with_a_problem_is_refused_whatever_else_is_known_of_it() -> None:
    bench = Bench(LEARN)
    client = bench.connect()
    bench.connections[client.id].identity_problem = ambiguous("identity-not-read", "not read")
    assert not bench.send(request(), client).to_access_point
    assert refusal_code(bench) == "identity-not-read"


def test_new_types_of_nodes_and_senders_apply_to_the_next_call_of_a_live_connection() -> None:
    bench = Bench(LEARN)
    wire = bench.wire()
    types = {LIGHT: "/doorLock", "/agent1/movement1": "/motionSensor", MOVEMENT: "/basic/number"}
    for structure in (None, AgentStructure(types=types, children={})):
        if structure is not None:
            bench.registry.replace_agent("agent1", structure)
        wire.service(request())
        wire.access_point(OK)
    told = [
        (access.source_type, access.destination_type, access.data_type, verdict.call.sender.service_type)
        for verdict in bench.verdicts
        for access in verdict.call.accesses
    ]
    assert told == [
        ("/lightControler", "/movementSensor", "/derived/boolean", "/lightControler"),
        ("/doorLock", "/motionSensor", "/basic/number", "/doorLock"),
    ]


def test_a_node_that_is_no_longer_there_is_unknown_at_the_next_call_of_a_live_connection() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(request())
    wire.access_point(OK)
    assert bench.verdicts[-1].forwarded
    bench.registry.replace_agent("agent1", AgentStructure(types={LIGHT: "/lightControler"}, children={}))
    wire.service(request())
    assert (status(wire), refusal_code(bench)) == (403, "unknown-node")


def test_another_policy_applies_to_the_next_call_of_a_live_connection() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(request())
    wire.access_point(OK)
    sent = wire.to_access_point
    bench.engine.replace_policy(PolicyDocument.model_validate(DENY), "r2")
    wire.service(request())
    assert (status(wire), wire.to_access_point) == (403, sent)


def test_calls_of_the_same_bytes_are_each_judged_as_their_own_sender_s() -> None:
    bench = Bench()
    same = request("GET", "/vsl/~")
    for name in ("lightcontrol1", "movement1", "lightcontrol1"):
        bench.send(same, bench.connect(name))
    told = [(verdict.call.sender.address, verdict.call.accesses[0].node) for verdict in bench.verdicts]
    assert told == [(address, address) for address in (LIGHT, "/agent1/movement1", LIGHT)]


def test_a_blocked_call_is_answered_in_the_middleware_s_words() -> None:
    bench = Bench(DENY)
    wire = bench.send(request())
    assert status(wire) == 403
    assert wire.opened == 0
    assert fields(wire.to_service)["alleyes-reference"] == bench.verdicts[0].id
    assert body(wire) == {
        "code": 403,
        "message": "Access denied by Anomaly detection",
        "type": "org.ds2os.vsl.core.transport.ExceptionMessage$1",
    }


def test_a_set_of_several_nodes_is_judged_by_its_worst_access_and_sent_whole_or_not_at_all() -> None:
    body = {"children": {"lightOn": {"value": "1"}, "hidden": {"value": "1"}}}
    bench = Bench({"mode": "enforce", "thresholds": {"alert": 7, "block": 7, "quarantine": None}})
    usual = Access(
        time=0,
        source=LIGHT,
        source_type="/lightControler",
        destination=LIGHT,
        destination_type="/lightControler",
        node=f"{LIGHT}/lightOn",
        operation=Operation.SET,
        data_type="/derived/boolean",
        value="1",
    )
    for minute in range(400, 0, -1):
        time = EVENT_TIME - minute * 60_000
        bench.analyzer.advance(time)
        bench.analyzer.learn(replace(usual, time=time, value=str(minute % 2)))
    bench.analyzer.advance(EVENT_TIME)
    bench.analyzer.taught.clear()
    alone = bench.send(request("PUT", f"/vsl{LIGHT}", {"children": {"lightOn": {"value": "1"}}}), bench.connect())
    assert alone.to_access_point
    both = bench.send(request("PUT", f"/vsl{LIGHT}", body), bench.connect())
    assert not both.to_access_point
    assert status(both) == 403
    verdict = bench.verdicts[-1]
    assert [access.node for access in verdict.call.accesses] == [f"{LIGHT}/lightOn", f"{LIGHT}/hidden"]
    assert verdict.worst == 1
    assert bench.analyzer.taught == []


def test_of_a_stream_the_audit_has_the_size_and_nothing_else() -> None:
    bench = Bench(LEARN)
    sent = b"PUT /vsl" + MOVEMENT.encode() + b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n"
    wire = bench.send(sent + b"Content-Length: 70000\r\n\r\n" + b"x" * 70000)
    assert wire.to_access_point.endswith(b"x" * 70000)
    (verdict,) = bench.verdicts
    assert verdict.call.request == f"PUT /vsl{MOVEMENT} (70000 bytes)"
    assert [(a.operation, a.value) for a in verdict.call.accesses] == [(Operation.SET_STREAM, None)]


def test_who_opens_a_stream_because_it_was_asked_to_is_never_put_in_quarantine() -> None:
    bench = Bench({"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}})
    invocation = ("b4fb38af-381a-4772-8268-b84199dfab95", "7")
    bench.streams.expect(LIGHT, invocation, f"{LIGHT}/lightOn", sends=False)
    path = f"/callback-stream/{invocation[0]}-{invocation[1]}"
    wire = bench.send(request("GET", path, headers={"Accept": "application/octet-stream"}))
    assert status(wire) == 403
    (verdict,) = bench.verdicts
    assert (verdict.action, verdict.reason) == (Action.BLOCK, "anomalous")
    assert bench.send(request(), bench.connect()).closed
    assert bench.verdicts[-1].action is Action.QUARANTINE


def test_a_changed_list_is_known_before_its_caller_hears_of_it() -> None:
    bench = Bench(LEARN)
    wire = bench.send(request("GET", f"/vsl{LIGHT}/rooms/add/basic/text"))
    assert wire.access_point(OK) == b""
    wire.hook_completes()
    assert status(wire) == 200


def test_what_cannot_be_judged_while_learning_passes_if_its_refusal_obeys_the_mode() -> None:
    unsupported = request("POST", f"/vsl{LIGHT}", {"operation": "REPLACE_NODE"})
    bench = Bench(LEARN)
    assert bench.send(unsupported).to_access_point
    assert bench.verdicts[0].would_be is Action.BLOCK
    assert status(Bench(FORWARD).send(unsupported)) == 403


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request("GET", "/ka/requestKorUpdate"), "knowledge-agent-interface"),
        (request("GET", headers={"Authorization": "VSL e30="}), "delegation-not-allowed"),
        (request("DELETE"), "method-not-allowed"),
        (request("TRACE"), "method-not-allowed"),
        (request(path="*"), "target-form"),
        (request(path="http://198.51.100.12:8081/vsl"), "absolute-form"),
        (b"GET /vsl HTTP/1.0\r\nHost: a\r\n\r\n", "http-version"),
        (request("PUT", f"/vsl{LIGHT}/lightOn", {"value": "1" * 65_536}), "body-too-large"),
    ],
)
def test_some_refusals_hold_while_learning(asked: bytes, code: str) -> None:
    bench = Bench(LEARN)
    wire = bench.send(asked)
    assert status(wire) == 403
    assert "service" in wire.closed
    assert refusal_code(bench) == code
    assert bench.verdicts[0].call.accesses == ()
    assert fields(wire.to_service)["alleyes-reference"] == bench.verdicts[0].id


def test_without_a_certificate_nothing_passes_where_tls_is_required() -> None:
    bench = Bench(LEARN, inventory={"services": [{"address": LIGHT, "ip": SERVICE_IP}]})
    assert status(bench.send(request(), bench.connect(None))) == 403
    assert refusal_code(bench) == "no-certificate"


def test_where_tls_is_not_spoken_the_inventory_identifies() -> None:
    bench = Bench(FORWARD, tls_mode="plain", inventory={"services": [{"address": LIGHT, "ip": SERVICE_IP}]})
    wire = bench.send(request(), bench.connect(None))
    expected = Identity(client_id="lightcontrol1", access_ids=("lightcontrol1",)).delegation()
    assert fields(wire.to_access_point)["authorization"] == expected
    assert bench.verdicts[0].call.sender.strength is Strength.IP


def test_an_unknown_sender_is_refused_by_enforcement_only() -> None:
    strict, learning = Bench(FORWARD, tls_mode="plain"), Bench(LEARN, tls_mode="plain")
    assert status(strict.send(request(), strict.connect(None))) == 403
    assert learning.send(request(), learning.connect(None)).to_access_point


@pytest.mark.parametrize("part", ["destination", "registry", "enforcement", "on_sighting"])
def test_whatever_breaks_the_request_is_refused_and_the_connection_closed(part: str) -> None:
    bench = Bench(LEARN)
    client = bench.connect()
    wire = bench.wire(client)
    if part == "destination":
        bench.connections[client.id].destination = Destination(bench.destination.point, Raising())
    else:
        object.__setattr__(bench.judging, part, Raising())
    wire.service(request())
    assert wire.to_access_point == b""
    assert "service" in wire.closed
    assert b" 200 " not in wire.to_service
    assert {place for place, _ in bench.broken} == {"http1"}


def test_a_record_that_cannot_be_kept_refuses_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Verdict) -> None:
        raise OSError("the disk is full")

    bench = Bench(LEARN)
    monkeypatch.setattr(bench, "record", full)
    wire = bench.send(request())
    assert (status(wire), wire.to_access_point) == (503, b"")
    assert body(wire)["message"] == "The gateway could not judge the call"


# Answers.


@pytest.mark.parametrize(("answer", "teaches"), [(200, True), (204, True), (400, False), (403, False), (500, False)])
def test_a_call_teaches_only_if_the_access_point_accepted_it(answer: int, teaches: bool) -> None:
    bench = Bench(LEARN)
    wire = bench.send(request())
    assert bench.analyzer.taught == []
    length = b"" if answer == 204 else b"Content-Length: 0\r\n"
    wire.access_point(b"HTTP/1.1 %d X\r\n%b\r\n" % (answer, length))
    wire.access_point_leaves()
    assert [access.node for access in bench.analyzer.taught] == ([MOVEMENT] if teaches else [])


def test_a_refused_call_does_not_teach() -> None:
    bench = Bench(DENY)
    bench.send(request()).service_leaves()
    assert bench.analyzer.taught == []


@pytest.mark.parametrize("end", ["service", "access point", "garbage", "cut off"])
def test_a_call_without_a_whole_answer_does_not_teach(end: str) -> None:
    bench = Bench(LEARN)
    wire = bench.send(request())
    if end == "garbage":
        wire.access_point(b"220 mail.example\r\n")
    elif end == "cut off":
        wire.access_point(OK[:-1])
    if end == "service":
        wire.service_leaves()
    else:
        wire.access_point_leaves()
    assert bench.analyzer.taught == []
    assert "service" in wire.closed


def test_the_answer_to_a_registration_waits_until_the_types_are_known() -> None:
    bench = Bench(LEARN)
    wire = bench.send(request("POST", "/service/register", {"modelId": "/lightControler"}))
    assert wire.access_point(OK) == b""
    assert [hook.agent for hook in wire.hooks] == ["agent1"]
    wire.service(request())
    assert len(bench.verdicts) == 1
    wire.hook_completes()
    assert wire.to_service.count(b" 200 ") == 1
    wire.service(request())
    assert wire.to_access_point.count(b"GET ") == 1


def test_a_registration_that_was_not_accepted_is_answered_at_once() -> None:
    bench = Bench(LEARN)
    wire = bench.send(request("POST", "/service/register", {"modelId": "/lightControler"}))
    wire.access_point(OK.replace(b"200 OK", b"403 Forbidden"))
    assert (status(wire), wire.hooks) == (403, [])


def test_a_failure_after_the_answer_leaves_the_answer() -> None:
    bench = Bench(LEARN)
    wire = bench.send(request())
    object.__setattr__(bench.judging, "enforcement", Raising())
    assert wire.access_point(OK).endswith(b"\r\n\r\n{}")
    assert [place for place, _ in bench.broken] == ["conclude"]


def test_switching_protocols_unasked_is_refused() -> None:
    bench = Bench(LEARN)
    wire = bench.send(request())
    wire.access_point(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    assert status(wire) == 503
    assert wire.closed == {"service", "access point"}
    assert bench.misbehaviour[0][0] == "agent1"


# Callback channels.


def test_a_notification_passes_as_it_was_judged() -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel()
    channel.from_access_point(
        b'{ "serial":7, "invoke":"NOTIFY","address":"'
        + MOVEMENT.encode()
        + b'","callbackId":"'
        + CALLBACK_ID.encode()
        + b'"}'
    )
    assert channel.at_service() == [invocation()]
    (access,) = bench.verdicts[-1].call.accesses
    assert (access.time, access.source, access.destination) == (EVENT_TIME, "/agent1/movement1", LIGHT)
    assert (access.operation, bench.verdicts[-1].call.may_quarantine) == (Operation.NOTIFY, False)
    assert bench.analyzer.taught[-1] == access


def test_the_answer_of_the_service_passes_once() -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel()
    channel.from_access_point(invocation())
    answer = {"callbackId": CALLBACK_ID, "serial": 7, "data": {"value": "1"}}
    channel.from_service(answer)
    assert channel.at_access_point() == [answer]
    channel.from_service(answer)
    assert channel.at_access_point() == []
    assert refusal_code(bench) == "unexpected-answer"


def test_a_blocked_notification_is_dropped_and_the_access_point_hears_of_it() -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel()
    bench.engine.replace_policy(PolicyDocument.model_validate(DENY), "r2")
    taught = list(bench.analyzer.taught)
    channel.from_access_point(invocation())
    assert channel.at_service() == []
    (reply,) = channel.at_access_point()
    assert (reply["callbackId"], reply["serial"], reply["error"]["code"]) == (CALLBACK_ID, 7, 403)
    channel.from_service({"callbackId": CALLBACK_ID, "serial": 7})
    assert channel.at_access_point() == []
    assert bench.analyzer.taught == taught


@pytest.mark.parametrize("identity", ["certificate:movement1", "/agent1/movement1"])
def test_of_a_quarantined_owner_nothing_is_told_however_it_is_known(identity: str) -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel()
    entry = quarantine_entry("/agent1/movement1", identity=identity, since=NOW, until=NOW + 1000)
    bench.engine._quarantines.add(entry, now=NOW)
    channel.from_access_point(invocation())
    assert (channel.at_service(), bench.verdicts[-1].reason) == ([], "quarantined")


def test_an_answer_that_our_reply_interrupts_is_judged_whole() -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel()
    channel.from_access_point(invocation(serial=7))
    bench.engine.replace_policy(PolicyDocument.model_validate(DENY), "r2")
    answer = {"callbackId": CALLBACK_ID, "serial": 7, "data": {"value": "21"}}
    whole = json.dumps(answer)
    channel.wire.service(channel.service.send(TextMessage(data=whole[:20], message_finished=False)))
    channel.from_access_point(invocation(serial=8))
    channel.wire.service(channel.service.send(TextMessage(data=whole[20:])))
    refused, passed = channel.at_access_point()
    assert (refused["serial"], passed) == (8, answer)


@pytest.mark.parametrize("of_service", [True, False])
@pytest.mark.parametrize("text", [True, False])
def test_frames_without_meaning_are_dropped_while_learning(of_service: bool, text: bool) -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel()
    (channel.from_service if of_service else channel.from_access_point)(b"\x00\x01", text=text)
    assert (channel.at_access_point(), channel.at_service()) == ([], [])
    assert refusal_code(bench) == "ambiguous-frame"


@pytest.mark.parametrize("part", ["enforcement", "registry"])
def test_whatever_breaks_a_frame_ends_the_channel(part: str) -> None:
    bench = Bench(LEARN, tls_mode="plain")
    channel = bench.open_channel(bench.connect(None))
    object.__setattr__(bench.judging, part, Raising())
    channel.from_service({"callbackId": CALLBACK_ID, "serial": 7})
    assert channel.at_access_point() == []
    assert channel.wire.closed == {"service", "access point"}
    assert [place for place, _ in bench.broken] == ["http1"]


VIRTUAL = {"invoke": "VSET", "data": {"value": "1"}}
REMOTE = {"services": [{"address": "/agent9/remote9", "service_type": "/lightControler"}]}


def asked_by(client_id: str, **changes: Any) -> dict[str, Any]:
    identity = {"clientId": client_id, "accessIDs": [client_id], "ka": False}
    return invocation(**VIRTUAL, identity=identity, **changes)


def test_callbacks_in_cbor_pass_as_they_were_judged() -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel(content_type="application/cbor")
    assert fields(channel.wire.to_service)["content-type"] == "application/cbor"
    channel.from_access_point(strict_cbor.serialise(invocation()), text=False)
    assert channel.at_service() == [invocation(serial="7")]
    answer = {"callbackId": CALLBACK_ID, "serial": 7, "data": {"value": "1"}}
    channel.from_service(strict_cbor.serialise(answer), text=False)
    assert channel.at_access_point() == [answer | {"serial": "7"}]
    bench.engine.replace_policy(PolicyDocument.model_validate(DENY), "r2")
    channel.from_access_point(strict_cbor.serialise(invocation()), text=False)
    assert channel.at_service() == []
    assert channel.at_access_point()[0]["error"]["code"] == "403"


def test_a_channel_in_a_format_that_cannot_be_judged_does_not_open() -> None:
    bench = Bench(LEARN)
    wire = bench.open_channel(content_type="application/xml").wire
    assert (status(wire), wire.closed) == (503, {"service", "access point"})
    assert bench.misbehaviour == [
        ("agent1", "callbacks in 'application/xml' cannot be judged; let the service accept JSON or CBOR")
    ]


def test_what_repeats_a_call_that_was_judged_is_neither_judged_nor_learnt_again() -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel(bench.connect("movement1"))
    bench.engine.replace_policy(PolicyDocument.model_validate(DENY), "r2")
    before = len(bench.verdicts), list(bench.analyzer.taught)
    channel.from_access_point(asked_by("lightcontrol1"))
    assert channel.at_service() == [asked_by("lightcontrol1")]
    assert (len(bench.verdicts), bench.analyzer.taught) == before


def test_what_comes_from_elsewhere_is_judged_as_its_access_and_teaches_nothing() -> None:
    bench = Bench(LEARN, inventory=REMOTE)
    channel = bench.open_channel(bench.connect("movement1"))
    taught = list(bench.analyzer.taught)
    channel.from_access_point(asked_by("remote9"))
    assert channel.at_service() == [asked_by("remote9")]
    verdict = bench.verdicts[-1]
    (access,) = verdict.call.accesses
    assert (access.source, access.source_type, access.value) == ("/agent9/remote9", "/lightControler", "1")
    assert (verdict.call.sender.address, verdict.call.sender.strength) == ("/agent9/remote9", Strength.VOUCHED)
    assert (verdict.call.may_quarantine, bench.analyzer.taught) == (False, taught)


def test_a_refused_access_from_elsewhere_is_an_error_for_whoever_asked_and_quarantines_nobody() -> None:
    everything = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}
    bench = Bench(LEARN, inventory=REMOTE)
    channel = bench.open_channel(bench.connect("movement1"))
    bench.engine.replace_policy(PolicyDocument.model_validate(everything), "r2")
    channel.from_access_point(asked_by("remote9"))
    assert channel.at_service() == []
    (reply,) = channel.at_access_point()
    assert (reply["callbackId"], reply["serial"], reply["error"]["code"]) == (CALLBACK_ID, 7, 403)
    assert bench.verdicts[-1].action is Action.BLOCK


@pytest.mark.parametrize("client_id", ["nobody", None])
def test_an_access_of_nobody_that_is_known_obeys_the_mode(client_id: str | None) -> None:
    frame = invocation(**VIRTUAL) if client_id is None else asked_by(client_id)
    for policy, at_service in ((LEARN, 1), (FORWARD, 0)):
        bench = Bench(policy)
        channel = bench.open_channel(bench.connect("movement1"))
        channel.from_access_point(frame)
        assert len(channel.at_service()) == at_service
        assert refusal_code(bench) == ("unknown-sender" if client_id is None else "unknown-type")


def test_an_answer_that_is_none_ends_the_waiting_of_whoever_asked() -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel(bench.connect("movement1"))
    channel.from_access_point(asked_by("lightcontrol1"))
    channel.from_service({"callbackId": CALLBACK_ID, "serial": 7, "data": "text"})
    (reply,) = channel.at_access_point()
    assert (reply["error"]["code"], refusal_code(bench)) == (500, "ambiguous-frame")


def test_an_unknown_sender_hears_notifications_while_learning() -> None:
    bench = Bench(LEARN, tls_mode="plain")
    channel = bench.open_channel(bench.connect(None))
    channel.from_access_point(invocation())
    assert channel.at_service() == [invocation()]


def test_a_channel_is_known_as_one() -> None:
    bench = Bench(LEARN)
    client = bench.connect()
    bench.send(callbacks(), client)
    assert bench.connections.channels() == [client.id]


def test_what_nobody_knows_is_looked_for_but_not_for_strangers() -> None:
    bench = Bench()
    bench.send(request(path="/vsl/agent1/lock1/locked"))
    assert refusal_code(bench) == "unknown-node"
    assert bench.missed == ["/agent1/lock1/locked"]
    bench.send(request(path=f"/vsl{MOVEMENT}"), bench.connect("newcomer"))
    assert bench.missed[1:] == ["/agent1/newcomer"]
    plain = Bench(tls_mode="plain")
    plain.send(request(path="/vsl/agent1/lock1/locked"), plain.connect(None))
    assert (refusal_code(plain), plain.missed) == ("unknown-sender", [])


def _locked(bench: Bench) -> Wire:
    """A connection that holds a lock on the light; one of its writes has been refused on another connection."""
    wire = bench.wire()
    wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "LOCK_SUBTREE"}))
    wire.access_point(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert status(bench.send(request("PUT", f"/vsl{LIGHT}/lightOn", {"value": []}))) == 403
    return wire


def test_after_a_refused_write_the_commit_is_refused_and_the_gateway_rolls_back_in_the_service_s_name() -> None:
    bench = Bench()
    wire = _locked(bench)
    sent = len(wire.to_access_point)
    wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "COMMIT_SUBTREE"}))
    head, _, content = wire.to_access_point[sent:].partition(b"\r\n\r\n")
    assert head.splitlines()[0] == f"POST /vsl{LIGHT} HTTP/1.1".encode()
    assert content == b'{"operation":"ROLLBACK_SUBTREE"}'
    assert (
        fields(wire.to_access_point[sent:])["authorization"]
        == Identity("lightcontrol1", ("lightcontrol1",)).delegation()
    )
    assert status(wire) == 204, "not before the rollback has been answered"
    wire.access_point(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (status(wire), refusal_code(bench)) == (403, "transaction-refused")
    assert wire.to_service.count(b"HTTP/1.1") == 2
    assert b"Access denied" in wire.to_service
    assert bench.rolled_back == [(LIGHT, bench.verdicts[-1].id)]


@pytest.mark.parametrize("how", ["an error", "no HTTP", "gone", "another protocol"])
def test_the_commit_stays_refused_whatever_becomes_of_the_rollback(how: str) -> None:
    bench = Bench()
    wire = _locked(bench)
    wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "COMMIT_SUBTREE"}))
    match how:
        case "an error":
            wire.access_point(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")
        case "no HTTP":
            wire.access_point(b"nonsense\r\n\r\n")
        case "gone":
            wire.access_point_leaves()
        case _:
            wire.access_point(SWITCHING)
    assert (status(wire), refusal_code(bench)) == (403, "transaction-refused")
    assert wire.to_service.count(b"HTTP/1.1") == 2


TOO_LARGE = f"PUT /vsl{LIGHT}/lightOn HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n".encode()


def _open(bench: Bench, client: connection.Client, headers: dict[str, str] | None = None) -> Wire:
    """A connection that holds a lock on the light."""
    wire = bench.wire(client)
    wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "LOCK_SUBTREE"}, headers))
    wire.access_point(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert status(wire) == 204
    return wire


def test_a_write_that_comes_to_no_end_spoils_the_transaction_of_whoever_a_peer_names() -> None:
    bench = Bench(LEARN, peers=[{"agent": "agent3"}])
    acting_for = {
        name: {"Authorization": Identity(name, (name,)).delegation()} for name in ("lightcontrol1", "movement1")
    }
    client = bench.connect_peer()
    wires = {name: _open(bench, bench.connect_peer(), headers) for name, headers in acting_for.items()}
    begun = TOO_LARGE + f"Authorization: {acting_for['lightcontrol1']['Authorization']}\r\n\r\n".encode()
    assert status(bench.send(begun, client)) == 403
    assert (refusal_code(bench), bench.verdicts[-1].call.sender.address) == ("body-too-large", "/agent3/lightcontrol1")
    for name, wire in wires.items():
        wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "COMMIT_SUBTREE"}, acting_for[name]))
    reasons = {verdict.call.sender.address: verdict.reason for verdict in bench.verdicts}
    assert reasons["/agent3/lightcontrol1"] == "transaction-refused"
    assert reasons["/agent3/movement1"] == "unknown-type"


@pytest.mark.parametrize("phase", [Phase.BODY, Phase.HEAD])
def test_a_write_that_is_too_slow_spoils_the_transaction_once_it_is_known_to_be_one(phase: Phase) -> None:
    bench = Bench(LEARN)
    wire, slow = _open(bench, bench.connect()), bench.connect()
    bench.send(TOO_LARGE.replace(b"65537", b"7") + (b"\r\n{" if phase is Phase.BODY else b""), slow)
    bench.hooks.expired(slow.id, phase)
    assert refusal_code(bench) == "too-slow"
    wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "COMMIT_SUBTREE"}))
    assert (bench.verdicts[-1].reason == "transaction-refused") is (phase is Phase.BODY)


@pytest.mark.parametrize("of_service", [False, True])
def test_what_is_wrong_on_a_channel_spoils_no_transaction(of_service: bool) -> None:
    bench = Bench(LEARN)
    channel = bench.open_channel(bench.connect())
    wire = _open(bench, bench.connect())
    nonsense = b"\xff" * 64
    if of_service:
        channel.wire.service(nonsense)
    else:
        channel.wire.access_point(nonsense)
    assert refusal_code(bench) == "malformed-frame"
    wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "COMMIT_SUBTREE"}))
    assert bench.verdicts[-1].forwarded


def test_a_write_that_is_refused_at_another_access_point_spoils_the_transaction_as_well() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "LOCK_SUBTREE"}))
    wire.access_point(b"HTTP/1.1 204 No Content\r\n\r\n")
    other = AccessPoint.model_validate(plain_point(agent="agent2", ipv4="198.51.100.12", tls="required"))
    decoder = VslDecoder(agent="agent2", authority="198.51.100.12:8081", registry=bench.registry, most_accesses=4)
    bench.destination = Destination(other, decoder)
    assert status(bench.send(request("PUT", f"/vsl{LIGHT}/lightOn", {"value": []}))) == 403
    wire.service(request("POST", f"/vsl{LIGHT}", {"operation": "COMMIT_SUBTREE"}))
    assert refusal_code(bench) == "transaction-refused"
