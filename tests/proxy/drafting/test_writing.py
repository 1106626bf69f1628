"""The text of a draft: it says what was guessed, and holds nothing that a document of others slipped in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from policy import yaml_source
from policy.loading import check_document
from proxy.decoders.rest.mapping import MappingDocument
from proxy.drafting.draft import MappingDraft, MemberDraft, RouteDraft
from proxy.drafting.writing import text_of

ROUTE = RouteDraft(
    name="Set: a light\nroutes: []",
    method="PUT",
    path="/lights/{light}",
    service="light-{light}",
    service_type="/hue/light",
    operation="set",
    node="",
    body="json",
    members=(
        MemberDraft(pointer="/on", node="on", data_type="/basic/boolean"),
        MemberDraft(pointer="/bri", node="bri", data_type="/basic/number", minimum=1, maximum=254.5),
        MemberDraft(pointer="/level", node="level", data_type="/basic/number", integer=True),
        MemberDraft(pointer="/mode", node="mode", data_type="/basic/text", choices=("on", "1", 'a"b')),
    ),
    query={"fade": "one of slow, fast"},
    remarks=("is this\n- name: a trick\r\x1b[2J? " + "word " * 60,),
)
DRAFT = MappingDraft(
    name="yes",
    source="a: b",
    heading=("A draft",),
    tokens=[{"header": "authorization", "scheme": "Bearer"}],
    token_remarks=("decide",),
    headers=("x-a",),
    routes=(ROUTE,),
    left_out=("GET /x\n- y",),
)


def test_all_that_was_drafted_is_in_the_text() -> None:
    source = yaml_source.parse(text_of(DRAFT))
    assert source.problems == []
    assert source.data == {
        "name": "yes",
        "source": "a: b",
        "token": {"header": "authorization", "scheme": "Bearer"},
        "headers": ["x-a"],
        "routes": [
            {
                "name": "Set: a light\nroutes: []",
                "method": "PUT",
                "path": "/lights/{light}",
                "service": "light-{light}",
                "type": "/hue/light",
                "operation": "set",
                "query": {"fade": {}},
                "body": "json",
                "members": {
                    "/on": {"node": "on", "data_type": "/basic/boolean"},
                    "/bri": {"node": "bri", "data_type": "/basic/number", "minimum": 1, "maximum": 254.5},
                    "/level": {"node": "level", "data_type": "/basic/number", "integer": True},
                    "/mode": {"node": "mode", "data_type": "/basic/text", "choices": ["on", "1", 'a"b']},
                },
            }
        ],
    }


def test_remarks_stay_comments_whatever_they_hold() -> None:
    text = text_of(DRAFT)
    lines = [line for line in text.splitlines() if "trick" in line or "word" in line or "- y" in line]
    assert len(lines) > 3
    assert all(line.lstrip().startswith("# ") for line in lines)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 200


def test_a_draft_without_routes_is_still_a_document() -> None:
    assert "routes: []" in text_of(MappingDraft(name="x", source="", heading=()))


def test_parameters_of_a_request_without_a_body_are_written() -> None:
    turn = MemberDraft(pointer="?turn", node="turn", data_type="/basic/text", longest=9, private=True)
    route = replace(ROUTE, method="GET", body="none", members=(turn,), query={})
    mapping = check_document(text_of(replace(DRAFT, routes=(route,))), Path("draft"), MappingDocument)
    (written,) = mapping.routes
    assert (written.body, [*written.members], written.members["?turn"].private) == ("none", ["?turn"], True)
    assert written.members["?turn"].longest == 9
