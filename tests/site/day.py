"""A day of the site as a list of calls, drawn once from the simulation: the same bytes in the same order each time.

Besides the everyday life of the family home there are attacks of all seven classes, and what else a gateway must not
disturb where it only watches: the whole catalogue, errors of all kinds, and what it does not know or support.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import cbor2
import msgspec

from models.access import Access, Operation
from models.simulation.attacks import seven_attacks
from models.simulation.floorplan import Service, family_home
from models.simulation.pace import DAY
from models.simulation.paper_attacks import AttackClass
from models.simulation.scenario import START
from models.simulation.service_models import LIGHT_CONTROLLER, SMART_PHONE
from models.simulation.tempo import DATA_SET
from models.simulation.trace import NORMAL, Trace
from tests.site.house import HOUSE
from tests.site.http_client import render
from tests.site.recorded_service import Reply
from tests.site.vsl_client import CBOR, DUMMY, JSON, OCTETS

SEED = 21
"""In this draw nobody attacks with locks, which the access point would end by its own clock."""
UNHURRIED = msgspec.structs.replace(
    DATA_SET, cycle=2_400_000, charge_cycle=2_400_000, thermostat_period=3_600_000, transaction_share=0.5
)
"""The loops of the data set come round every forty minutes: a day of some thousand calls."""
STRENGTHS = {AttackClass.DENIAL_OF_SERVICE.value: 100.0, AttackClass.DATA_PROBING.value: 1.0}
LONGEST_ATTACK = 60
"""Calls."""
HOUR = 3_600_000
FIRST_ATTACK = START + 10 * HOUR
BETWEEN_ATTACKS = 90 * 60_000
ODD_HOURS = 20 * 60_000
"""Between two pages of what is odd."""

PLAIN_AGENT = "agent3"
HOUSE_1 = Service("house1", "agent1", HOUSE, "Kitchen")
CAMERA = Service("camera1", "agent2", HOUSE, "Entrance")
VISITOR = Service("visitor1", "agent1", SMART_PHONE, "Kitchen")
GUEST = Service("guest1", "agent2", SMART_PHONE, "Entrance")
DENIED = Service("denied1", "agent1", SMART_PHONE, "Kitchen")
"""A rule of the policy denies what it reads."""
MOVED = Service("moved1", "agent1", LIGHT_CONTROLLER, "Kitchen")
"""The inventory has it, and only there, at another network address."""
UNREGISTERED = Service("gadget1", "agent1", SMART_PHONE, "Kitchen")
STRANGER = Service("stranger1", PLAIN_AGENT, LIGHT_CONTROLLER, "Cellar")
"""It has no certificate, nor has the inventory its address."""
VISITORS = (HOUSE_1, CAMERA, VISITOR, GUEST, DENIED, MOVED, UNREGISTERED, STRANGER)

VIRTUAL_NODES = ((CAMERA, "picture"), (HOUSE_1, "picture"), (VISITOR, "owner"))
"""Owners and names; the house refuses whatever it is asked."""

HOME = family_home()
NEWCOMERS = tuple(a.attacker for a in seven_attacks(HOME, SEED, STRENGTHS) if a.attacker not in HOME.services)
EVERYBODY = (*HOME.services, *NEWCOMERS, *VISITORS)


class Call(NamedTuple):
    """Something that a service does."""

    at: int
    """Event time, ms."""
    service: Service
    request: bytes
    """Empty: it opens its callbacks."""
    label: str = NORMAL
    """Or the class of the attack."""


class Form(NamedTuple):
    """How a service speaks."""

    accept: str
    bodies: str
    """Media type of its requests."""


FORMS = (
    Form(JSON, JSON),
    Form(f"{CBOR}, {JSON}", JSON),  # a stock service with the module for CBOR
    Form(f"{CBOR}, {JSON}", CBOR),
    Form("*/*", JSON),
)


def form_of(service: Service) -> Form:
    """Return the form of a service: all are among them."""
    return FORMS[EVERYBODY.index(service) % len(FORMS)]


def callback_id(service: Service, node: str) -> str:
    """Return the callback id that a service uses for a node."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{service.id} {node}"))


def replies() -> Mapping[str, Reply]:
    """Return what the owners of virtual nodes say, by callback id."""
    picture = Reply({"value": "Küche, 20 °C"}, stream=bytes(range(256)) * 400)
    refusing = Reply(error={"code": 477, "message": "Schärfe: nicht verfügbar", "type": "VslException"})
    return MappingProxyType(
        {
            callback_id(owner, f"{owner.address}/{name}"): refusing if owner is HOUSE_1 else picture
            for owner, name in VIRTUAL_NODES
        }
    )


def the_day() -> tuple[Call, ...]:
    """Return all calls of the day, in order."""
    drawn = sorted([*_simulated(), *_odd()], key=lambda call: call.at)
    calls: list[Call] = []
    listening: set[str] = set()
    for call in drawn:
        if not call.request or (b"callbackId" in call.request and call.service.id not in listening):
            listening.add(call.service.id)
            calls.append(call._replace(request=b""))
        if call.request:
            calls.append(call)
    return tuple(calls)


def _simulated() -> Iterator[Call]:
    trace = Trace(HOME, seed=SEED, start=START, tempo=UNHURRIED)
    for number, attack in enumerate(seven_attacks(HOME, SEED, STRENGTHS)):
        begin = FIRST_ATTACK + number * BETWEEN_ATTACKS
        if attack.attacker in NEWCOMERS:
            yield Call(begin - HOUR, attack.attacker, _registration(attack.attacker))
        trace.intrude(msgspec.structs.replace(attack, steps=attack.steps[:LONGEST_ATTACK]), begin)
    by_address = {service.address: service for service in EVERYBODY}
    for observed in trace.until(START + DAY):
        service = by_address[observed.access.source]
        yield Call(observed.access.time, service, _request(service, observed.access), observed.label)


def _request(service: Service, access: Access) -> bytes:
    """Return the call behind an access."""
    node = f"/vsl{access.node}"
    match access.operation:
        case Operation.GET:
            return _get(service, node)
        case Operation.SET:
            return _put(service, node, {"value": access.value or ""})
        case Operation.REGISTER:
            return _registration(service)
        case Operation.SUBSCRIBE:
            return _post(service, node, "SUBSCRIBE", callback=access.node)
        case Operation.LOCK:
            return _post(service, node, "LOCK_SUBTREE", callback=access.node)
        case Operation.COMMIT:
            return _post(service, node, "COMMIT_SUBTREE")
    raise ValueError(f"{access.operation} is not part of the simulated life")


def _headers(service: Service, **more: str) -> dict[str, str]:
    stock = {
        "Host": "127.0.0.1:8081",
        "Accept-Encoding": "gzip",
        "User-Agent": "Jetty/9.4.14.v20181114",
        "Accept": form_of(service).accept,
    }
    return stock | {name.replace("_", "-"): value for name, value in more.items()}


def _get(service: Service, target: str, **more: str) -> bytes:
    return render("GET", target, _headers(service, **more), None)


def _body(service: Service, content: Any) -> tuple[dict[str, str], bytes]:
    if form_of(service).bodies == CBOR:
        if isinstance(content, dict) and "callbackId" in content:
            content = content | {"callbackId": uuid.UUID(content["callbackId"]).bytes}
        return _headers(service, Content_Type=CBOR), cbor2.dumps(content, indefinite_containers=True)
    return _headers(service, Content_Type=f"{JSON}; UTF-8"), msgspec.json.encode(content)


def _put(service: Service, target: str, node: Any) -> bytes:
    return render("PUT", target, *_body(service, node))


def _post(service: Service, target: str, operation: str, callback: str = "") -> bytes:
    """Return a POST on a node, with the callback id of a node where it has one."""
    body = {"operation": operation}
    if callback:
        body["callbackId"] = callback_id(service, callback)
    return render("POST", target, *_body(service, body))


def _registration(service: Service, model: str | None = None) -> bytes:
    body = {"modelId": service.type if model is None else model, "modelHash": "", "binaryHash": ""}
    return render("POST", "/service/register", *_body(service, body))


def _raw(service: Service, method: str, target: str, body: bytes, **more: str) -> bytes:
    """Return a request with a body that has a length, as not all clients send chunks."""
    headers = _headers(service, **more) | {"Content-Length": str(len(body))}
    return render(method, target, headers, None) + body


def _odd() -> Iterator[Call]:
    """Yield page after page of what is odd, every page at a time of its own."""
    pages = (_arrivals(), _reading(), _writing(), _lists(), _searches(), _virtual(), _locks(), _hearing(), _unknown())
    for number, page in enumerate((*pages, _unsupported(), _departures())):
        at = START + HOUR + number * ODD_HOURS
        for service, request in page:
            yield Call(at, service, request)


type _Page = Iterator[tuple[Service, bytes]]


def _arrivals() -> _Page:
    for service in (HOUSE_1, CAMERA, VISITOR, GUEST, DENIED, MOVED):
        yield service, _registration(service)
    yield VISITOR, _registration(VISITOR, "/nosuch")
    yield VISITOR, _registration(VISITOR)
    for body in ({"modelId": ""}, {}):
        yield VISITOR, render("POST", "/service/register", *_body(VISITOR, body))
    yield STRANGER, _get(STRANGER, "/vsl/agent3/search")


def _reading() -> _Page:
    light = "/vsl/agent1/lightcontrol1"
    for query in (
        *("", "?depth=1", "?depth=-1", "?depth=2&scope=complete", "?scope=METADATA", "?scope=Comp;depth=1", "?scope=m"),
        *("?depth=junk", "?depth=2147483647", "?depth=007", "?depth=-2", "?scope=nonsense", "?version=0&depth=1"),
        *("?unknown=1&depth=1", "?depth", "?", "?version=123456789012", "?depth=99999999999", "?depth=%2B1"),
    ):
        yield VISITOR, _get(VISITOR, light + query)
        yield GUEST, _get(GUEST, light + query)
    for target in ("/vsl/agent1/", "/vsl/agent1?depth=1&scope=metadata", "/vsl/agent2?depth=-1&scope=complete"):
        yield VISITOR, _get(VISITOR, target)
    for target in ("/vsl/~", "/vsl/~/", "/vsl/~?depth=1", "/vsl/~/owner", "/vsl/agent1/lightcontrol1/lightOn/"):
        yield VISITOR, _get(VISITOR, target)
    for accept in (
        *("*/*", "*", CBOR, f"{CBOR};q=0.1, {JSON}", f"text/html, {JSON};q=0.9, */*;q=0.1", "text/html", "image/*"),
        *(f"{OCTETS}, {JSON}", OCTETS, f"{JSON};q=0.5,{CBOR}", "APPLICATION/JSON"),
    ):
        yield VISITOR, _get(VISITOR, light, Accept=accept)
    without = {name: value for name, value in _headers(VISITOR).items() if name != "Accept"}
    yield VISITOR, render("GET", light, without, None)
    yield VISITOR, render("GET", light, _headers(VISITOR) | {"Connection": "close"}, None)
    yield VISITOR, _get(VISITOR, light, Cookie="a=b", X_Whatever="Küche", Cache_Control="no-cache")


def _writing() -> _Page:
    owner = "/vsl/agent1/visitor1/owner"
    texts = ("", "0", "Grüße aus der Küche", '"\\\b\f\n\r\t\x01\x7f/', "€𝄞 \u2028", "x" * 40_000, "5.10", "null")
    for text in texts:
        yield VISITOR, _put(VISITOR, owner, {"value": text})
        for service in (GUEST, CAMERA, HOUSE_1):  # each speaks another form
            yield service, _get(service, owner)
            yield service, _get(service, f"{owner}?scope=complete")
    for number in (5, -0.5, 12345678901234567890, True, None):
        for service in (VISITOR, GUEST):
            yield service, _put(service, owner, {"value": number})
            yield service, _get(service, owner)
    for body in (b'{"value":1.50}', b'{"value":1e3}', b' {"value" : "\\u00fc\\ud834\\udd1e" , "other": [1, {}]} '):
        yield VISITOR, _raw(VISITOR, "PUT", owner, body, Content_Type="application/json;charset=UTF-8")
        yield GUEST, _get(GUEST, owner)
    light = "/vsl/agent1/visitor1"
    for node in (
        {"children": {"owner": {"value": "a"}}},
        {"children": {"owner": {"value": "b"}, "none": {"value": "1"}}},
        {"children": {"owner": {"value": None}}},
        {"types": ["/other"], "value": "text in a root without value"},
        {},
    ):
        yield VISITOR, _put(VISITOR, light, node)
        yield GUEST, _get(GUEST, f"{light}?depth=1&scope=complete")
    for target, value in (
        ("/vsl/agent1/movement1/movement", "2"),
        ("/vsl/agent1/movement1/movement", "one"),
        ("/vsl/agent1/nosuch", "1"),
        ("/vsl/agent1", "1"),
        ("/vsl/~/owner?depth=1&whatever", "c"),
    ):
        yield VISITOR, _put(VISITOR, target, {"value": value})
        yield GUEST, _put(GUEST, target, {"value": value})


def _lists() -> _Page:
    rooms = "/vsl/agent1/house1/rooms"
    for what in (
        *("add/basic/text//kitchen", "add/0/basic/text//hall", "add/basic/text//hall", "add/nosuch//x", "elements"),
        *("add/basic/text//bad%name", "add/lightControler//light", "add", "add/", "del", "del/none", "del/hall"),
    ):
        if "%" not in what:
            yield HOUSE_1, _get(HOUSE_1, f"{rooms}/{what}")
            yield GUEST, _get(GUEST, f"{rooms}?depth=-1&scope=complete")
    yield VISITOR, _get(VISITOR, f"{rooms}/add/basic/number//visitors")
    yield VISITOR, _put(VISITOR, f"{rooms}/visitors", {"value": "5"})
    yield GUEST, _get(GUEST, f"{rooms}/elements")
    yield VISITOR, _put(VISITOR, f"{rooms}/kitchen", {"value": "warm"})
    yield HOUSE_1, _get(HOUSE_1, "/vsl/~/rooms/kitchen")


def _searches() -> _Page:
    for target in (
        *("/vsl/search/type/lightControler", "/vsl/search/type/nosuch", "/vsl/search/type/roomList//type/basic/list"),
        *("/vsl/search/other/x", "/vsl/agent1/search/type/basic/text", "/vsl/agent2/search/type/basic/text"),
        *("/vsl/agent1/typeSearch/movementSensor", "/vsl/agent2/typeSearch/movementSensor", "/vsl/agent1/search"),
        "/vsl/agent1/typeSearch?scope=metadata",
    ):
        for service in (VISITOR, GUEST, CAMERA):
            yield service, _get(service, target)
    yield VISITOR, _put(VISITOR, "/vsl/search/type/lightControler", {"value": "1"})


def _virtual() -> _Page:
    for owner, name in VIRTUAL_NODES:
        picture = f"{owner.address}/{name}"
        target = f"/vsl{picture}"
        yield GUEST, _get(GUEST, target, Accept=OCTETS)
        yield GUEST, _post(GUEST, target, "REGISTER_VIRTUAL_NODE", callback=picture)
        yield owner, _post(owner, target, "REGISTER_VIRTUAL_NODE", callback=picture)
        for service in (VISITOR, GUEST, owner):
            yield service, _get(service, target)
            yield service, _get(service, f"{target}/below?depth=1")
            yield service, _put(service, target, {"value": "Grüße"})
            yield service, _put(service, target, {"value": 5, "children": {"zoom": {"value": "1.50"}}})
            yield service, _post(service, target, "SUBSCRIBE", callback=picture)
            yield service, _post(service, target, "UNSUBSCRIBE")
            if owner is not HOUSE_1 and service is not owner:
                yield service, _get(service, target, Accept=OCTETS)
                content = DUMMY + b"\xff" * 100_000
                yield service, render("PUT", target, _headers(service, Content_Type=OCTETS), content)
        yield owner, _post(owner, target, "UNREGISTER_VIRTUAL_NODE")
        yield GUEST, _get(GUEST, target)


def _locks() -> _Page:
    root, target = VISITOR.address, f"/vsl{VISITOR.address}"
    yield VISITOR, _post(VISITOR, target, "COMMIT_SUBTREE")
    for end in ("COMMIT_SUBTREE", "ROLLBACK_SUBTREE"):
        yield VISITOR, _post(VISITOR, target, "LOCK_SUBTREE", callback=root)
        yield VISITOR, _post(VISITOR, target, "LOCK_SUBTREE", callback=root)
        yield GUEST, _post(GUEST, target, "LOCK_SUBTREE", callback=root)
        yield GUEST, _put(GUEST, f"{target}/owner", {"value": "Guest"})
        yield VISITOR, _put(VISITOR, f"{target}/owner", {"value": end})
        yield GUEST, _get(GUEST, f"{target}/owner")
        yield GUEST, _post(GUEST, target, end)
        yield VISITOR, _post(VISITOR, target, end)
        yield GUEST, _get(GUEST, f"{target}/owner")
    yield VISITOR, _post(VISITOR, f"{target}/owner", "LOCK_SUBTREE")
    yield VISITOR, _post(VISITOR, target, "LOCK_SUBTREE")
    yield VISITOR, _post(VISITOR, target, "ROLLBACK_SUBTREE")


def _hearing() -> _Page:
    owner = f"{VISITOR.address}/owner"
    for service in (VISITOR, GUEST, CAMERA, HOUSE_1):
        yield service, _post(service, f"/vsl{owner}", "SUBSCRIBE", callback=owner)
        yield service, _post(service, f"/vsl{VISITOR.address}?depth=-1", "SUBSCRIBE", callback=VISITOR.address)
        yield service, _post(service, "/vsl/agent1/nosuch", "SUBSCRIBE", callback="/agent1/nosuch")
    yield VISITOR, _put(VISITOR, f"/vsl{owner}", {"value": "A"})
    yield GUEST, _put(GUEST, f"/vsl{owner}", {"value": "B"})
    yield HOUSE_1, _post(HOUSE_1, f"/vsl{owner}", "NOTIFY")
    yield HOUSE_1, _post(HOUSE_1, "/vsl/agent1/nosuch", "NOTIFY")
    for service in (VISITOR, GUEST):
        yield service, _post(service, f"/vsl{VISITOR.address}?depth=1", "UNSUBSCRIBE")
    yield VISITOR, _put(VISITOR, f"/vsl{owner}", {"value": "C"})


def _unknown() -> _Page:
    light = "/vsl/agent1/lightcontrol1/lightOn"
    for service in (VISITOR, GUEST):
        for target in ("/vsl/agent1/nobody", "/vsl/agent1/nobody/x", "/vsl/agent2/nobody/x", "/vsl/agent9/x"):
            yield service, _get(service, target)
            yield service, _put(service, target, {"value": "1"})
            yield service, _post(service, target, "LOCK_SUBTREE", callback=target)
        yield service, _get(service, "/vsl/agent9/x?depth=1")
    for service in (UNREGISTERED, DENIED, MOVED):
        yield service, _get(service, light)
        yield service, _put(service, light, {"value": "1"})
        yield service, _post(service, light, "SUBSCRIBE", callback=light)
    for target in ("/vsl/agent3/search", "/vsl/agent1/lightcontrol1/lightOn"):
        yield STRANGER, _get(STRANGER, target)
        yield STRANGER, _put(STRANGER, target, {"value": "1"})
    yield STRANGER, b""


def _unsupported() -> _Page:
    owner = "/vsl/agent1/visitor1/owner"
    xml = b'<?xml version="1.0"?><node><value>1</value></node>'
    for service in (VISITOR, GUEST):
        for kind in ("application/xml", "text/xml; charset=utf-8", "text/plain", "application/x-protobuf-vsl", OCTETS):
            yield service, _raw(service, "PUT", owner, xml, Content_Type=kind)
            yield service, _raw(service, "POST", owner, xml, Content_Type=kind)
        yield service, _raw(service, "POST", "/service/register", xml, Content_Type="application/xml")
        yield service, _raw(service, "PUT", owner, b'{"value":"1"}')
        yield service, _raw(service, "PUT", owner, b"")
        yield service, _post(service, owner, "REBOOT")
        yield service, _post(service, owner, "subscribe")
        yield service, _post(service, "/vsl/search/type/x", "NOTIFY")
        children = {f"node{number}": {"value": "1"} for number in range(65)}
        yield service, _put(service, owner, {"children": children})
        for target in ("/callbacks", "/service/register", "/service/unregister"):
            yield service, _get(service, target)
        yield service, _raw(service, "PUT", "/service/register", b"{}", Content_Type=JSON)
        yield service, render("OPTIONS", owner, _headers(service), None)
        asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "PUT"}
        yield service, render("OPTIONS", owner, _headers(service) | asked, None)


def _departures() -> _Page:
    for service in (HOUSE_1, CAMERA, VISITOR):
        yield service, render("POST", "/service/unregister", *_body(service, {}))
    yield GUEST, _get(GUEST, "/vsl/agent1/visitor1?depth=-1&scope=complete")
    yield GUEST, render("POST", "/service/unregister", *_body(GUEST, {"nothing": "counts"}))
