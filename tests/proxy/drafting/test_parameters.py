"""Parameters are values that are judged; only what plainly pages a list passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from proxy.decoders.rest.examples import SENDER, ExampleRequest, decoder_for
from proxy.drafting.checked import checked
from proxy.drafting.draft import NUMBER, TEXT, MappingDraft, MemberDraft, RouteDraft
from proxy.drafting.openapi import draft_of
from proxy.drafting.parameters import MOST_PARAMETERS, with_parameters
from proxy.drafting.specification import parse_specification
from tests.proxy.drafting.test_specification import document

RELAY = RouteDraft(
    name="relay",
    method="GET",
    path="/relay",
    service="relay",
    service_type="/relay",
    operation="get",
    node="",
)
TURN = MemberDraft(pointer="?turn", node="turn", data_type=TEXT, choices=("on", "off"))
LIMIT = MemberDraft(pointer="?limit", node="limit", data_type=NUMBER)


def test_a_get_with_parameters_is_a_command_and_asked_about() -> None:
    found = with_parameters(RELAY, [TURN, LIMIT], lists=False, seen=False)
    assert (found.operation, found.query) == ("invoke", {})
    assert [each.pointer for each in found.members] == ["?turn", "?limit"]
    assert found.remarks[0].startswith("GET with turn, limit: taken for a command")


def test_what_pages_a_list_passes_where_a_list_is_read() -> None:
    found = with_parameters(RELAY, [LIMIT], lists=True, seen=True)
    assert (found.operation, found.query, found.members, found.remarks) == ("get", {"limit": ""}, (), ())
    both = with_parameters(RELAY, [LIMIT, TURN], lists=True, seen=True)
    assert (both.operation, both.query, both.members) == ("invoke", {"limit": ""}, (TURN,))
    written = with_parameters(replace(RELAY, method="POST", operation="invoke"), [LIMIT], lists=True, seen=False)
    assert written.query == {}


def test_nodes_are_below_the_route_and_the_value_of_a_body_is_one_of_them() -> None:
    put = replace(RELAY, method="PUT", operation="set", node="state", body="text", value="", data_type=TEXT)
    found = with_parameters(put, [TURN], lists=False, seen=False)
    assert [(each.pointer, each.node) for each in found.members] == [("", "state"), ("?turn", "state/turn")]
    assert (found.operation, found.value, found.data_type) == ("set", None, None)
    assert len(checked(MappingDraft(name="n", source="", heading=(), routes=(found,)))[2].routes) == 1


def test_more_parameters_than_are_judged_are_left_out_and_told() -> None:
    many = [replace(TURN, pointer=f"?p{n}") for n in range(MOST_PARAMETERS + 1)]
    found = with_parameters(RELAY, many, lists=False, seen=False)
    assert len(found.members) == MOST_PARAMETERS
    assert "more than 64 parameters" in found.remarks[0]


def test_what_a_device_may_not_be_told_is_refused_by_the_draft() -> None:
    parameters = [
        {"name": "turn", "in": "query", "schema": {"type": "string", "enum": ["on", "off"]}},
        {"name": "timer", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 120}},
        {"name": "wifi_password", "in": "query", "schema": {"type": "string"}},
    ]
    number = [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}]
    paths: dict[str, object] = {"/relay/{id}": {"parameters": number, "get": {"parameters": parameters}}}
    draft = draft_of(parse_specification(document(paths=paths), Path("api.json")), name="relay", file="api.json")
    decoder = decoder_for(checked(draft)[2], "relay")

    def becomes(target: str) -> tuple[str | None, list[tuple[str, str, str | None]]]:
        decoded = decoder.decode(ExampleRequest(method="GET", target=target).as_sent(), SENDER, 0, None)
        told = [(str(each.operation), each.node, each.value) for each in decoded.accesses]
        return None if decoded.refusal is None else decoded.refusal.code, told

    on = [("invoke", "/relay/relay-0/turn", "on"), ("invoke", "/relay/relay-0/timer", "30")]
    assert becomes("/relay/0?turn=on&timer=30") == (None, on)
    assert becomes("/relay/0?wifi_password=x") == (None, [("invoke", "/relay/relay-0/wifi_password", None)])
    refused = {
        "/relay/0?turn=burn": "out-of-range",
        "/relay/0?timer=99999": "out-of-range",
        "/relay/0?timer=1.5": "out-of-range",
        "/relay/00?turn=on": "ambiguous-target",
        "/relay/0?factory_reset=1": "unknown-node",
    }
    assert {target: becomes(target)[0] for target in refused} == refused
