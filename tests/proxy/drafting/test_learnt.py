"""From confirmed templates to drafts that can be loaded."""

from __future__ import annotations

from pathlib import Path

from policy.loading import check_document
from proxy.decoders.rest.mapping import MappingDocument
from proxy.drafting.draft import MappingDraft
from proxy.drafting.learnt import draft_from
from proxy.drafting.templates import Seen, Vocabulary
from proxy.drafting.writing import text_of
from tests.proxy.decoders.rest.making import decoded

TOKEN = "83b7780291a6ceffbe0bd049104df00x"


def draft(*calls: tuple[str, str, str]) -> MappingDraft:
    vocabulary = Vocabulary()
    for method, path, media_type in calls:
        for caller in ("a", "b"):
            vocabulary.add(
                Seen(method=method, segments=tuple(path.split("/")[1:]), media_type=media_type, caller=caller)
            )
    return draft_from(vocabulary.templates()[0], name="hue", source="the log")


def test_a_draft_can_be_loaded_and_has_no_credential_in_an_address() -> None:
    found = draft(
        *(("PUT", f"/api/{TOKEN}/lights/{n}/state", "application/json") for n in range(1, 4)),
        ("GET", f"/api/{TOKEN}/lights", ""),
        ("GET", f"/api/{TOKEN}/", ""),
        ("POST", f"/api/{TOKEN}/upload", "image/png"),
    )
    document = check_document(text_of(found), Path("draft.yaml"), MappingDocument)
    assert document.tokens[0].path == "token"
    put = next(each for each in document.routes if each.methods == ("PUT",))
    assert (put.path, put.service, put.type) == ("/api/{token}/lights/{light}/state", "light-{light}", "/hue/light")
    assert (put.node, put.body, put.operation) == ("state", "json", "set")
    assert [each.body for each in document.routes if each.methods == ("POST",)] == ["opaque"]


def test_counts_and_examples_stand_above_each_route() -> None:
    text = text_of(draft(*(("GET", f"/relay/{n}", "") for n in range(3))))
    assert "# ? seen 6 times, from 2 callers" in text
    assert "# ? relay: 3 different ones, for example 0, 1, 2" in text


def test_what_cannot_stand_in_a_mapping_is_left_out_and_told() -> None:
    found = draft(("GET", "/a b", ""), ("GET", "/a", ""))
    assert [each.path for each in found.routes] == ["/a"]
    assert len(found.left_out) == 1


def learnt(*calls: Seen) -> MappingDocument:
    vocabulary = Vocabulary()
    for each in calls:
        for caller in ("a", "b"):
            vocabulary.add(each._replace(caller=caller))
    found = draft_from(vocabulary.templates()[0], name="heating", source="the log")
    return check_document(text_of(found), Path("draft.yaml"), MappingDocument)


def test_credentials_fields_and_values_are_drafted_from_their_names() -> None:
    mapping = learnt(
        *(
            Seen(
                *("PUT", ("zones", str(n), "target"), ("apikey", "q"), "application/json"),
                fields=("x-floor", "authorization:Basic"),
                members=(("/celsius", "number"), ("/on", "boolean"), ("/wifi/psk", "text"), ("/mode", kind)),
            )
            for n, kind in ((1, "text"), (2, "number"))
        ),
        *(Seen("GET", ("events",), fields=("accept:events",)),),
    )
    assert [(each.header, each.scheme, each.query) for each in mapping.tokens] == [
        ("authorization", "Basic", None),
        (None, None, "apikey"),
    ]
    assert (mapping.learning, mapping.headers) == (True, ["x-floor"])
    events, put = mapping.routes
    assert (events.operation, events.lasting) == ("subscribe", True)
    assert [*put.query] == []
    assert {name: (each.node, each.data_type, each.private) for name, each in put.members.items()} == {
        "?q": ("target/q", "/basic/text", False),
        "/celsius": ("target/celsius", "/basic/number", False),
        "/mode": ("target/mode", "/basic/text", False),
        "/on": ("target/on", "/basic/boolean", False),
        "/wifi/psk": ("target/wifi/psk", "/basic/text", True),
    }
    assert [each.form for each in put.variables.values()] == ["integer"], "zone 01 is no other zone than 1"
    assert learnt(*(Seen("GET", ("zones", n)) for n in ("01", "02"))).routes[0].variables == {}


def test_parameters_are_values_and_a_password_of_few_requests_is_no_credential() -> None:
    mapping = learnt(
        *(Seen("GET", ("relay", n), ("turn", "timer")) for n in ("0", "1")),
        Seen("GET", ("settings",), ("password",)),
        *(Seen("GET", ("rooms", n)) for n in ("1", "2")),
        Seen("GET", ("rooms",), ("limit",)),
    )
    assert mapping.tokens == ()
    routes = {each.path: each for each in mapping.routes}
    relay, settings, rooms = routes["/relay/{relay}"], routes["/settings"], routes["/rooms"]
    assert (relay.operation, [*relay.members], relay.query) == ("invoke", ["?timer", "?turn"], {})
    assert settings.members["?password"].private is True
    assert (rooms.operation, [*rooms.query]) == ("get", ["limit"])


def test_one_call_of_a_stranger_gives_a_request_no_parameter() -> None:
    vocabulary = Vocabulary()
    for caller, names in (("a", ()), ("b", ()), ("ip:192.0.2.66", ("factory_reset",))):
        vocabulary.add(Seen("GET", ("settings",), names, caller=caller))
    text = text_of(draft_from(vocabulary.templates()[0], name="x", source="the log"))
    assert "# ? without ?factory_reset: one caller sent that once" in text
    assert check_document(text, Path("draft.yaml"), MappingDocument).routes[0].parameters == set()


def test_words_at_the_end_are_learnt_apart_and_asked_about() -> None:
    words = ("lock", "unlock", "open", "close", "arm", "disarm", "start", "stop", "on", "off", "up", "down", "reset")
    found = draft(*(("POST", f"/locks/{lock}/{word}", "") for lock in (1, 2) for word in words))
    (route,) = found.routes
    assert (route.path, route.service, route.node) == ("/locks/{lock}/{word}", "lock-{lock}", "{word}")
    assert any("word: does it matter which of them" in each for each in route.remarks)
    text = text_of(found)
    types = {access.data_type for word in words for access in decoded(text, "POST", f"/locks/1/{word}").accesses}
    assert len(types) == len(words)
