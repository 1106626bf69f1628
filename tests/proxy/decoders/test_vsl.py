"""Requests of services become accesses, and exactly what was judged is sent on."""

import json

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
    ],
)
def test_operations_of_post(decoder: VslDecoder, name: str, operation: Operation) -> None:
    decoded = decode(decoder, request("POST", "/vsl/agent1/movement1", {"operation": name}))
    assert [access.operation for access in decoded.accesses] == [operation]


def test_registration_takes_its_type_from_the_body_where_none_is_known(decoder: VslDecoder) -> None:
    asked = request("POST", "/service/register", {"modelId": "/doorLock"})
    newcomer = LIGHT.__class__(address="/agent1/lock9", service_type=None, strength=Strength.CERTIFICATE, ip="10.0.0.8")
    decoded = decoder.decode(asked, newcomer, 0, DELEGATION)
    assert decoded.registers
    assert [(a.operation, a.source_type) for a in decoded.accesses] == [(Operation.REGISTER, "/doorLock")]


def test_a_known_service_cannot_change_its_type_by_registering(decoder: VslDecoder) -> None:
    decoded = decode(decoder, request("POST", "/service/register", {"modelId": "/smartPhone"}))
    assert decoded.accesses[0].source_type == "/lightControler"


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


def test_binary_answers_are_not_asked_for(decoder: VslDecoder) -> None:
    asked = request("GET", "/vsl/agent1/movement1", accept="application/cbor, application/json")
    outbound = decode(decoder, asked).outbound
    assert outbound is not None
    assert dict(outbound.headers)["accept"] == "application/json"


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
        (request("GET", "/vsl/agent1/x", upgrade="h2c"), "upgrade-not-allowed"),
        (request("GET", "/vsl/agent1/x", upgrade="websocket"), "upgrade-not-allowed"),
        (request("GET", "/callbacks", upgrade="websocket"), "upgrade-not-allowed"),
        (request("DELETE", "/vsl/agent1/x"), "method-not-allowed"),
        (request("HEAD", "/vsl/agent1/x"), "method-not-allowed"),
        (request("PRI", "/vsl/agent1/x"), "method-not-allowed"),
        (request("GET", "/"), "outside-the-interface"),
        (request("GET", "/config.txt"), "outside-the-interface"),
        (request("POST", "/ka/requestKorUpdate", {}), "knowledge-agent-interface"),
        (request("GET", "/vsl/agent1/x", {"value": "1"}), "ambiguous-body"),
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
        (request("POST", "/vsl/agent1/x", {"operation": "REGISTER_VIRTUAL_NODE"}), "unsupported-operation"),
        (request("GET", "/vsl/agent1/lightcontrol1/rooms/add/basic/text"), "unsupported-operation"),
        (request("GET", "/vsl/~/rooms/add/3/basic/text"), "unsupported-operation"),
        (request("GET", "/vsl/agent1/lightcontrol1/rooms/del/kitchen"), "unsupported-operation"),
        (request("GET", "/vsl/agent9"), "unknown-node"),
        (request("GET", "/vsl/search"), "unknown-node"),
        (request("POST", "/vsl/agent9", {"operation": "SUBSCRIBE"}), "unknown-node"),
        (request("GET", "/vsl/search/type/a//type/b"), "unsupported-operation"),
        (request("GET", "/vsl/agent1/x", accept="application/octet-stream"), "unsupported-operation"),
        (request("OPTIONS", "/vsl/agent1/x"), "unsupported-operation"),
        (request("POST", "/service/unregister", {}), "unsupported-operation"),
        (request("PUT", "/vsl/agent1/x", b"\xbf\xff", content_type="application/cbor"), "unsupported-body"),
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
