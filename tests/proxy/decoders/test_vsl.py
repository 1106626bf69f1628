"""Requests of services become accesses, and exactly what was judged is sent on."""

import json
from uuid import UUID

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.access import Operation
from policy.verdict import Sender, Strength
from proxy.configuration import InventoryDocument
from proxy.decoders.base import Decoded, Request
from proxy.decoders.vsl import VslDecoder
from proxy.registry import AgentStructure, SiteRegistry

CALLBACK = "b4fb38af-381a-4772-8268-b84199dfab95"
STREAM = "application/octet-stream"
DELEGATION = "VSL eyJ9"
UPGRADE = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec_websocket_version": "13",
    "sec_websocket_protocol": "v1.vsl.ds2os.org",
}
LIGHT = Sender(
    address="/agent1/lightcontrol1", service_type="/lightControler", strength=Strength.CERTIFICATE, ip="10.0.0.9"
)


@pytest.fixture
def decoder() -> VslDecoder:
    registry = SiteRegistry(
        InventoryDocument.model_validate(
            {
                "services": [
                    {"address": "/agent1/movement1", "location": "kitchen"},
                    {"address": "/agent1/lightcontrol1", "location": "kitchen"},
                ]
            }
        ),
        frozenset({"agent1"}),
    )
    types = {
        "/agent1/movement1": "/movementSensor",
        "/agent1/movement1/movement": "/derived/boolean",
        "/agent1/lightcontrol1": "/lightControler",
        "/agent1/lightcontrol1/lightOn": "/derived/boolean",
        "/agent1/lightcontrol1/brightness": "/basic/number",
        "/agent1/lightcontrol1/rooms": "/roomList",
        "/agent1/search": "/searchProvider/search",
        "/agent1/typeSearch": "/searchProvider/typeSearch",
    }
    children = {
        "/agent1": ("/agent1/movement1", "/agent1/lightcontrol1"),
        "/agent1/movement1": ("/agent1/movement1/movement",),
        "/agent1/lightcontrol1": ("/agent1/lightcontrol1/lightOn", "/agent1/lightcontrol1/brightness"),
    }
    lists = frozenset({"/agent1/lightcontrol1/rooms"})
    registry.replace_agent("agent1", AgentStructure(types=types, children=children, lists=lists))
    return VslDecoder(agent="agent1", authority="198.51.100.11:8081", registry=registry, most_accesses=4)


def request(method: str, target: str, body: object = None, **headers: str) -> Request:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"host": "anything", "accept": "application/json"}
    if content:
        fields["content-type"] = "application/json; UTF-8"
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method=method, target=target, headers=tuple(fields.items()), body=content)


def cbor(method: str, target: str, body: object) -> Request:
    return request(method, target, cbor2.dumps(body, indefinite_containers=True), content_type="application/cbor")


def decode(decoder: VslDecoder, asked: Request) -> Decoded:
    return decoder.decode(asked, LIGHT, 1000, DELEGATION)


def test_get_has_all_features(decoder: VslDecoder) -> None:
    decoded = decode(decoder, request("GET", "/vsl/agent1/movement1/movement"))
    (access,) = decoded.accesses
    assert (access.source, access.source_type, access.source_location) == (
        "/agent1/lightcontrol1",
        "/lightControler",
        "kitchen",
    )
    assert (access.destination, access.destination_type, access.destination_location) == (
        "/agent1/movement1",
        "/movementSensor",
        "kitchen",
    )
    assert (access.node, access.operation, access.data_type) == (
        "/agent1/movement1/movement",
        Operation.GET,
        "/derived/boolean",
    )
    assert access.time == 1000


def test_set_of_several_nodes_is_several_accesses(decoder: VslDecoder) -> None:
    body = {"children": {"lightOn": {"value": "0"}, "brightness": {"value": 70}}}
    decoded = decode(decoder, request("PUT", "/vsl/~", body))
    assert [(a.node, a.operation, a.value) for a in decoded.accesses] == [
        ("/agent1/lightcontrol1/lightOn", Operation.SET, "0"),
        ("/agent1/lightcontrol1/brightness", Operation.SET, "70"),
    ]
    assert decoded.outbound is not None
    assert decoded.outbound.target == "/vsl/agent1/lightcontrol1"


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("SUBSCRIBE", Operation.SUBSCRIBE),
        ("UNSUBSCRIBE", Operation.UNSUBSCRIBE),
        ("NOTIFY", Operation.NOTIFY),
        ("LOCK_SUBTREE", Operation.LOCK),
        ("COMMIT_SUBTREE", Operation.COMMIT),
        ("ROLLBACK_SUBTREE", Operation.ROLLBACK),
        ("REGISTER_VIRTUAL_NODE", Operation.REGISTER_VIRTUAL),
        ("UNREGISTER_VIRTUAL_NODE", Operation.UNREGISTER_VIRTUAL),
    ],
)
def test_operations_of_post(decoder: VslDecoder, name: str, operation: Operation) -> None:
    decoded = decode(decoder, request("POST", "/vsl/agent1/movement1", {"operation": name}))
    assert [access.operation for access in decoded.accesses] == [operation]
    in_cbor = decode(
        decoder, cbor("POST", "/vsl/agent1/movement1", {"operation": name, "callbackId": UUID(CALLBACK).bytes})
    )
    assert in_cbor.accesses == decoded.accesses
    assert in_cbor.outbound is not None
    assert cbor2.loads(in_cbor.outbound.body) == {"operation": name, "callbackId": UUID(CALLBACK).bytes}


def test_a_service_ends_its_own_registration(decoder: VslDecoder) -> None:
    decoded = decode(decoder, request("POST", "/service/unregister", {"whatever": 1}))
    (access,) = decoded.accesses
    assert (access.operation, access.node, access.own) == (Operation.UNREGISTER, LIGHT.address, True)
    assert decoded.refusal is None
    assert decoded.outbound is not None
    assert decoded.outbound.body == b"{}"


def test_a_set_in_cbor_is_the_same_as_in_json_and_sent_in_cbor(decoder: VslDecoder) -> None:
    body = {"children": {"lightOn": {"value": "0"}, "brightness": {"value": 70}}}
    decoded = decode(decoder, cbor("PUT", "/vsl/~", body))
    assert decoded.accesses == decode(decoder, request("PUT", "/vsl/~", body)).accesses
    assert decoded.outbound is not None
    assert dict(decoded.outbound.headers)["content-type"] == "application/cbor"
    # Written anew, in Jackson's form; numbers as the text that the access point stores.
    assert decoded.outbound.body == bytes.fromhex(
        "bf 686368696c6472656e bf 676c696768744f6e bf 6576616c7565 6130 ff"
        "6a6272696768746e657373 bf 6576616c7565 623730 ff ff ff"
    )


def test_a_registration_in_cbor_stays_one_as_its_answer_takes_its_form(decoder: VslDecoder) -> None:
    decoded = decode(decoder, cbor("POST", "/service/register", {"modelId": "/lightControler"}))
    assert decoded.outbound is not None
    assert dict(decoded.outbound.headers)["content-type"] == "application/cbor"
    assert cbor2.loads(decoded.outbound.body)["modelId"] == "/lightControler"


def test_a_get_that_changes_a_list_is_a_write_of_the_list(decoder: VslDecoder) -> None:
    rooms = "/agent1/lightcontrol1/rooms"
    for target, value in (("add/3/basic/text//kitchen", "add /basic/text"), ("del/kitchen", "del")):
        decoded = decode(decoder, request("GET", f"/vsl/~/rooms/{target}?depth=2"))
        (access,) = decoded.accesses
        assert (access.operation, access.node, access.value) == (Operation.SET, rooms, value)
        assert access.data_type == "/roomList"
        assert decoded.changes_nodes
        assert decoded.refusal is None
        assert decoded.outbound is not None
        assert decoded.outbound.target == f"/vsl{rooms}/{target}?depth=2"


def test_what_might_be_a_list_counts_as_one(decoder: VslDecoder) -> None:
    new = decode(decoder, request("GET", "/vsl/agent1/lightcontrol1/rooms/kitchen/add/basic/text"))
    assert [(a.operation, a.node) for a in new.accesses] == [(Operation.SET, "/agent1/lightcontrol1/rooms/kitchen")]
    known = decode(decoder, request("GET", "/vsl/agent1/lightcontrol1/lightOn/add/basic/text"))
    assert [access.operation for access in known.accesses] == [Operation.GET]


@pytest.mark.parametrize(
    ("target", "node"),
    [
        ("/vsl/search/type/a", "/agent1/search"),
        ("/vsl/search/type/a//type/b", "/agent1/search"),
        ("/vsl/agent1/typeSearch/derived/boolean", "/agent1/typeSearch"),
    ],
)
def test_a_search_reads_the_search_service(decoder: VslDecoder, target: str, node: str) -> None:
    decoded = decode(decoder, request("GET", target))
    assert decoded.refusal is None
    assert [(a.operation, a.node, a.destination, a.destination_type) for a in decoded.accesses] == [
        (Operation.GET, node, node, f"/searchProvider{node.removeprefix('/agent1')}")
    ]


def test_streams_are_judged_by_their_head(decoder: VslDecoder) -> None:
    body = b'{"value":"1","value":"2"}\xff'
    sent = decode(decoder, request("PUT", "/vsl/agent1/movement1/movement", body, content_type=STREAM))
    got = decode(decoder, request("GET", "/vsl/agent1/movement1/movement?depth=1", accept=STREAM))
    assert [access.operation for access in (*sent.accesses, *got.accesses)] == [
        Operation.SET_STREAM,
        Operation.GET_STREAM,
    ]
    assert sent.stream
    assert got.stream
    assert sent.outbound is not None
    assert got.outbound is not None
    assert sent.outbound.body == body
    assert dict(sent.outbound.headers)["content-type"] == STREAM
    assert dict(got.outbound.headers)["accept"] == STREAM


@pytest.mark.parametrize(("method", "sends"), [("PUT", True), ("GET", False)])
def test_a_callback_stream_opens_where_the_access_point_waits_for_it(
    decoder: VslDecoder, method: str, sends: bool
) -> None:
    asked = request(method, f"/callback-stream/{CALLBACK}-7", **{"content_type" if sends else "accept": STREAM})
    unasked = decode(decoder, asked)
    assert unasked.refusal is not None
    assert (unasked.refusal.code, unasked.refusal.every_mode) == ("unexpected-stream", True)
    node = "/agent1/lightcontrol1/lightOn"
    decoder.streams.expect(LIGHT.address, (CALLBACK, "7"), node, sends=sends)
    decoded = decode(decoder, asked)
    assert decoded.refusal is None
    assert [(access.node, access.own) for access in decoded.accesses] == [(node, True)]
    assert decoded.stream
    assert decoded.asked_for
    assert decoded.outbound is not None
    assert decoded.outbound.target == f"/callback-stream/{CALLBACK}-7"
    assert decode(decoder, asked).refusal is not None


def test_a_browser_s_question_is_passed_on_with_what_it_asks(decoder: VslDecoder) -> None:
    asked = request("OPTIONS", "/vsl/agent1/movement1", origin="https://ui.example", cookie="a=b")
    outbound = decode(decoder, asked).outbound
    assert outbound is not None
    assert dict(outbound.headers)["origin"] == "https://ui.example"
    assert "cookie" not in dict(outbound.headers)


def test_registration_takes_its_type_from_the_body_where_none_is_known(decoder: VslDecoder) -> None:
    asked = request("POST", "/service/register", {"modelId": "/doorLock"})
    newcomer = LIGHT.__class__(address="/agent1/lock9", service_type=None, strength=Strength.CERTIFICATE, ip="10.0.0.8")
    decoded = decoder.decode(asked, newcomer, 0, DELEGATION)
    assert decoded.changes_nodes
    assert [(a.operation, a.source_type) for a in decoded.accesses] == [(Operation.REGISTER, "/doorLock")]


def test_a_registration_without_a_model_makes_no_nodes_and_changes_no_type(decoder: VslDecoder) -> None:
    asked = request("POST", "/service/register", {"modelId": ""})
    decoded = decode(decoder, asked)
    assert not decoded.changes_nodes
    assert [(a.source_type, a.destination_type) for a in decoded.accesses] == [("/lightControler", "/lightControler")]
    newcomer = LIGHT.__class__(address="/agent1/lock9", service_type=None, strength=Strength.CERTIFICATE, ip="10.0.0.8")
    unknown = decoder.decode(asked, newcomer, 0, DELEGATION)
    assert unknown.refusal is not None
    assert (unknown.refusal.code, unknown.refusal.every_mode) == ("unknown-node", False)


def test_a_known_service_cannot_change_its_type_by_registering(decoder: VslDecoder) -> None:
    decoded = decode(decoder, request("POST", "/service/register", {"modelId": "/smartPhone"}))
    assert decoded.accesses[0].source_type == "/lightControler"


@pytest.mark.parametrize(
    ("node", "query"), [("/agent2", "?depth=-1"), ("/agent2/lock1", "?depth=1"), ("/agent1/boiler", "?depth=-1")]
)
def test_what_lies_below_what_was_not_read_is_not_judged_as_if_there_were_nothing(node: str, query: str) -> None:
    inventory = {
        "services": [
            {"address": "/agent2/lock1", "service_type": "/doorLock"},
            {"address": "/agent1/boiler", "service_type": "/boilerControl"},
        ]
    }
    registry = SiteRegistry(InventoryDocument.model_validate(inventory), frozenset({"agent1", "agent2"}))
    registry.replace_agent("agent1", AgentStructure(types={"/agent1/light1": "/lightControler"}, children={}))
    decoder = VslDecoder(agent="agent1", authority="198.51.100.11:8081", registry=registry, most_accesses=4)
    read = request("GET", f"/vsl{node}{query}")
    subscribed = request("POST", f"/vsl{node}{query}", {"operation": "SUBSCRIBE", "callbackId": CALLBACK})
    for asked in (read, subscribed):
        decoded = decode(decoder, asked)
        assert decoded.refusal is not None
        assert (decoded.refusal.code, decoded.refusal.every_mode) == ("unknown-structure", False)
        assert decoded.outbound is not None
        assert decoded.outbound.target == f"/vsl{node}{query}"
        assert [access.node for access in decoded.accesses] == [node]
    alone = decode(decoder, request("GET", f"/vsl{node}"))
    assert (alone.refusal, len(alone.accesses)) == (None, 1)


def test_depth_counts_every_node_it_reaches(decoder: VslDecoder) -> None:
    decoded = decode(decoder, request("GET", "/vsl/agent1/lightcontrol1?depth=1"))
    assert [access.node for access in decoded.accesses] == [
        "/agent1/lightcontrol1",
        "/agent1/lightcontrol1/lightOn",
        "/agent1/lightcontrol1/brightness",
    ]


def test_a_call_on_too_many_nodes_is_refused(decoder: VslDecoder) -> None:
    decoded = decode(decoder, request("GET", "/vsl/agent1?depth=-1"))
    assert decoded.refusal is not None
    assert decoded.refusal.code == "too-many-nodes"


def test_identity_is_passed_on_and_nothing_of_the_sender_s_own(decoder: VslDecoder) -> None:
    asked = request("GET", "/vsl/agent1/movement1", forwarded="for=10.1.1.1", cookie="a=b", connection="close, accept")
    outbound = decode(decoder, asked).outbound
    assert outbound is not None
    assert dict(outbound.headers) == {
        "host": "198.51.100.11:8081",
        "accept": "application/json",
        "authorization": DELEGATION,
    }


def test_answers_are_asked_for_as_the_service_wants_them(decoder: VslDecoder) -> None:
    asked = request("GET", "/vsl/agent1/movement1", accept="application/cbor, application/json")
    outbound = decode(decoder, asked).outbound
    assert outbound is not None
    assert dict(outbound.headers)["accept"] == "application/cbor, application/json"


@pytest.mark.parametrize(
    ("accept", "asked"),
    [
        ("application/json", "application/json"),
        ("application/cbor, application/json", "application/cbor, application/json"),
        ("*/*", "*/*"),
        ("", "application/json"),
    ],
)
def test_a_service_gets_its_callbacks_in_the_format_that_it_wants(decoder: VslDecoder, accept: str, asked: str) -> None:
    outbound = decode(decoder, request("GET", "/callbacks", **UPGRADE, accept=accept)).outbound
    assert outbound is not None
    assert dict(outbound.headers)["accept"] == asked


def test_callback_channel_is_an_access_of_the_access_point(decoder: VslDecoder) -> None:
    decoded = decode(decoder, request("GET", "/callbacks", **UPGRADE, sec_websocket_extensions="permessage-deflate"))
    assert decoded.opens_callbacks
    assert decoded.outbound is not None
    assert "sec-websocket-extensions" not in dict(decoded.outbound.headers)
    assert dict(decoded.outbound.headers)["authorization"] == DELEGATION


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request("GET", "/vsl/agent1/x", authorization="VSL e30="), "delegation-not-allowed"),
        (request("GET", "/vsl/agent1/x", upgrade="h2c"), "http2"),
        (request("GET", "/vsl/agent1/x", upgrade="websocket"), "upgrade-not-allowed"),
        (request("GET", "/callbacks", upgrade="websocket"), "upgrade-not-allowed"),
        (request("DELETE", "/vsl/agent1/x"), "method-not-allowed"),
        (request("HEAD", "/vsl/agent1/x"), "method-not-allowed"),
        (request("PRI", "/vsl/agent1/x"), "method-not-allowed"),
        (request("GET", "/"), "outside-the-interface"),
        (request("GET", "/config.txt"), "outside-the-interface"),
        (request("POST", "/ka/requestKorUpdate", {}), "knowledge-agent-interface"),
        (request("GET", "/vsl/agent1/x", {"value": "1"}), "ambiguous-body"),
        (request("GET", "/vsl/search/type/a", {"value": "1"}), "ambiguous-body"),
        (request("PUT", "/vsl/agent1/x", b"\xbf\xff\x00", content_type="application/cbor"), "ambiguous-body"),
        (request("PUT", "/vsl/agent1/x", b"\xa2\x61a\x01\x61a\x01", content_type="application/cbor"), "ambiguous-body"),
        (request("POST", "/service/unregister", []), "ambiguous-body"),
        (request("GET", "/vsl/agent1//x"), "ambiguous-target"),
        (request("PUT", "/vsl/agent1/lightcontrol1/rooms/add/a//b", {"value": "1"}), "ambiguous-target"),
        (request("GET", "/vsl/~/rooms/add/basic/text", accept=STREAM), "ambiguous-target"),
        (request("PUT", f"/callback-stream/{CALLBACK}-7", {}), "ambiguous-headers"),
        (request("GET", f"/callback-stream/{CALLBACK}-7"), "ambiguous-headers"),
        (request("GET", f"/callback-stream/{CALLBACK}-7", b"x", accept=STREAM), "ambiguous-body"),
        (request("PUT", "/vsl/agent1/x", b'{"value":"1","value":"2"}'), "ambiguous-body"),
        (request("PUT", "/vsl/agent1/x", b"\x00"), "ambiguous-body"),
        (replace(request("GET", "/vsl/agent1/x"), headers=(("host", "a"), ("host", "b"))), "ambiguous-headers"),
        (replace(request("GET", "/vsl/agent1/x"), headers=()), "ambiguous-headers"),
        (request("GET", "/vsl/agent1/x", user_agent="a\0b"), "ambiguous-headers"),
        (request("GET", "/vsl/agent1/x", user_agent="a" * 9000), "headers-too-large"),
    ],
)
def test_refused_in_every_mode(decoder: VslDecoder, asked: Request, code: str) -> None:
    decoded = decode(decoder, asked)
    assert decoded.refusal is not None
    assert (decoded.refusal.code, decoded.refusal.every_mode) == (code, True)
    assert decoded.outbound is None


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request("POST", "/vsl/agent1/x", {"operation": "REPLACE_NODE"}), "unsupported-operation"),
        (request("GET", "/vsl/agent9"), "unknown-node"),
        (request("GET", "/vsl/search"), "unknown-node"),
        (request("POST", "/vsl/agent9", {"operation": "SUBSCRIBE"}), "unknown-node"),
        (request("PUT", "/vsl/search/type/a", {"value": "1"}), "unsupported-operation"),
        (request("GET", "/callbacks"), "unsupported-operation"),
        (request("OPTIONS", "/vsl/agent1/x"), "unsupported-operation"),
        (request("PUT", "/vsl/agent1/x", b"<node/>", content_type="application/xml"), "xml-body"),
        (request("POST", "/vsl/agent1/x", b"<o/>", content_type="text/xml; charset=utf-8"), "xml-body"),
        (request("PUT", "/vsl/agent1/x", b"\x08", content_type="application/x-protobuf-vsl"), "unsupported-body"),
        (request("PUT", "/vsl/agent1/x", b"\x08", content_type="application/octet-stream; a"), "unsupported-body"),
    ],
)
def test_what_is_not_supported_obeys_the_mode_and_can_still_be_sent(
    decoder: VslDecoder, asked: Request, code: str
) -> None:
    decoded = decode(decoder, asked)
    assert decoded.refusal is not None
    assert (decoded.refusal.code, decoded.refusal.every_mode) == (code, False)
    assert decoded.outbound is not None
    assert decoded.outbound.body.replace(b" ", b"") == asked.body.replace(b" ", b"")


def test_reading_a_list_is_a_read(decoder: VslDecoder) -> None:
    decoded = decode(decoder, request("GET", "/vsl/agent1/lightcontrol1/rooms/elements"))
    assert decoded.refusal is None
    assert [access.operation for access in decoded.accesses] == [Operation.GET]


def test_the_configured_agent_itself_is_known_before_its_structure_has_been_read() -> None:
    registry = SiteRegistry(InventoryDocument(), frozenset({"agent1"}))
    unread = VslDecoder(agent="agent1", authority="h:1", registry=registry, most_accesses=4)
    decoded = decode(unread, request("GET", "/vsl/agent1"))
    assert decoded.refusal is None
    assert [access.destination_type for access in decoded.accesses] == ["/treeRoot"]


def test_a_refusal_is_what_services_understand(decoder: VslDecoder) -> None:
    answer = decoder.refuse("PUT")
    assert answer.status == 403
    assert json.loads(answer.body) == {
        "code": 403,
        "message": "Access denied by Anomaly detection",
        "type": "org.ds2os.vsl.core.transport.ExceptionMessage$1",
    }
    assert decoder.refuse("HEAD").body == b""


@given(method=st.sampled_from(["GET", "PUT", "POST"]), target=st.text(max_size=40), body=st.binary(max_size=60))
def test_hostile_input_never_raises(method: str, target: str, body: bytes) -> None:
    registry = SiteRegistry(InventoryDocument(), frozenset({"a"}))
    plain = VslDecoder(agent="a", authority="h:1", registry=registry, most_accesses=4)
    decoded = plain.decode(request(method, "/vsl/" + target, body), LIGHT, 0, None)
    assert decoded.refusal is not None or decoded.accesses
