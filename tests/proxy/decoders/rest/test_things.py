"""Thing Descriptions become a mapping by which requests are judged: here by the decoder itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policy.verdict import Sender, Strength
from proxy.configuration import InventoryDocument
from proxy.decoders.base import Decoded, Request
from proxy.decoders.rest.decoder import RestDecoder
from proxy.decoders.rest.loading import packed, unpacked
from proxy.decoders.rest.thing_description import Source
from proxy.decoders.rest.thing_forms import Place
from proxy.decoders.rest.things import Compiled, Described, ThingsError, changes, compile_things
from proxy.registry import SiteRegistry

PLACE = Place("http", frozenset({"10.77.2.11"}), 8080)
EXPOSED = Path(__file__).with_name("node_wot.json")
"""What node-wot's servient says of the Things in tests/wot/things."""
PANEL = Sender(address="/house/panel", service_type="/panel", ip="10.77.1.10", strength=Strength.IP)


def thing(title: str = "Lamp", **changes: Any) -> dict[str, Any]:
    forms = [{"href": f"/{title.lower()}/on"}]
    return {"title": title, "@type": "Light", "properties": {"on": {"type": "boolean", "forms": forms}}} | changes


def compiled(*documents: Any, paths: tuple[str, ...] = ()) -> Compiled:
    sources = [Source(f"{n}.td.json", json.dumps(each).encode()) for n, each in enumerate(documents)]
    sources += [Source(f"{PLACE.root}{path}", b"", (path,)) for path in paths]
    return compile_things(sources, PLACE)


def decode(found: Compiled, method: str, target: str, value: Any = None, **headers: str) -> Decoded:
    mapping = unpacked(packed(found.mapping))
    registry = SiteRegistry(InventoryDocument(), frozenset({"things"}))
    decoder = RestDecoder(mapping, "things", "10.77.2.11:8080", registry, 64)
    body = b"" if value is None else json.dumps(value).encode()
    fields = {"host": "10.77.2.11:8080", "accept": "*/*"} | {name.replace("_", "-"): v for name, v in headers.items()}
    if body:
        fields |= {"content-type": "application/json", "content-length": str(len(body))}
    return decoder.decode(Request(method, target, tuple(fields.items()), body), PANEL, 1_763_000_000_000, None)


def what(decoded: Decoded) -> list[tuple[str, str, str | None, str | None]]:
    return [(a.operation.value, a.node, a.destination_type, a.data_type) for a in decoded.accesses]


@pytest.fixture(scope="module")
def house() -> Compiled:
    return compile_things([Source("node-wot", EXPOSED.read_bytes())], PLACE)


def test_everything_that_node_wot_offers_is_understood(house: Compiled) -> None:
    assert house.problems == ()
    assert [(each.service, each.service_type) for each in house.things] == [
        ("front-door", "/saref.etsi.org/core/DoorSwitch"),
        ("lamp", "/saref.etsi.org/core/LightSwitch"),
        ("thermostat", "/saref.etsi.org/core/HVAC"),
        ("weather", "/saref.etsi.org/core/TemperatureSensor"),
    ]


URN, COMPOSED = "/urn%3Aexample%3Alamp-1", "/basic/composed"
LIGHT, HVAC = "/saref.etsi.org/core/LightSwitch", "/saref.etsi.org/core/HVAC"
DOOR, WEATHER = "/saref.etsi.org/core/DoorSwitch", "/saref.etsi.org/core/TemperatureSensor"


@pytest.mark.parametrize(
    ("method", "target", "value", "wanted"),
    [
        ("GET", "/lamp/properties/on", None, ("get", "lamp/properties/on", LIGHT, "/basic/boolean")),
        ("GET", f"{URN}/properties/on", None, ("get", "lamp/properties/on", LIGHT, "/basic/boolean")),
        ("PUT", "/lamp/properties/on", True, ("set", "lamp/properties/on", LIGHT, "/basic/boolean")),
        ("PUT", "/thermostat/properties/target", 21.5, ("set", "thermostat/properties/target", HVAC, "/basic/number")),
        ("PUT", "/thermostat/properties/mode", "heat", ("set", "thermostat/properties/mode", HVAC, "/basic/text")),
        ("POST", "/front-door/actions/unlock", None, ("invoke", "front-door/actions/unlock", DOOR, None)),
        ("GET", "/weather/properties/history?hours=3", None, ("get", "weather/properties/history", WEATHER, COMPOSED)),
        ("GET", "/weather/properties", None, ("get", "weather/properties", WEATHER, COMPOSED)),
        ("GET", "/weather/events/storm", None, ("subscribe", "weather/events/storm", WEATHER, "/basic/text")),
    ],
)
def test_what_a_consumer_does_is_an_access(
    house: Compiled, method: str, target: str, value: Any, wanted: tuple[str, str, str, str | None]
) -> None:
    decoded = decode(house, method, target, value)
    assert decoded.refusal is None
    assert what(decoded) == [(wanted[0], f"/things/{wanted[1]}", *wanted[2:])]
    assert decoded.outbound is not None


def test_observing_lasts_and_may_be_asked_for_before(house: Compiled) -> None:
    for method in ("HEAD", "GET"):
        decoded = decode(house, method, "/lamp/properties/on/observable")
        assert decoded.lasting
        assert what(decoded) == [("subscribe", "/things/lamp/properties/on", LIGHT, "/basic/boolean")]


def test_an_object_is_an_access_to_each_of_its_values(house: Compiled) -> None:
    decoded = decode(house, "PUT", "/lamp/properties/mood", {"hue": 20, "scene": "dawn"})
    assert [node for _, node, _, _ in what(decoded)] == [
        "/things/lamp/properties/mood/hue",
        "/things/lamp/properties/mood/scene",
    ]
    decoded = decode(house, "PUT", "/lamp/properties", {"on": True, "mood": {"hue": 20}})
    assert [node for _, node, _, _ in what(decoded)] == [
        "/things/lamp/properties/on",
        "/things/lamp/properties/mood/hue",
    ]


@pytest.mark.parametrize(
    ("method", "target", "value", "code"),
    [
        ("PUT", "/thermostat/properties/target", 31, "out-of-range"),
        ("PUT", "/thermostat/properties/target", 4.99, "out-of-range"),
        ("PUT", "/thermostat/properties/mode", "explode", "out-of-range"),
        ("PUT", "/lamp/properties/mood", {"hue": 360}, "out-of-range"),
        ("PUT", "/lamp/properties", {"brightness": 1000}, "out-of-range"),
        ("POST", "/lamp/actions/fade", {"to": 101}, "out-of-range"),
        ("PUT", "/lamp/properties/mood", {"hue": 3, "other": 1}, "unknown-node"),
        ("PUT", "/front-door/properties/locked", False, "unknown-node"),
        ("DELETE", "/lamp/properties/on", None, "unknown-node"),
        ("GET", "/lamp/properties/other", None, "unknown-node"),
        ("GET", "/lamp/properties/on?x=1", None, "unknown-node"),
        ("GET", "/lamp", None, "unknown-node"),
        ("POST", "/front-door/actions/unlock", {"force": True}, "unsupported-body"),
    ],
)
def test_what_no_description_has_is_refused(house: Compiled, method: str, target: str, value: Any, code: str) -> None:
    refusal = decode(house, method, target, value).refusal
    assert refusal is not None
    assert refusal.code == code


def test_two_things_that_claim_one_path_are_an_error() -> None:
    door = thing("Door", properties={"on": {"type": "boolean", "forms": [{"href": "/lamp/on"}]}})
    with pytest.raises(ThingsError, match=r"1.td.json: 'Door' claims /lamp/on, which belongs to lamp"):
        compiled(thing(), door)


def test_a_variable_does_not_reach_into_another_thing() -> None:
    forms = [{"href": "/{thing}/on"}]
    variables = {"thing": {"type": "string"}}
    greedy = thing("Greedy", properties={"on": {"type": "boolean", "uriVariables": variables, "forms": forms}})
    for documents in ((thing(), greedy), (greedy, thing())):
        with pytest.raises(ThingsError, match="which belongs to"):
            compiled(*documents)


def test_things_of_one_title_have_names_of_their_own() -> None:
    second = thing(id="urn:2", properties={"on": {"type": "boolean", "forms": [{"href": "/lamp_2/on"}]}})
    first, other = compiled(thing(id="urn:1"), second).things
    assert first.service == "lamp"
    assert other.service.startswith("lamp-")
    with pytest.raises(ThingsError, match="called 'Lamp' as well"):
        compiled(thing(), second | {"id": ""})


def test_one_thing_given_twice_is_one() -> None:
    assert len(compiled(thing(), thing()).things) == 1


def test_a_body_that_cannot_be_judged_is_left_out_and_told() -> None:
    forms = [{"href": "/lamp/on", "contentType": "application/cbor"}]
    found = compiled(thing(properties={"on": {"type": "boolean", "forms": forms}}))
    assert found.problems == ("0.td.json: 'Lamp': PUT /lamp/on: a body of application/cbor cannot be judged; left out",)
    assert decode(found, "GET", "/lamp/on").refusal is None


def test_one_request_cannot_mean_two_things() -> None:
    found = compiled(thing(actions={"go": {"forms": [{"href": "/lamp/on", "htv:methodName": "GET"}]}}))
    assert what(decode(found, "GET", "/lamp/on"))[0][0] == "get"
    assert "cannot be invoke actions/go as well" in found.problems[0]


def test_events_may_come_from_the_path_of_the_value() -> None:
    forms = [{"href": "/lamp/on"}, {"href": "/lamp/on", "op": "observeproperty", "subprotocol": "sse"}]
    found = compiled(thing(properties={"on": {"type": "boolean", "forms": forms}}))
    assert what(decode(found, "GET", "/lamp/on"))[0][0] == "get"
    observed = decode(found, "GET", "/lamp/on", accept="text/event-stream")
    assert what(observed)[0][0] == "subscribe"
    assert observed.lasting


def test_a_credential_goes_on_and_is_no_access() -> None:
    lamp = thing(security="key", securityDefinitions={"key": {"scheme": "bearer"}})
    decoded = decode(compiled(lamp), "GET", "/lamp/on", authorization="Bearer secret")
    assert decoded.outbound is not None
    assert ("authorization", "Bearer secret") in decoded.outbound.headers


def test_a_description_that_is_fetched_may_be_read_by_consumers_too() -> None:
    sources = [Source(f"{PLACE.root}lamp", json.dumps(thing()).encode(), ("lamp",))]
    found = compile_things(sources, PLACE, listings=[("",)])
    assert what(decode(found, "GET", "/lamp")) == [("get", "/things/lamp/description", "/wot/Light", "/basic/text")]
    for target in ("/", "/.well-known/wot"):
        assert what(decode(found, "GET", target))[0][1:3] == ("/things/_all", "/wot/directory")


def test_every_broken_document_is_named() -> None:
    with pytest.raises(ThingsError) as refused:
        compiled(7, thing(), {"title": ""})
    assert [line.partition(":")[0] for line in refused.value.problems] == ["0.td.json", "2.td.json"]


def test_too_many_requests_are_refused() -> None:
    many = {f"p{n}": {"forms": [{"href": f"/lamp/{n}"}]} for n in range(501)}
    with pytest.raises(ThingsError, match="1003 kinds of requests"):
        compiled(thing(properties=many))


def test_changes_are_told_by_thing() -> None:
    lamp = Described("lamp", "Lamp", "/wot/Light", "x", 2)
    door = Described("door", "Door", "/wot/Door", "x", 3)
    other = Described("lamp", "Lamp", "/wot/Fan", "x", 2)
    more = Described("door", "Door", "/wot/Door", "x", 4)
    assert changes([lamp, door], [other, more]) == [
        "door takes 4 kinds of requests instead of 3",
        "lamp was of type /wot/Light, and is of /wot/Fan",
    ]
    assert changes([lamp], [door]) == ["lamp (Lamp) is gone", "door (Door, /wot/Door) is new"]
    assert changes([lamp], [lamp]) == []
