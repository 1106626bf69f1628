"""What a request does, access by access, and what is wrong with it."""

from __future__ import annotations

import pytest

from policy.loading import DocumentError
from proxy.configuration import InventoriedService
from tests.proxy.decoders.rest.making import LAMPS, SENDER, code_of, decoded, decoder_of, request, set_of

STATE = "/api/u/lamps/3/state"
LISTED = """\
name: listed
vocabulary: {domain: [light]}
routes:
  - name: turn
    method: POST
    path: /turn
    body: json
    variables: {e: {body: /e, many: true, pattern: '(?P<domain>[a-z]+)\\.(?P<object>.*)'}}
    service: "{domain}.{object}"
    type: /x/{domain}
    operation: invoke
  - name: query
    method: GET
    path: /light
    service: light
    type: /x/light
    operation: set
    when: {query: {turn: "*"}}
    members: {"?turn": {node: turn, choices: ["on", "off"]}, "?level": {node: level, minimum: 0, maximum: 100}}
"""


def test_each_member_that_is_there_is_an_access() -> None:
    found = decoded(LAMPS, "PUT", STATE, b'{"on":true,"bri":7}')
    assert set_of(found) == [("set", "/site/lamp-3/state/on", "true"), ("set", "/site/lamp-3/state/bri", "7")]
    assert [access.data_type for access in found.accesses] == [
        "/basic/boolean/state.on",
        "/basic/number/state.bri",
    ]
    assert {(access.destination, access.destination_type) for access in found.accesses} == {
        ("/site/lamp-3", "/lamps/lamp")
    }
    assert code_of(found) is None


def test_parameters_are_members_too() -> None:
    found = decoded(LISTED, "GET", "/light?turn=on&level=50")
    assert set_of(found) == [("set", "/site/light/turn", "on"), ("set", "/site/light/level", "50")]
    assert code_of(decoded(LISTED, "GET", "/light?turn=on&level=101")) == "out-of-range"
    assert code_of(decoded(LISTED, "GET", "/light?turn=burn")) == "out-of-range"


def test_a_value_outside_its_bounds_is_told_and_obeys_the_mode() -> None:
    found = decoded(LAMPS, "PUT", STATE, b'{"bri":255}')
    assert code_of(found) == "out-of-range"
    assert found.refusal is not None
    assert "/bri of /site/lamp-3 is above 254: '255'" in found.refusal.detail
    assert not found.refusal.every_mode
    assert found.outbound is not None


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"transitiontime":1}'])
def test_a_body_without_any_of_its_members_is_an_unknown_node(body: bytes) -> None:
    found = decoded(LAMPS, "PUT", STATE, body)
    assert code_of(found) == "unknown-node"
    assert found.accesses[-1].destination == "/site/_unknown"


CALLS = """\
name: calls
vocabulary: {domain: [light, lock]}
routes:
  - name: call
    method: POST
    path: /services/{domain}/{action}
    body: json
    variables: {entity: {body: /entity_id, many: true, pattern: '(?P<of>[a-z]+)[.](?P<object>[a-z_]+)'}}
    service: "{of}.{object}"
    type: /ha/{domain}
    operation: invoke
    node: "{action}"
    members:
      /brightness: {node: brightness, data_type: /basic/number, minimum: 0, maximum: 255}
      /value: {node: value}
"""


def test_a_variable_may_have_to_be_the_same_as_another() -> None:
    same = CALLS.replace("[a-z_]+)'}}", "[a-z_]+)'}, it: {variable: of, same_as: domain}}")
    assert code_of(decoded(same, "POST", "/services/light/on", b'{"entity_id":"light.x"}')) is None
    assert code_of(decoded(same, "POST", "/services/light/on", b'{"entity_id":"lock.x"}')) == "unknown-node"
    mixed = b'{"entity_id":["light.x","group.x"]}'
    assert code_of(decoded(same, "POST", "/services/light/on", mixed)) == "unknown-node"
    with pytest.raises(DocumentError, match="it: thing is no variable of the path, nor one before"):
        decoder_of(same.replace("same_as: domain", "same_as: thing"))


def test_what_is_done_is_told_beside_the_members() -> None:
    def done(action: str, body: bytes) -> list[tuple[str, str, str | None]]:
        return set_of(decoded(CALLS, "POST", f"/services/{action}", body))

    body = b'{"entity_id":"light.x","brightness":1}'
    assert done("light/toggle", body) == [
        ("invoke", "/site/light.x/toggle", None),
        ("invoke", "/site/light.x/brightness", "1"),
    ]
    assert done("light/turn_on", body)[0] == ("invoke", "/site/light.x/turn_on", None)
    assert done("lock/unlock", b'{"entity_id":"lock.x","value":1}')[0] == ("invoke", "/site/lock.x/unlock", None)
    assert done("light/toggle", b'{"entity_id":"light.x"}') == [("invoke", "/site/light.x/toggle", None)]


@pytest.mark.parametrize(
    "body",
    [b'{"on":"false"}', b'{"on":0}', b'{"on":"unlock"}', b'{"bri":"2540e-1"}', b'{"bri":"5"}', b'{"bri":true}'],
)
def test_a_value_of_json_is_of_its_type_and_not_a_text(body: bytes) -> None:
    assert code_of(decoded(LAMPS, "PUT", STATE, body)) == "out-of-range"


def test_a_value_is_as_long_as_it_may_be() -> None:
    text = LAMPS.replace("fields:", "  /name: {node: name}\n      /plan: {node: plan, longest: 10000}\n    fields:")
    found = decoded(text, "PUT", STATE, b'{"name":"%s"}' % (b"a" * 4097))
    assert (code_of(found), found.accesses[0].value) == ("out-of-range", "<4097 characters>")
    found = decoded(text, "PUT", STATE, b'{"plan":"%s"}' % (b"a" * 10000))
    assert (code_of(found), found.accesses[0].value) == (None, "<10000 characters>")


def test_each_item_of_a_list_is_an_access() -> None:
    found = decoded(LISTED, "POST", "/turn", b'{"e":["light.a","light.b"]}')
    assert set_of(found) == [("invoke", "/site/light.a", None), ("invoke", "/site/light.b", None)]


def test_one_item_that_is_not_known_spoils_the_call() -> None:
    assert code_of(decoded(LISTED, "POST", "/turn", b'{"e":["light.a","lock.b"]}')) == "unknown-node"
    nameless = decoded(LISTED, "POST", "/turn", b'{"e":["light.a","light."]}')
    assert code_of(nameless) is None or nameless.accesses[0].destination == "/site/_unknown"
    assert len(nameless.accesses) == 2 or code_of(nameless) == "unknown-node"


def test_a_call_touches_a_bounded_number_of_nodes() -> None:
    body = b'{"e":[' + b",".join(b'"light.l%d"' % i for i in range(9)) + b"]}"
    found = decoder_of(LISTED, most=8).decode(request("POST", "/turn", body), SENDER, 1, None)
    assert (code_of(found), len(found.accesses)) == ("too-many-nodes", 8)
    assert code_of(decoder_of(LISTED, most=9).decode(request("POST", "/turn", body), SENDER, 1, None)) is None


def test_the_inventory_knows_better() -> None:
    services = (InventoriedService(address="/site/lamp-3", service_type="/lamps/alarm", location="cellar"),)
    found = decoder_of(services=services).decode(request("GET", "/api/u/lamps/3"), SENDER, 1, None)
    assert (found.accesses[0].destination_type, found.accesses[0].destination_location) == ("/lamps/alarm", "cellar")
