"""Messages of the callback channel, by the catalogue of the protocol: what is understood is what is sent on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders import vsl_messages
from proxy.decoders.strict_json import Number, parse, serialise
from proxy.decoders.vsl_messages import NotAMessage, Requester

ID = "071fb7b7-1111-4772-8268-b84199dfab95"
OF = (ID, "7")
NODE = "/agent1/movement1/movement"
IDENTITY = {"clientId": "lightcontrol1", "accessIDs": ["lightcontrol1", "group7"], "ka": False}


def message(**members: Any) -> dict[str, Any]:
    found: dict[str, Any] = parse(json.dumps({"callbackId": ID, "serial": 7, **members}).encode())
    return found


def invocation(invoke: object, **members: Any) -> vsl_messages.Invocation:
    return vsl_messages.invocation(message(invoke=invoke, **({"address": NODE} | members)), OF)


def sent(invoke: object, **members: Any) -> Any:
    return json.loads(serialise(invocation(invoke, **members).message))


def test_the_captured_invocation_of_a_virtual_node_is_sent_on_as_it_is() -> None:
    asked = invocation("VGET", identity=IDENTITY)
    assert json.loads(serialise(asked.message)) == {
        "callbackId": ID,
        "serial": 7,
        "address": NODE,
        "invoke": "VGET",
        "identity": IDENTITY,
    }
    assert (asked.address, asked.requester, asked.values) == (NODE, Requester("lightcontrol1", agent=False), ())


def test_a_set_carries_the_node_that_it_writes() -> None:
    asked = invocation("VSET", identity=IDENTITY, data={"value": 1, "children": {"a": {"value": "2"}}, "extra": 1})
    assert asked.values == (("", "1"), ("a", "2"))
    assert json.loads(serialise(asked.message))["data"] == {"value": "1", "children": {"a": {"value": "2"}}}
    assert invocation("VSET", identity=IDENTITY).message["data"] == {}


@pytest.mark.parametrize("invoke", sorted({"NOTIFY", *vsl_messages.ABOUT_LOCKS}))
def test_what_tells_something_names_a_node_only(invoke: str) -> None:
    expected = {"callbackId": ID, "serial": 7, "address": NODE, "invoke": invoke}
    assert sent(invoke, identity=IDENTITY, data={"value": "1"}, extra=1) == expected


@pytest.mark.parametrize("invoke", ["VGET_STREAM", "VSET_STREAM", "VSUBSCRIBE", "VUNSUBSCRIBE", "VGET"])
def test_data_goes_with_a_set_only_and_who_asks_may_be_missing(invoke: str) -> None:
    assert "data" not in sent(invoke, identity=IDENTITY, data={"value": "1"})
    assert "identity" not in sent(invoke)
    assert sent(invoke, identity={"clientId": "agent1", "ka": True})["identity"] == {"clientId": "agent1", "ka": True}


def test_parameters_of_a_get_come_with_the_address() -> None:
    asked = invocation("VGET", address=f"{NODE}/a?scope=meta;depth=01&unknown=1")
    assert (asked.address, asked.message["address"]) == (f"{NODE}/a", f"{NODE}/a?depth=1&scope=METADATA")


def test_an_unknown_invocation_is_named() -> None:
    assert invocation("VMOVE", data=5).invoke == "VMOVE"


@pytest.mark.parametrize(
    "members",
    [
        {"invoke": 5},
        {"invoke": None},
        {"invoke": ["NOTIFY"]},
        {"address": None},
        {"address": 5},
        {"address": "agent1/x"},
        {"address": "/agent1"},
        {"address": "/"},
        {"address": ""},
        {"address": "/~/x"},
        {"address": "/agent1/../x"},
        {"address": "/agent1/x\n"},
        {"address": "/agent1/x%41"},
        {"address": f"{NODE}?depth=1"},
        {"address": f"{NODE}//x"},
        {"address": f"{NODE}/"},
        {"invoke": "VGET", "address": f"{NODE}?depth=1&depth=2"},
        {"invoke": "VGET", "address": "/agent1?depth=1"},
        {"invoke": "VGET", "identity": "lightcontrol1"},
        {"invoke": "VGET", "identity": {}},
        {"invoke": "VGET", "identity": {"clientId": 5}},
        {"invoke": "VGET", "identity": {"clientId": "a/b"}},
        {"invoke": "VGET", "identity": {"clientId": "a", "accessIDs": "a"}},
        {"invoke": "VGET", "identity": {"clientId": "a", "accessIDs": [5]}},
        {"invoke": "VGET", "identity": {"clientId": "a", "ka": "true"}},
        {"invoke": "VSET", "data": {"value": []}},
        {"invoke": "VSET", "data": [1]},
        {"invoke": "VSET", "data": {"children": {"a/b": {"value": "1"}, "a": {"children": {"b": {"value": "2"}}}}}},
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(NotAMessage):
        invocation(**({"invoke": "NOTIFY"} | members))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{{"callbackId":"{ID.upper()}","serial":7}}', OF),
        (f'{{"callbackId":"{ID}","serial":0}}', (ID, "0")),
        ("[]", None),
        (f'{{"callbackId":"{ID}"}}', None),
        (f'{{"callbackId":"{ID}","serial":"7"}}', None),
        (f'{{"callbackId":"{ID}","serial":-7}}', None),
        (f'{{"callbackId":"{ID}","serial":7.0}}', None),
        (f'{{"callbackId":"{ID}","serial":7e0}}', None),
        (f'{{"callbackId":"{ID}","serial":{"1" * 5000}}}', None),
        ('{"callbackId":5,"serial":7}', None),
        ('{"callbackId":"c1","serial":7}', None),
        ('{"serial":7}', None),
    ],
)
def test_what_a_message_belongs_to(text: str, expected: object) -> None:
    if expected is not None:
        assert vsl_messages.correlation(parse(text.encode())) == expected
        return
    with pytest.raises(NotAMessage):
        vsl_messages.correlation(parse(text.encode()))


def test_an_answer_is_a_node_or_an_error_or_neither() -> None:
    for members in ({}, {"data": {"value": "virtual!"}}, {"error": {"code": 418, "message": "no water", "type": "x"}}):
        answer = vsl_messages.answer(message(**members, extra=1), OF)
        assert json.loads(serialise(answer.message)) == {"callbackId": ID, "serial": 7, **members}
        assert answer.failed is ("error" in members)
    both = vsl_messages.answer(message(data={"value": "1"}, error={"code": 500}), OF)
    assert "data" not in both.message
    assert vsl_messages.answer(message(data=None, error=None), OF).message == {"callbackId": ID, "serial": Number(7)}


@pytest.mark.parametrize(
    "members",
    [
        {"data": "text"},
        {"data": {"value": {}}},
        {"error": "no"},
        {"error": {"message": "no"}},
        {"error": {"code": "404"}},
        {"error": {"code": 200}},
        {"error": {"code": 101}},
        {"error": {"code": 404.5}},
        {"error": {"code": 404, "message": 5}},
        {"error": {"code": 404, "type": []}},
    ],
)
def test_what_is_neither_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(NotAMessage):
        vsl_messages.answer(message(**members), OF)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["VGET", "VSET", NODE])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
MESSAGES = st.fixed_dictionaries(
    {"callbackId": st.just(ID), "serial": st.just(7)},
    optional={
        "invoke": st.sampled_from(["NOTIFY", *vsl_messages.WITHIN_VIRTUAL_NODES]) | ANYTHING,
        "address": st.sampled_from([NODE, f"{NODE}?depth=1"]) | ANYTHING,
        "identity": st.just(IDENTITY) | ANYTHING,
        "data": st.just({"value": "1"}) | ANYTHING,
        "error": st.just({"code": 404}) | ANYTHING,
    },
)


@given(MESSAGES)
def test_the_canonical_form_is_read_as_the_same_message(made: dict[str, Any]) -> None:
    parsed = parse(json.dumps(made).encode())
    for read in (vsl_messages.invocation, vsl_messages.answer):
        try:
            first = read(parsed, OF)
        except NotAMessage:
            continue
        assert read(parse(serialise(first.message)), OF) == first
