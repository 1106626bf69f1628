"""The callback channel: what an access point invokes, and the one answer a service may give to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import Access, Operation
from proxy.configuration import InventoryDocument
from proxy.decoders.vsl_frames import LARGEST_FRAME, CallbackChannel, Frame
from proxy.registry import AgentStructure, SiteRegistry

LIGHT = "/agent1/lightcontrol1"
NODE = "/agent1/movement1/movement"
NOW = 1_763_000_000_000


def site() -> SiteRegistry:
    services = [{"address": "/agent1/movement1", "location": "hall"}, {"address": LIGHT, "location": "kitchen"}]
    registry = SiteRegistry(InventoryDocument.model_validate({"services": services}), frozenset({"agent1"}))
    types = {"/agent1/movement1": "/movementSensor", NODE: "/derived/boolean", LIGHT: "/lightControler"}
    registry.replace_agent("agent1", AgentStructure(types=types, children={}))
    return registry


@pytest.fixture
def channel() -> CallbackChannel:
    return CallbackChannel(service=LIGHT, registry=site())


def invocation(**changes: Any) -> dict[str, Any]:
    return {"callbackId": "c1", "serial": 7, "address": NODE, "invoke": "NOTIFY"} | changes


def received(channel: CallbackChannel, frame: dict[str, Any] | bytes, *, text: bool = True) -> Frame:
    content = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
    return channel.from_access_point(content, text=text, now=NOW)


def answered(channel: CallbackChannel, frame: dict[str, Any] | bytes, *, text: bool = True) -> Frame:
    content = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
    return channel.from_service(content, text=text)


def code_of(frame: Frame) -> tuple[str, bool] | None:
    return None if frame.refusal is None else (frame.refusal.code, frame.refusal.every_mode)


def test_a_notification_is_the_owner_notifying_the_subscriber(channel: CallbackChannel) -> None:
    frame = received(channel, invocation())
    assert frame.refusal is None
    assert frame.access == Access(
        time=NOW,
        source="/agent1/movement1",
        source_type="/movementSensor",
        source_location="hall",
        destination=LIGHT,
        destination_type="/lightControler",
        destination_location="kitchen",
        node=NODE,
        operation=Operation.NOTIFY,
        data_type="/derived/boolean",
    )
    assert frame.request == f"NOTIFY {NODE}"


def test_what_is_sent_on_is_canonical_and_keeps_the_serial_a_number(channel: CallbackChannel) -> None:
    spread = b'{ "invoke":"NOTIFY", "address":"/agent1/movement1/movement","serial":7,"callbackId":"c1","extra":[1] }'
    assert json.loads(received(channel, spread).canonical) == invocation()


@pytest.mark.parametrize("invoke", ["LOCK_AQUIRED", "LOCK_WILL_EXPIRE", "LOCK_EXPIRED"])
def test_news_of_the_service_s_own_locks_need_no_verdict(channel: CallbackChannel, invoke: str) -> None:
    frame = received(channel, invocation(invoke=invoke))
    assert (frame.access, frame.refusal) == (None, None)
    assert json.loads(frame.canonical) == invocation(invoke=invoke)


@pytest.mark.parametrize("invoke", ["VGET", "VSET", "notify", "", None, 5, True])
def test_unknown_invocations_obey_the_mode_and_are_sent_as_they_came(channel: CallbackChannel, invoke: object) -> None:
    frame = received(channel, invocation(invoke=invoke, parameters={"value": "1"}))
    assert code_of(frame) == ("unsupported-operation", False)
    assert frame.access is None
    assert json.loads(frame.canonical) == invocation(invoke=invoke, parameters={"value": "1"})


def test_a_refused_invocation_has_an_answer_that_ends_the_waiting(channel: CallbackChannel) -> None:
    for frame in (received(channel, invocation()), received(channel, invocation(invoke="VGET"))):
        reply = json.loads(frame.reply_if_refused)
        assert (reply["callbackId"], reply["serial"]) == ("c1", 7)
        assert reply["error"]["code"] == 403
        assert reply["error"]["message"] == "Access denied by Anomaly detection"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'"NOTIFY"',
        b"\xff",
        b'{"callbackId":"c1","callbackId":"c2","serial":7,"address":"/a/b","invoke":"NOTIFY"}',
        b'{"serial":7,"address":"/a/b","invoke":"NOTIFY"}',
        b'{"callbackId":5,"serial":7,"address":"/a/b","invoke":"NOTIFY"}',
        b'{"callbackId":"c1","address":"/a/b","invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":"7","address":"/a/b","invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":-7,"address":"/a/b","invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":7.0,"address":"/a/b","invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":7e0,"address":"/a/b","invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":7,"invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":7,"address":5,"invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":7,"address":"agent1/x","invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":7,"address":"/agent1","invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":7,"address":"/agent1/x//y","invoke":"NOTIFY"}',
        b'{"callbackId":"c1","serial":7,"address":"/agent1/x\\n","invoke":"NOTIFY"}',
    ],
)
def test_ambiguous_invocations_are_refused_in_every_mode(channel: CallbackChannel, content: bytes) -> None:
    frame = received(channel, content)
    assert code_of(frame) == ("ambiguous-frame", True)
    assert (frame.access, frame.canonical) == (None, b"")


def test_binary_and_oversized_frames_are_refused_from_either_end(channel: CallbackChannel) -> None:
    large = json.dumps(invocation(extra="a" * LARGEST_FRAME)).encode()
    fitting = json.dumps(invocation()).encode()
    channel.passed(received(channel, fitting))
    for frame in (
        received(channel, fitting, text=False),
        received(channel, large),
        answered(channel, fitting, text=False),
        answered(channel, large),
    ):
        assert code_of(frame) == ("ambiguous-frame", True)
        assert frame.canonical == b""
    assert received(channel, fitting.ljust(LARGEST_FRAME)).refusal is None


def test_one_answer_to_one_invocation(channel: CallbackChannel) -> None:
    assert code_of(answered(channel, {"callbackId": "c1", "serial": 7, "data": None})) == ("unexpected-answer", True)
    channel.passed(received(channel, invocation()))
    assert code_of(answered(channel, {"callbackId": "c1", "serial": 8, "data": None})) == ("unexpected-answer", True)
    assert code_of(answered(channel, {"callbackId": "c2", "serial": 7, "data": None})) == ("unexpected-answer", True)
    frame = answered(channel, {"callbackId": "c1", "serial": 7, "data": None, "extra": 1})
    assert frame.refusal is None
    assert frame.access is None
    assert json.loads(frame.canonical) == {"callbackId": "c1", "serial": 7, "data": None}
    assert code_of(answered(channel, {"callbackId": "c1", "serial": 7, "data": None})) == ("unexpected-answer", True)


def test_an_error_is_an_answer_as_well(channel: CallbackChannel) -> None:
    channel.passed(received(channel, invocation()))
    error = {"callbackId": "c1", "serial": 7, "error": {"message": "no", "type": "x"}}
    assert json.loads(answered(channel, error).canonical) == error


@pytest.mark.parametrize("number", ["404", "1.50", "-0", "1e400", "123456789012345678901234567890"])
def test_numbers_in_an_answer_stay_numbers_digit_for_digit(channel: CallbackChannel, number: str) -> None:
    channel.passed(received(channel, invocation()))
    rest = f'"data":{{"value":"5","timestamp":{number},"flags":[true,null]}},"error":{{"code":{number}}}}}'
    answer = '{"callbackId":"c1","serial":7,' + rest
    assert answered(channel, answer.encode()).canonical == answer.encode()


def test_an_invocation_that_did_not_go_to_the_service_has_no_answer(channel: CallbackChannel) -> None:
    received(channel, invocation())
    assert code_of(answered(channel, {"callbackId": "c1", "serial": 7})) == ("unexpected-answer", True)


def test_unknown_invocations_that_were_passed_can_be_answered(channel: CallbackChannel) -> None:
    channel.passed(received(channel, invocation(invoke="VGET")))
    assert answered(channel, {"callbackId": "c1", "serial": 7, "data": {}}).refusal is None


def test_invocations_that_nobody_answers_are_forgotten_oldest_first(channel: CallbackChannel) -> None:
    for serial in range(300):
        channel.passed(received(channel, invocation(serial=serial)))
    assert code_of(answered(channel, {"callbackId": "c1", "serial": 0})) == ("unexpected-answer", True)
    assert answered(channel, {"callbackId": "c1", "serial": 299}).refusal is None
    assert len(channel._outstanding) < 300


@given(content=st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_bytes_without_meaning_are_refused(content: bytes) -> None:
    channel = CallbackChannel(service=LIGHT, registry=site())
    assert code_of(received(channel, content)) == ("ambiguous-frame", True)
    assert code_of(answered(channel, content)) == ("ambiguous-frame", True)


@pytest.mark.parametrize("invoke", [[], {}])
def test_an_invocation_that_is_no_text_is_refused(channel: CallbackChannel, invoke: object) -> None:
    assert received(channel, invocation(invoke=invoke)).refusal is not None


def test_a_serial_of_very_many_digits_is_refused(channel: CallbackChannel) -> None:
    content = b'{"callbackId":"c1","serial":%b,"address":"/a/b","invoke":"NOTIFY"}' % (b"1" * 5000)
    assert code_of(received(channel, content)) == ("ambiguous-frame", True)


def test_a_service_that_nobody_knows_is_notified_too() -> None:
    channel = CallbackChannel(service="ip:192.0.2.9", registry=site())
    frame = received(channel, invocation())
    assert frame.access is not None
    assert (frame.access.destination, frame.access.destination_type) == ("ip:192.0.2.9", None)
