"""Thing Descriptions become a mapping by which requests are judged: here by the decoder itself."""

from __future__ import annotations

import json
import time
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
from proxy.decoders.rest.things import Compiled, Described, changes, compile_things
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
    assert house.refused == ()
    assert [(each.service, each.service_type) for each in house.things] == [
        ("lamp", LIGHT),
        ("thermostat", HVAC),
        ("front-door", DOOR),
        ("weather", WEATHER),
    ]


URN, COMPOSED = "/urn%3Aexample%3Alamp-1", "/basic/composed"
LIGHT, HVAC = "/wot/saref.etsi.org/core/LightSwitch", "/wot/saref.etsi.org/core/HVAC"
DOOR, WEATHER = "/wot/saref.etsi.org/core/DoorSwitch", "/wot/saref.etsi.org/core/TemperatureSensor"


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
    operation, node, service_type, basic = wanted
    function = node.partition("/")[2].replace("/", ".")
    assert what(decoded) == [(operation, f"/things/{node}", service_type, f"{basic or '/untyped'}/{function}")]
    assert decoded.outbound is not None


def test_observing_lasts_and_may_be_asked_for_before(house: Compiled) -> None:
    for method in ("HEAD", "GET"):
        decoded = decode(house, method, "/lamp/properties/on/observable")
        assert decoded.lasting
        assert what(decoded) == [("subscribe", "/things/lamp/properties/on", LIGHT, "/basic/boolean/properties.on")]


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
        ("PUT", "/lamp/properties/mood", {}, "unknown-node"),
        ("PUT", "/lamp/properties", {}, "unknown-node"),
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


def test_who_claims_the_path_of_another_is_left_out_alone() -> None:
    door = thing("Door", properties={"on": {"type": "boolean", "forms": [{"href": "/lamp/on"}]}})
    found = compiled(thing(), door, thing("Fan"))
    assert [each.service for each in found.things] == ["lamp", "fan"]
    (line,) = found.refused
    assert line.startswith("1.td.json: 'Door': claims /lamp/on, which belongs to lamp -- ")


def test_a_variable_does_not_reach_into_another_thing() -> None:
    forms = [{"href": "/{thing}/on"}]
    variables = {"thing": {"type": "string"}}
    greedy = thing("Greedy", properties={"on": {"type": "boolean", "uriVariables": variables, "forms": forms}})
    for documents in ((thing(), greedy), (greedy, thing())):
        found = compiled(*documents)
        assert {each.service: each.requests for each in found.things} == {"lamp": 2, "greedy": 0}
        assert "begins with a variable could be any other Thing's; left out" in found.problems[0]


def lamp_like(href: str, **form: Any) -> dict[str, Any]:
    """A description that would have requests of a door judged as those of a lamp."""
    variables = {name: {"type": "string"} for name in "abcd"}
    op = form.pop("op", ["readproperty", "writeproperty"])
    schema = {"type": "boolean", "uriVariables": variables, "forms": [{"href": href, "op": op} | form]}
    return thing(properties={"on": schema}, id="urn:lamp")


LOCKED, OPEN = "/front-door/properties/locked", "/front-door/actions/open"
FRONT_DOOR = {
    "title": "Front Door",
    "id": "urn:door",
    "@type": "Door",
    "securityDefinitions": {"psk": {"scheme": "psk"}},
    "properties": {"locked": {"type": "boolean", "forms": [{"href": LOCKED}]}},
}


@pytest.mark.parametrize(
    "href",
    [
        "/{a}",
        "/{a}/{b}/{c}/{d}",
        "/front-door/{a}/{b}",
        "/front-door/properties/{a}",
        "/front-door/{a}",
        f"{LOCKED}/",
        LOCKED.upper(),
        "/Front-Door/properties/locked",
        "/front%2ddoor/properties/l%6Fcked",
    ],
)
def test_no_thing_gets_at_the_requests_of_another_by_another_spelling(href: str) -> None:
    found = compiled(FRONT_DOOR, lamp_like(href))
    assert found.problems
    assert {route.service for route in found.mapping.routes} - {None} == {"front-door"}
    assert what(decode(found, "PUT", LOCKED, value=False))[0][1] == "/things/front-door/properties/locked"
    for target in (f"{LOCKED}/", LOCKED.upper(), "/front-door/properties/other", "/a", "/a/b/c/d"):
        refusal = decode(found, "PUT", target, value=False).refusal
        assert refusal is not None, target


@pytest.mark.parametrize(
    "form",
    [
        {"contentType": "application/cbor"},
        {"security": ["psk"]},
        {"op": "subscribeevent", "subprotocol": "x"},
        {"op": "conquer"},
        {"href": f"http://house.local:8080{OPEN}"},
    ],
)
@pytest.mark.parametrize("broken", [False, True])
def test_what_was_left_out_of_a_thing_or_with_it_is_nobody_elses(form: dict[str, Any], *, broken: bool) -> None:
    actions = {"open": {"input": {"type": "string"}, "forms": [{"href": OPEN, "op": "invokeaction"} | form]}}
    door = FRONT_DOOR | {"actions": actions} | ({"title": "..."} if broken else {})
    for each in (lamp_like(OPEN), lamp_like(f"{OPEN}/", op="invokeaction"), lamp_like(LOCKED if broken else OPEN)):
        found = compiled(door, each)
        assert "which belongs to " in found.refused[-1]
        assert [thing.service for thing in found.things] == ([] if broken else ["front-door"])


def test_what_a_thing_has_that_is_too_large_is_nobody_elses() -> None:
    properties = {f"p{n}": {"forms": [{"href": f"/front-door/{n}"}]} for n in range(451)}
    sources = [FRONT_DOOR | {"properties": properties}, lamp_like("/front-door/450"), lamp_like("/lamp/on")]
    assert [each.service for each in compiled(*sources[:2]).things] == []
    assert [each.service for each in compiled(sources[0], sources[2]).things] == ["lamp"]
    # Nor where it grew so large later, or its name is another one's.
    first = compile_things(fetched(FRONT_DOOR), PLACE)
    for later in (sources[0], FRONT_DOOR | {"title": "", "id": ""}):
        found = compile_things(fetched(lamp_like(LOCKED), later), PLACE, sightings=first.sightings)
        assert [each.service for each in found.things] == []
    nameless = FRONT_DOOR | {"id": "", "properties": {"x": {"forms": [{"href": "/front-door/x"}]}}}
    assert [each.service for each in compiled(FRONT_DOOR, nameless, lamp_like("/front-door/x")).things] == [
        "front-door"
    ]


def test_a_known_thing_does_not_get_what_another_one_had() -> None:
    lamp, moved = lamp_like("/lamp/on"), lamp_like(LOCKED)
    first = compile_things(fetched(lamp, FRONT_DOOR), PLACE)
    found = compile_things(fetched(moved, FRONT_DOOR), PLACE, sightings=first.sightings)
    assert [each.service for each in found.things] == ["front-door"]
    assert found.refused[0].partition(": ")[2].startswith(f"'Lamp': claims {LOCKED}, which belongs to front-door")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("op", ["readproperty", "observeproperty", "queryaction", "unobserveproperty"])
def test_what_reads_does_so_by_a_method_that_changes_nothing(op: str, method: str) -> None:
    found = compiled(lamp_like("/lamp/on", op=op, **{"htv:methodName": method}))
    if (op, method) == ("unobserveproperty", "DELETE"):
        assert what(decode(found, method, "/lamp/on"))[0][0] == "unsubscribe"
        return
    assert f"{method} /lamp/on: {op} by {method} may do more than it says; left out" in found.problems[0]
    refusal = decode(found, method, "/lamp/on").refusal
    assert refusal is not None


def test_a_variable_below_what_is_its_own_is_in_force() -> None:
    found = compiled(FRONT_DOOR, lamp_like("/lamp/{a}"))
    assert found.problems == ()
    assert what(decode(found, "GET", "/lamp/anything"))[0][1] == "/things/lamp/properties/on"


def test_things_of_one_title_have_names_of_their_own() -> None:
    second = thing(id="urn:2", properties={"on": {"type": "boolean", "forms": [{"href": "/lamp_2/on"}]}})
    first, other = compiled(thing(id="urn:1"), second).things
    assert first.service == "lamp"
    assert other.service.startswith("lamp-")
    found = compiled(thing(), second | {"id": ""})
    assert [each.service for each in found.things] == ["lamp"]
    assert "1.td.json: 'Lamp' claims the name or the id of 'Lamp' (0.td.json)" in found.refused[0]


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
    assert what(decode(found, "GET", "/lamp")) == [
        ("get", "/things/lamp/description", "/wot/Light", "/basic/text/description")
    ]
    for target in ("/", "/.well-known/wot"):
        assert what(decode(found, "GET", target))[0][1:3] == ("/things/_all", "/wot/directory")


def test_every_broken_document_is_named_and_costs_nobody_else() -> None:
    found = compiled(7, thing(), {"title": ""}, [thing("Fan"), {"title": "..."}])
    assert [line.partition(":")[0] for line in found.refused] == ["0.td.json", "2.td.json", "3.td.json"]
    assert [each.service for each in found.things] == ["lamp", "fan"]


def many(title: str, number: int) -> dict[str, Any]:
    forms = {f"p{n}": {"forms": [{"href": f"/{title}/{n}", "op": "readproperty"}]} for n in range(number)}
    return thing(title, properties=forms)


def test_who_takes_too_much_room_is_left_out_alone() -> None:
    found = compiled(many("greedy", 401), *(many(f"t{n}", 300) for n in range(4)), thing())
    assert [each.service for each in found.things] == ["t0", "t1", "t2", "lamp"]
    assert ["400 kinds" in line or "1000 kinds" in line for line in found.refused] == [True, True]
    words = {"type": "string", "enum": [f"{n:03}" + "x" * 3000 for n in range(250)]}
    wordy = thing("Wordy", properties={"a": words | {"forms": [{"href": "/wordy/a"}]}})
    assert [each.service for each in compiled(wordy, thing()).things] == ["lamp"]


def test_a_request_that_no_mapping_can_have_is_left_out_alone() -> None:
    forms = [{"href": "/lamp/" + "/".join(["a"] * 40)}, {"href": "/lamp/on"}]
    found = compiled(thing(properties={"on": {"type": "boolean", "forms": forms}}), thing("Fan"))
    assert [each.requests for each in found.things] == [2, 2]
    assert "no mapping can have it" in found.problems[0]


def test_what_a_description_says_of_values_holds_or_is_told() -> None:
    level = {"type": "number", "enum": [0, 100], "multipleOf": 50}
    properties = {
        name: schema | {"forms": [{"href": f"/lamp/{name}"}]}
        for name, schema in {
            "level": level,
            "off": {"type": "boolean", "const": False},
            "step": {"type": "integer", "minimum": 0, "maximum": 10},
            "seen": {"type": "string", "maxLength": 3},
        }.items()
    }
    found = compiled(thing(properties=properties))
    assert found.problems == ("0.td.json: 'Lamp': properties/level: values are not judged by multipleOf",)
    allowed = [("level", 0), ("level", 100), ("off", False), ("step", 5), ("seen", "abc")]
    for name, value in [*allowed, ("level", 50), ("off", True), ("step", 5.5), ("step", 11), ("seen", "abcd")]:
        refusal = decode(found, "PUT", f"/lamp/{name}", value).refusal
        assert (refusal is None) is ((name, value) in allowed), (name, value)


def test_a_mapping_comes_of_a_server_whose_only_thing_cannot_be_used() -> None:
    source = Source(f"{PLACE.root}.well-known/wot", json.dumps(many("greedy", 500)).encode(), (".well-known", "wot"))
    assert [route.path for route in compile_things([source], PLACE).mapping.routes] == ["/.well-known/wot"]


def fetched(*documents: Any) -> list[Source]:
    return [Source(f"{PLACE.root}wot", json.dumps(documents).encode(), ("wot",))]


def lamp_at(path: str, **changes: Any) -> dict[str, Any]:
    return thing(properties={"on": {"type": "boolean", "forms": [{"href": path}]}}, **changes)


def test_names_and_paths_of_fetched_things_stay_with_who_had_them() -> None:
    true = lamp_at("/lamp/on", id="urn:lamp")
    first = compile_things(fetched(true), PLACE)
    thief = lamp_at("/evil/on", id="urn:aaa")
    greedy = thing("Greedy", id="urn:0", properties={"x": {"forms": [{"href": "/lamp/on"}]}})
    second = compile_things(fetched(greedy, thief, true), PLACE, sightings=first.sightings)
    assert what(decode(second, "GET", "/lamp/on"))[0][1] == "/things/lamp/properties/on"
    assert what(decode(second, "GET", "/evil/on"))[0][1].startswith("/things/lamp-")
    assert "'Greedy': claims /lamp/on, which belongs to lamp" in second.refused[0]
    # Neither does anybody get them while it is away.
    away = compile_things(fetched(greedy, thief), PLACE, sightings=first.sightings)
    assert [each.service for each in away.things] == [second.things[1].service]
    back = compile_things(fetched(greedy, thief, true), PLACE, sightings=away.sightings)
    assert {each.service for each in back.things} == {"lamp", second.things[1].service}


def test_credentials_pass_with_the_requests_of_their_own_thing_alone() -> None:
    def keyed(title: str, **scheme: str) -> dict[str, Any]:
        return thing(title, security="k", securityDefinitions={"k": scheme})

    unlock = keyed("Evil", scheme="apikey", name="unlock")
    basic, header = keyed("Other", scheme="basic"), keyed("Third", scheme="apikey", **{"in": "header", "name": "X-Do"})
    door = keyed("Door", scheme="bearer")
    door["properties"]["on"] |= {"uriVariables": {"unlock": {"type": "string"}}}
    door["properties"]["on"]["forms"].append({"href": "/door/log{?unlock}", "op": "readproperty"})
    found = compiled(unlock, basic, header, door, thing())
    for target, fields, passes in (
        ("/evil/on?unlock=1", {}, True),
        ("/lamp/on?unlock=1", {}, False),
        ("/door/on?unlock=1", {}, False),
        ("/door/log?unlock=1", {}, True),
        ("/door/on", {"authorization": "Bearer a"}, True),
        ("/other/on", {"authorization": "Basic YTph"}, True),
        ("/door/on", {"authorization": "Basic YTph"}, False),
        ("/lamp/on", {"authorization": "Bearer a"}, False),
        ("/third/on", {"x-do": "a"}, True),
        ("/lamp/on", {"x-do": "a"}, False),
    ):
        refusal = decode(found, "GET", target, **fields).refusal
        assert (refusal is None) is passes, (target, fields, refusal)
    logged = decode(found, "GET", "/door/log?unlock=1").accesses
    assert [access.node for access in logged] == ["/things/door/properties/on"]


@pytest.mark.parametrize("name", ["accept", "Host", "if-match"])
def test_a_header_field_with_a_meaning_is_no_credential_and_harms_nobody(name: str) -> None:
    way = {"scheme": "apikey", "in": "header", "name": name}
    found = compiled(thing("Evil", security="k", securityDefinitions={"k": way}), thing())
    assert [each.requests for each in found.things] == [0, 2]
    assert decode(found, "GET", "/lamp/on").refusal is None


def test_a_parameter_that_is_the_credential_as_well_is_left_out() -> None:
    way = {"scheme": "apikey", "name": "on"}
    forms = [{"href": "/lamp/on"}, {"href": "/lamp/set?on=1"}]
    lamp = thing(properties={"on": {"forms": forms}}, security="k", securityDefinitions={"k": way})
    found = compiled(lamp)
    assert "the Thing's credential as well" in found.problems[0]
    assert [each.requests for each in found.things] == [2]


def test_a_mapping_comes_of_whatever_things_say() -> None:
    hostile = [
        lamp_at("/h/0", title="H0", security="k", securityDefinitions={"k": {"scheme": "apikey", "name": "on"}}),
        lamp_at("/h/1?on=1", title="H1"),
        lamp_at("/h/2", title="_all"),
        lamp_at("/.well-known/wot", title="H3"),
    ]
    hostile[1]["properties"]["on"]["forms"].append({"href": "/h/1", "contentType": "a b/c+json"})
    found = compiled(*hostile, thing())
    assert [each.service for each in found.things] == ["h0", "h1", "all", "lamp"]
    assert decode(found, "GET", "/.well-known/wot").accesses[0].node == "/things/_all"


@pytest.mark.parametrize("number", [1000, 4000])
def test_work_is_linear_in_descriptions(number: int) -> None:
    ops = ["writeproperty", "writeallproperties", "writemultipleproperties", "invokeaction"]
    forms = [{"href": f"/e/{n}", "contentType": "x/y", "op": ops} for n in range(number)]
    opened = [{"href": f"/e/{n}/{{a}}", "op": "readproperty"} for n in range(number)]
    for each in (forms, opened):
        started = time.process_time()
        compiled(thing("E", properties={"on": {"forms": each, "uriVariables": {"a": {}}}}), thing())
        assert time.process_time() - started < number / 400


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


def test_variables_in_urls_are_within_what_the_description_allows() -> None:
    history = {
        "type": "array",
        "uriVariables": {
            "hours": {"type": "integer", "minimum": 1, "maximum": 24},
            "unit": {"enum": ["C", "F"]},
            "raw": {"type": "boolean"},
        },
        "forms": [{"href": "/lamp/{zone}/history{?hours,unit,raw,name}"}],
    }
    zone = {"zone": {"type": "integer", "maximum": 4}, "name": {"type": "string", "pattern": "a+"}}
    found = compiled(thing(properties={"history": history}, uriVariables=zone))
    assert any("the variable 'name': values are not judged by pattern" in each for each in found.problems)
    for target in ("/lamp/4/history", "/lamp/0/history?hours=24&unit=F&raw=true&name=b"):
        decoded = decode(found, "GET", target)
        assert decoded.refusal is None, target
        assert [node for _, node, _, _ in what(decoded)] == ["/things/lamp/properties/history"]
    for wrong in ("/lamp/5/history", "/lamp/x/history", *(f"/lamp/1/history?{each}" for each in WRONG)):
        refusal = decode(found, "GET", wrong).refusal
        assert refusal is not None, wrong
        assert (refusal.code, refusal.every_mode) == ("out-of-range", False), wrong


WRONG = ("hours=0", "hours=25", "hours=3.5", "hours=03", "unit=K", "raw=maybe", "hours=")


def test_a_variable_that_can_be_nothing_leaves_its_form_out() -> None:
    forms = [{"href": "/lamp/on{?x}"}]
    found = compiled(thing(properties={"on": {"uriVariables": {"x": {"enum": []}}, "forms": forms}}))
    assert any("enum allows nothing" in each for each in found.problems)
    refusal = decode(found, "GET", "/lamp/on?x=1").refusal
    assert refusal is not None
    assert refusal.code == "unknown-node"
