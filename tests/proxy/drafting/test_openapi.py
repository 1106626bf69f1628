"""From OpenAPI documents to drafts that an operator can go on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.drafting.draft import MappingDraft, RouteDraft
from proxy.drafting.examples import text_of_examples
from proxy.drafting.openapi import MOST_ROUTES, draft_of
from proxy.drafting.specification import parse_specification, read_specification
from proxy.drafting.writing import text_of
from tests.proxy.decoders.rest.making import decoded, mapping_of
from tests.proxy.drafting.test_specification import HERE, HOUSE, document

ZOO = HOUSE.with_name("zoo.json")


def draft(file: Path) -> MappingDraft:
    return draft_of(read_specification(file), name=None, file=file.name)


def route(found: MappingDraft, method: str, path: str) -> RouteDraft:
    (each,) = [each for each in found.routes if (each.method, each.path) == (method, path)]
    return each


def test_paths_become_services_types_and_nodes() -> None:
    found = draft(ZOO)
    one = route(found, "GET", "/api/v3/animals/{animalid}")
    assert (one.service, one.service_type, one.operation) == ("animal-{animalid}", "/zoo-store/animal", "get")
    photo = route(found, "POST", "/api/v3/animals/{animalid}/photo")
    assert (photo.service, photo.node, photo.operation, photo.body) == (
        "animal-{animalid}",
        "photo",
        "invoke",
        "opaque",
    )
    stock = route(found, "GET", "/api/v3/store/inventory")
    assert (stock.service, stock.service_type, stock.node) == ("store", "/zoo-store/store", "inventory")


def test_methods_become_operations() -> None:
    found = draft(ZOO)
    assert route(found, "POST", "/api/v3/animals").operation == "create"
    assert route(found, "PATCH", "/api/v3/animals/{animalid}").operation == "set"
    assert route(found, "DELETE", "/api/v3/animals/{animalid}").operation == "delete"
    events = route(draft(HOUSE), "GET", "/rest/events")
    assert (events.operation, events.lasting, [*events.query]) == ("subscribe", True, [])
    assert [each.pointer for each in events.members] == ["?topics"]


def test_bodies_become_values_with_their_types_and_ranges() -> None:
    found = draft(ZOO)
    members = {each.pointer: each for each in route(found, "POST", "/api/v3/animals").members}
    assert "/id" not in members
    assert members["/status"].choices == ("free", "sold")
    assert (members["/weight"].minimum, members["/weight"].maximum) == (0, 900)
    assert "without 0 itself" in members["/weight"].remark
    assert members["/tags"].data_type == "/basic/composed"
    assert members["/category/name"].node == "category/name"
    form = route(found, "PATCH", "/api/v3/animals/{animalid}")
    assert (form.body, [each.pointer for each in form.members]) == ("form", ["/name", "/age"])
    text = route(draft(HOUSE), "PUT", "/rest/items/{itemname}/state")
    assert (text.body, text.value, text.data_type, text.optional_body) == ("text", "", "/basic/text", True)


def test_what_is_said_outright_comes_before_what_a_variable_stands_for() -> None:
    paths = [each.path for each in draft(ZOO).routes if each.method == "GET"]
    assert paths.index("/api/v3/animals/findByStatus") < paths.index("/api/v3/animals/{animalid}")


def test_credentials_and_further_header_fields_are_found() -> None:
    zoo, house = draft(ZOO), draft(HOUSE)
    assert zoo.tokens == [{"header": "api_key"}, {"header": "authorization", "scheme": "Bearer"}]
    assert any(each.startswith("login: services are known by it") for each in zoo.token_remarks)
    assert any("1 operations need no credential, DELETE /animals/{animalId}" in each for each in zoo.token_remarks)
    assert zoo.headers == ("x-request-id",)
    assert house.tokens == [{"header": "authorization", "scheme": "Bearer"}]
    assert any("does not ask for it everywhere" in each for each in house.token_remarks)


def test_what_is_doubtful_or_left_out_is_told() -> None:
    zoo, house = draft(ZOO), draft(HOUSE)
    assert any("application/xml too" in each for each in route(zoo, "POST", "/api/v3/animals").remarks)
    assert any("everything: true" in each for each in route(zoo, "GET", "/api/v3/animals").remarks)
    inner = route(house, "PUT", "/rest/items/{itemname}/members/{memberitemname}")
    assert any("memberitemname: taken for a part of item-{itemname}" in each for each in inner.remarks)
    assert [each.partition(":")[0] for each in zoo.left_out] == ["GET /animals/{animalId}.xml", "HEAD /store/inventory"]
    assert any("other.yaml#/Thing is another document" in each for each in house.left_out)


@pytest.mark.parametrize("method", ["get", "put"])
def test_many_operations_are_cut_at_what_a_mapping_may_have(method: str) -> None:
    paths: dict[str, object] = {f"/things/a{n}/state": {method: {"responses": {}}} for n in range(MOST_ROUTES + 5)}
    found = draft_of(parse_specification(document(paths=paths), HERE), name="big", file="big.json")
    assert len(found.routes) == MOST_ROUTES
    assert found.left_out == (f"5 more operations: a mapping has {MOST_ROUTES} routes at most",)


def test_names_that_no_mapping_may_have_are_changed_or_left_out() -> None:
    paths: dict[str, object] = {
        "/a b/{x}": {"get": {}},
        "/things/{Thing-ID}/{thing_id}/{1}": {"get": {}},
        "/x/{a}": {"get": {}},
    }
    found = draft_of(parse_specification(document(paths={**paths, "/x/{b}": {"get": {}}}), HERE), name="n", file="f")
    assert [each.path for each in found.routes] == ["/things/{thing_id}/{thing_id_2}/{v_1}", "/x/{a}"]
    assert len(found.left_out) == 2


def test_numbers_have_one_spelling_and_parameters_of_lists_pass() -> None:
    number = {"name": "id", "in": "path", "schema": {"allOf": [{"type": "integer"}]}}
    level = {"type": "object", "properties": {"level": {"type": "integer", "maximum": 9}}}
    listed = {"200": {"description": "", "content": {"application/json": {"schema": {"type": "array"}}}}}
    paths: dict[str, object] = {
        "/circuits/{id}": {
            "parameters": [number],
            "put": {"requestBody": {"content": {"application/json": {"schema": level}}}},
        },
        "/log": {"get": {"parameters": [{"name": "limit", "in": "query"}], "responses": listed}},
        "/boost": {"get": {"parameters": [{"name": "limit", "in": "query"}]}},
    }
    found = draft_of(parse_specification(document(paths=paths), HERE), name="n", file="f")
    put = route(found, "PUT", "/circuits/{id}")
    assert (put.whole, [(each.integer, each.maximum) for each in put.members]) == (("id",), [(True, 9)])
    assert (route(found, "GET", "/log").operation, route(found, "GET", "/log").query) == ("get", {"limit": ""})
    assert (route(found, "GET", "/boost").operation, route(found, "GET", "/boost").query) == ("invoke", {})


@pytest.mark.parametrize(
    ("path", "lock", "unlock", "service"),
    [
        ("/locks/{id}/{action}", "/locks/7/lock", "/locks/7/unlock", "lock-7"),
        ("/locks/{id}/do/{action}", "/locks/7/do/lock", "/locks/7/do/unlock", "lock-7"),
        ("/door/{action}", "/door/lock", "/door/unlock", "door"),
    ],
)
def test_who_was_seen_locking_may_not_unlock(path: str, lock: str, unlock: str, service: str) -> None:
    action = {"name": "action", "in": "path", "schema": {"type": "string", "enum": ["lock", "unlock"]}}
    paths: dict[str, object] = {path: {"post": {"parameters": [action]}}}
    found = draft_of(parse_specification(document(paths=paths), HERE), name="n", file="f")
    assert any("one of lock, unlock; who was seen with one" in each for each in found.routes[0].remarks)
    text = text_of(found)
    (locked,), (unlocked,) = decoded(text, "POST", lock).accesses, decoded(text, "POST", unlock).accesses
    assert locked.destination == unlocked.destination
    assert locked.destination.endswith(f"/{service}")
    assert locked.data_type != unlocked.data_type
    assert str(unlocked.data_type).endswith("unlock")
    refusal = decoded(text, "POST", path.replace("{id}", "7").replace("{action}", "erase")).refusal
    assert refusal is not None
    assert refusal.code == "out-of-range"
    mapping = mapping_of(text)
    assert "refusal" not in text_of_examples(mapping, found.routes, "n", "examples")


def test_words_that_say_which_service_are_checked_and_asked_about() -> None:
    room = {"name": "room", "in": "path", "schema": {"enum": ["hall", "attic"]}}
    paths: dict[str, object] = {"/rooms/{room}": {"get": {"parameters": [room]}}}
    (one,) = draft_of(parse_specification(document(paths=paths), HERE), name="n", file="f").routes
    assert (one.service, one.node, one.choices) == ("room-{room}", "", {"room": ("hall", "attic")})
    assert any("room: one of hall, attic. If that says what is done" in each for each in one.remarks)
