"""The callback channel: what an access point invokes, and the one answer a service may give to it, in either format."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import Access, Operation
from policy.verdict import Strength
from proxy.configuration import InventoryDocument
from proxy.decoders import strict_cbor, strict_json
from proxy.decoders.base import FormatError, Frame
from proxy.decoders.strict_json import Number
from proxy.decoders.vsl_frames import CallbackChannel
from proxy.decoders.vsl_streams import AwaitedStreams
from proxy.registry import AgentStructure, SiteRegistry

LIGHT = "/agent1/lightcontrol1"
OWNER = "/agent1/movement1"
NODE = f"{OWNER}/movement"
ID = "071fb7b7-1111-4772-8268-b84199dfab95"
OTHER_ID = "071fb7b7-2222-4772-8268-b84199dfab95"
NOW = 1_763_000_000_000
FORMS: dict[str, Any] = {"application/json": strict_json, "application/cbor": strict_cbor}


def site() -> SiteRegistry:
    services = [
        {"address": OWNER, "location": "hall"},
        {"address": LIGHT, "location": "kitchen"},
        {"address": "/agent9/remote9", "service_type": "/lightControler", "location": "attic"},
        {"address": "/agent9/untyped9"},
    ]
    registry = SiteRegistry(InventoryDocument.model_validate({"services": services}), frozenset({"agent1", "agent7"}))
    types = {OWNER: "/movementSensor", NODE: "/derived/boolean", LIGHT: "/lightControler"}
    registry.replace_agent("agent1", AgentStructure(types=types, children={}))
    return registry


class Ends:
    """A channel of a service, spoken to in its format."""

    def __init__(self, content_type: str = "application/json", *, service: str = LIGHT) -> None:
        self.streams = AwaitedStreams()
        self.channel = CallbackChannel(service, site(), self.streams, most_accesses=2)
        self.channel.opened(f"{content_type}; UTF-8")
        self.form = FORMS[content_type]
        self.text = content_type == "application/json"

    def received(self, frame: object, *, text: bool | None = None) -> Frame:
        sent = frame if isinstance(frame, bytes) else self.form.serialise(frame)
        return self.channel.from_access_point(sent, text=self.text if text is None else text, now=NOW)

    def passed(self, frame: object) -> Frame:
        """An invocation that went on to the service."""
        received = self.received(frame)
        self.channel.passed(received)
        return received

    def answered(self, frame: object, *, text: bool | None = None) -> Frame:
        sent = frame if isinstance(frame, bytes) else self.form.serialise(frame)
        return self.channel.from_service(sent, text=self.text if text is None else text)

    def read(self, content: bytes) -> Any:
        return self.form.parse(content)


@pytest.fixture(params=sorted(FORMS))
def ends(request: pytest.FixtureRequest) -> Ends:
    return Ends(request.param)


def invocation(**changes: Any) -> dict[str, Any]:
    return {"callbackId": ID, "serial": Number(7), "address": NODE, "invoke": "NOTIFY"} | changes


def virtual(invoke: str, client_id: str = "remote9", **changes: Any) -> dict[str, Any]:
    identity = {"clientId": client_id, "accessIDs": [client_id], "ka": False}
    return invocation(invoke=invoke, identity=identity, **changes)


def answer(**changes: Any) -> dict[str, Any]:
    return {"callbackId": ID, "serial": Number(7)} | changes


def code_of(frame: Frame) -> tuple[str, bool] | None:
    return None if frame.refusal is None else (frame.refusal.code, frame.refusal.every_mode)


# What the access point invokes.


def test_a_notification_is_the_owner_notifying_the_subscriber(ends: Ends) -> None:
    frame = ends.received(invocation())
    assert frame.refusal is None
    assert frame.accesses == (
        Access(
            time=NOW,
            source=OWNER,
            source_type="/movementSensor",
            source_location="hall",
            destination=LIGHT,
            destination_type="/lightControler",
            destination_location="kitchen",
            node=NODE,
            operation=Operation.NOTIFY,
            data_type="/derived/boolean",
        ),
    )
    assert (frame.teaches, frame.strength, frame.request) == (True, Strength.VOUCHED, f"NOTIFY {NODE}")


def test_what_is_sent_on_is_written_anew_in_the_format_of_the_channel(ends: Ends) -> None:
    assert ends.read(ends.received(invocation(extra=["1"])).canonical) == invocation()
    asked = virtual("VSET", "lightcontrol1", data={"value": Number("1"), "extra": None})
    assert ends.read(ends.received(asked).canonical) == asked | {"data": {"value": "1"}}


@pytest.mark.parametrize("invoke", ["LOCK_AQUIRED", "LOCK_WILL_EXPIRE", "LOCK_EXPIRED"])
def test_news_of_the_service_s_own_locks_need_no_verdict(ends: Ends, invoke: str) -> None:
    frame = ends.received(invocation(invoke=invoke))
    assert (frame.accesses, frame.refusal) == ((), None)
    assert ends.read(frame.canonical) == invocation(invoke=invoke)


@pytest.mark.parametrize("invoke", ["VGET", "VSET", "VGET_STREAM", "VSET_STREAM", "VSUBSCRIBE", "VUNSUBSCRIBE"])
def test_what_repeats_a_call_that_passed_this_gateway_is_not_judged_again(ends: Ends, invoke: str) -> None:
    frame = ends.received(virtual(invoke, "lightcontrol1"))
    assert (frame.accesses, frame.refusal) == ((), None)
    assert ends.read(frame.canonical)["identity"]["clientId"] == "lightcontrol1"


@pytest.mark.parametrize("invoke", ["VGET", "VSET"])
def test_a_call_of_a_peer_for_itself_has_passed_this_gateway_and_what_an_agent_does_at_home_has_not(
    ends: Ends, invoke: str
) -> None:
    judged = {
        agent: [access.source for access in frame.accesses]
        for agent in ("agent7", "agent1", "agent9")
        for frame in [ends.received(invocation(invoke=invoke, identity={"clientId": agent, "ka": True}))]
    }
    assert judged == {"agent7": [], "agent1": ["/agent1"], "agent9": ["/agent9"]}


@pytest.mark.parametrize("invoke", ["VSUBSCRIBE", "VUNSUBSCRIBE"])
def test_an_owner_is_told_of_subscribers_that_nobody_names(ends: Ends, invoke: str) -> None:
    frame = ends.received(invocation(invoke=invoke))
    assert (frame.accesses, frame.refusal) == ((), None)
    assert frame.canonical


@pytest.mark.parametrize(
    ("invoke", "operation"),
    [
        ("VGET", Operation.GET),
        ("VSET", Operation.SET),
        ("VGET_STREAM", Operation.GET_STREAM),
        ("VSET_STREAM", Operation.SET_STREAM),
        ("VSUBSCRIBE", Operation.SUBSCRIBE),
        ("VUNSUBSCRIBE", Operation.UNSUBSCRIBE),
    ],
)
def test_what_comes_from_a_service_elsewhere_is_its_access_and_teaches_nothing(
    ends: Ends, invoke: str, operation: Operation
) -> None:
    frame = ends.received(virtual(invoke, data={"value": "1"}))
    assert frame.accesses == (
        Access(
            time=NOW,
            source="/agent9/remote9",
            source_type="/lightControler",
            source_location="attic",
            destination=OWNER,
            destination_type="/movementSensor",
            destination_location="hall",
            node=NODE,
            operation=operation,
            data_type="/derived/boolean",
            value="1" if operation is Operation.SET else None,
        ),
    )
    assert (frame.teaches, frame.strength, frame.refusal) == (False, Strength.VOUCHED, None)


def test_a_set_of_several_nodes_is_several_accesses_up_to_the_limit(ends: Ends) -> None:
    written = {"value": "0", "children": {"a": {"value": "1"}}}
    frame = ends.received(virtual("VSET", data=written))
    assert [(access.node, access.value) for access in frame.accesses] == [(NODE, "0"), (f"{NODE}/a", "1")]
    written["children"] = {"a": {"value": "1"}, "b": {"value": "2"}}
    assert code_of(ends.received(virtual("VSET", data=written))) == ("too-many-nodes", False)


def test_whose_access_it_is_must_be_known_for_a_verdict(ends: Ends) -> None:
    told = {}
    for name, frame in (
        ("untyped", virtual("VGET", "untyped9")),
        ("nobody", virtual("VGET", "nobody")),
        ("agent", invocation(invoke="VGET", identity={"clientId": "agent9", "ka": True})),
        ("unnamed", invocation(invoke="VGET")),
    ):
        (access,) = (received := ends.received(frame)).accesses
        told[name] = access.source, access.source_type, received.strength
    assert told == {
        "untyped": ("/agent9/untyped9", None, Strength.VOUCHED),
        "nobody": ("client:nobody", None, Strength.VOUCHED),
        "agent": ("/agent9", "/treeRoot", Strength.VOUCHED),
        "unnamed": ("unknown", None, Strength.UNKNOWN),
    }


def test_a_node_of_nobody_obeys_the_mode(ends: Ends) -> None:
    frame = ends.received(virtual("VGET", address="/agent1/nobody1/x"))
    assert code_of(frame) == ("unknown-node", False)
    assert frame.canonical


def test_unknown_invocations_obey_the_mode_and_are_sent_as_they_came(ends: Ends) -> None:
    sent = ends.form.serialise(invocation(invoke="VMOVE", parameters={"value": "1"}))
    frame = ends.received(sent)
    assert code_of(frame) == ("unsupported-operation", False)
    assert (frame.accesses, frame.canonical) == ((), sent)


def test_a_refused_invocation_has_an_answer_that_ends_the_waiting(ends: Ends) -> None:
    for frame in (invocation(), virtual("VGET"), invocation(invoke="VMOVE"), invocation(address="nowhere")):
        reply = ends.read(ends.channel.denial(ends.received(frame), of_service=False))
        assert reply == answer(
            error={
                "code": "403",
                "message": "Access denied by Anomaly detection",
                "type": "org.ds2os.vsl.core.transport.ExceptionMessage$1",
            }
        )


@pytest.mark.parametrize(
    "frame",
    [
        [],
        "NOTIFY",
        {"serial": Number(7), "address": "/a/b", "invoke": "NOTIFY"},
        invocation(serial="7"),
        invocation(address="/agent1"),
        invocation(invoke=Number(0)),
        invocation(invoke=None),
        virtual("VSET", data=["1"]),
        invocation(invoke="VGET", identity="lightcontrol1"),
    ],
)
def test_ambiguous_invocations_are_refused_in_every_mode(ends: Ends, frame: object) -> None:
    received = ends.received(frame)
    assert code_of(received) == ("ambiguous-frame", True)
    assert (received.accesses, received.canonical) == ((), b"")


def test_a_member_that_occurs_twice_is_refused() -> None:
    twice = f'{{"callbackId":"{ID}","callbackId":"{OTHER_ID}","serial":7,"address":"/a/b","invoke":"NOTIFY"}}'
    assert code_of(Ends().received(twice.encode())) == ("ambiguous-frame", True)


def test_a_service_that_nobody_knows_is_notified_too() -> None:
    (access,) = Ends(service="ip:192.0.2.9").received(invocation()).accesses
    assert (access.destination, access.destination_type) == ("ip:192.0.2.9", None)


# The format.


def test_a_channel_without_a_named_format_speaks_json() -> None:
    channel = CallbackChannel(LIGHT, site(), AwaitedStreams(), 2)
    channel.opened(None)
    assert not channel.binary


def test_a_format_that_cannot_be_judged_opens_no_channel() -> None:
    with pytest.raises(FormatError, match="'application/xml' cannot be judged; let the service accept JSON or CBOR"):
        CallbackChannel(LIGHT, site(), AwaitedStreams(), 2).opened("application/xml")


def test_frames_of_the_other_kind_are_refused_from_either_end(ends: Ends) -> None:
    ends.passed(invocation())
    for frame in (
        ends.received(invocation(), text=not ends.text),
        ends.answered(answer(), text=not ends.text),
    ):
        assert code_of(frame) == ("ambiguous-frame", True)
        assert (frame.canonical, ends.channel.denial(frame, of_service=False)) == (b"", b"")
    assert ends.answered(answer()).refusal is None


# What the service answers.


def test_one_answer_to_one_invocation(ends: Ends) -> None:
    expected = ("unexpected-answer", True)
    assert code_of(ends.answered(answer())) == expected
    ends.passed(invocation())
    assert code_of(ends.answered(answer(serial=Number(8)))) == expected
    assert code_of(ends.answered(answer(callbackId=OTHER_ID))) == expected
    frame = ends.answered(answer(data=None, extra=Number(1)))
    assert (frame.refusal, frame.accesses) == (None, ())
    assert ends.read(frame.canonical) == answer()
    assert code_of(ends.answered(answer())) == expected


def test_what_a_virtual_node_holds_is_sent_on_as_a_node(ends: Ends) -> None:
    ends.passed(virtual("VGET", "lightcontrol1"))
    held = {"types": ["/a"], "value": "virtual!", "timestamp": Number(1795402497490), "children": {"x": {"value": ""}}}
    frame = ends.answered(answer(data=held | {"extra": None}))
    assert ends.read(frame.canonical) == answer(data=held)


def test_an_error_is_an_answer_as_well(ends: Ends) -> None:
    ends.passed(invocation())
    error = answer(error={"code": Number(418), "message": "no water", "type": "x"})
    assert ends.read(ends.answered(error).canonical) == error


@pytest.mark.parametrize("wrong", [{"data": "text"}, {"error": {"code": Number(200)}}, {"error": "no"}])
def test_an_answer_that_is_none_is_refused_and_ends_the_waiting_all_the_same(ends: Ends, wrong: Any) -> None:
    ends.passed(virtual("VGET", "lightcontrol1"))
    frame = ends.answered(answer(**wrong))
    assert code_of(frame) == ("ambiguous-frame", True)
    reply = ends.read(ends.channel.denial(frame, of_service=True))
    assert (reply["callbackId"], reply["serial"], reply["error"]["code"]) == (ID, "7", "500")
    assert code_of(ends.answered(answer())) == ("unexpected-answer", True)


def test_an_invocation_that_did_not_go_to_the_service_has_no_answer(ends: Ends) -> None:
    ends.received(invocation())
    assert code_of(ends.answered(answer())) == ("unexpected-answer", True)


def test_unknown_invocations_that_were_passed_can_be_answered(ends: Ends) -> None:
    ends.passed(invocation(invoke="VMOVE"))
    assert ends.answered(answer(data={})).refusal is None


def test_invocations_that_nobody_answers_are_forgotten_oldest_first() -> None:
    ends = Ends()
    for serial in range(300):
        ends.passed(invocation(serial=Number(serial)))
    assert code_of(ends.answered(answer(serial=Number(0)))) == ("unexpected-answer", True)
    assert ends.answered(answer(serial=Number(299))).refusal is None
    assert len(ends.channel._outstanding) < 300


# Streams.


@pytest.mark.parametrize(("invoke", "sends"), [("VGET_STREAM", True), ("VSET_STREAM", False)])
def test_a_stream_may_be_opened_once_its_invocation_has_gone_to_the_owner(ends: Ends, invoke: str, sends: bool) -> None:
    ends.received(virtual(invoke, "lightcontrol1"))
    assert ends.streams.take(LIGHT, (ID, "7"), sends=sends) is None
    ends.passed(virtual(invoke, "lightcontrol1"))
    ends.answered(answer())
    assert ends.streams.take(LIGHT, (ID, "7"), sends=sends) == NODE


@pytest.mark.parametrize("wrong", [{"error": {"code": Number(404)}}, {"error": "no"}])
def test_an_owner_that_answers_with_an_error_opens_no_stream(ends: Ends, wrong: Any) -> None:
    ends.passed(virtual("VGET_STREAM", "lightcontrol1"))
    ends.answered(answer(**wrong))
    assert len(ends.streams) == 0


# Whatever comes.


@given(content=st.binary(max_size=80) | st.text(max_size=80).map(str.encode), text=st.booleans())
def test_bytes_without_meaning_are_refused(content: bytes, text: bool) -> None:
    for content_type in FORMS:
        ends = Ends(content_type)
        assert code_of(ends.received(content, text=text)) == ("ambiguous-frame", True)
        assert code_of(ends.answered(content, text=text)) == ("ambiguous-frame", True)


MEMBERS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 500).map(Number),
    st.sampled_from([ID, NODE, "VGET", "VSET", "NOTIFY", "LOCK_EXPIRED"]),
    st.dictionaries(st.sampled_from(["clientId", "value", "code", "children"]), st.just("a") | st.just({}), max_size=2),
)
FRAMES = st.dictionaries(
    st.sampled_from(["callbackId", "serial", "address", "invoke", "identity", "data", "error"]), MEMBERS
)


@given(changes=FRAMES, content_type=st.sampled_from(sorted(FORMS)))
def test_what_passes_is_read_as_the_same_by_who_gets_it(changes: dict[str, Any], content_type: str) -> None:
    if content_type == "application/cbor" and changes.get("callbackId", ID) != ID:
        return  # has no form in CBOR
    ends = Ends(content_type)
    first = ends.received(invocation() | changes)
    if first.canonical and code_of(first) != ("unsupported-operation", False):
        again = ends.received(first.canonical)
        assert (again.canonical, again.accesses, again.refusal) == (first.canonical, first.accesses, first.refusal)
    ends.passed(invocation())
    second = ends.answered(answer() | changes)
    assert bool(second.canonical) is (second.refusal is None)
    if second.canonical:
        ends.passed(invocation())
        assert ends.answered(second.canonical).canonical == second.canonical
