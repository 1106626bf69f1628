"""The decoders that keep the contract, each with requests of its own to begin with."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from policy.verdict import Sender, Strength
from proxy.configuration import InventoryDocument
from proxy.decoders.base import Decoder, Request
from proxy.decoders.rest.decoder import RestDecoder
from proxy.decoders.rest.loading import load_mapping
from proxy.decoders.rest.mapping import MappingDocument
from proxy.decoders.rest.thing_description import Source
from proxy.decoders.rest.thing_forms import Place
from proxy.decoders.rest.things import compile_things
from proxy.decoders.vsl import VslDecoder
from proxy.registry import AgentStructure, SiteRegistry

SHIPPED = Path(__file__).parents[2] / "config" / "decoders"
TOKEN = "83b7780291a6ceffbe0bd049104df"
PASSWORD = "correct-horse-battery-staple"
MOST = 8
AUTHORITY = "198.51.100.11:8081"
LIGHT = "/agent1/lightcontrol1"
SENDER = Sender(address=LIGHT, service_type="/lightControler", strength=Strength.IP, ip="192.0.2.9")


@dataclass(frozen=True)
class Case:
    """A decoder, and what its services ask for."""

    make: Callable[[], Decoder]
    requests: Sequence[Request]
    examples: int = 40
    """How many spoilt requests are tried; all mappings are decoded by the same code."""


def request(method: str, target: str, body: object = None, **headers: str) -> Request:
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"host": "access-point", "accept": "application/json"}
    if content:
        fields |= {"content-type": "application/json", "content-length": str(len(content))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method=method, target=target, headers=tuple(fields.items()), body=content)


def _registry() -> SiteRegistry:
    registry = SiteRegistry(InventoryDocument(), frozenset({"agent1", "things"}))
    types = {
        LIGHT: "/lightControler",
        f"{LIGHT}/lightOn": "/derived/boolean",
        f"{LIGHT}/rooms": "/basic/list",
        "/agent1/search": "/searchProvider/search",
        "/agent1/movement1": "/movementSensor",
        "/agent1/movement1/movement": "/derived/boolean",
    }
    children = {LIGHT: (f"{LIGHT}/lightOn", f"{LIGHT}/rooms"), "/agent1/movement1": ("/agent1/movement1/movement",)}
    structure = AgentStructure(types=types, children=children, lists=frozenset({f"{LIGHT}/rooms"}))
    registry.replace_agent("agent1", structure)
    return registry


VSL = Case(
    lambda: VslDecoder(agent="agent1", authority=AUTHORITY, registry=_registry(), most_accesses=MOST),
    [
        request("GET", f"/vsl{LIGHT}/lightOn"),
        request("GET", f"/vsl{LIGHT}?depth=-1&scope=complete"),
        request("GET", f"/vsl{LIGHT}/rooms/add/0/basic/text//kitchen"),
        request("GET", "/vsl/search/type/lightControler"),
        request("PUT", f"/vsl{LIGHT}/lightOn", {"value": "1"}),
        request("PUT", f"/vsl{LIGHT}", {"children": {"lightOn": {"value": "0"}}}),
        request("PUT", f"/vsl{LIGHT}/lightOn", b"\xbf\x65value\x611\xff", content_type="application/cbor"),
        request("PUT", f"/vsl{LIGHT}/lightOn", b"\x00abc", content_type="application/octet-stream"),
        request("POST", f"/vsl{LIGHT}/lightOn", {"operation": "LOCK_SUBTREE", "callbackId": "a" * 36}),
        request("POST", f"/vsl{LIGHT}", {"operation": "NOTIFY"}),
        request("POST", "/service/register", {"modelId": "/lightControler", "modelHash": "", "binaryHash": ""}),
        request("POST", "/service/unregister", {}),
        request(
            *("GET", "/callbacks"),
            connection="Upgrade",
            upgrade="websocket",
            sec_websocket_version="13",
            sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
            sec_websocket_protocol="v1.vsl.ds2os.org",
        ),
    ],
    examples=150,
)

_LAMP: dict[str, Any] = {"service": "lamp-{lamp}", "type": "/lamp"}
EVERY_PLACE = MappingDocument.model_validate_json(
    json.dumps(
        {
            "name": "Everything that a mapping can say, in one middleware that nobody has",
            "source": "https://example.org/",
            "token": {"path": "user"},
            "refusal": {"status": 401, "content_type": "application/json", "body": '[{"error": "{message}"}]'},
            "vocabulary": {"kind": ["light", "switch"]},
            "routes": [
                {
                    **_LAMP,
                    "name": "state",
                    "method": "PUT",
                    "path": "/api/{user}/lamps/{lamp}/state",
                    "operation": "set",
                    "body": "json",
                    "members": {
                        "/on": {"node": "state/on", "data_type": "/basic/boolean"},
                        "/bri": {"node": "state/bri", "data_type": "/basic/number", "minimum": 1, "maximum": 254},
                    },
                    "query": {"transition": {}},
                },
                {
                    **_LAMP,
                    "name": "look",
                    "method": "GET",
                    "path": "/api/{user}/lamps/{lamp}",
                    "operation": "get",
                },
                {
                    "service": "{kind}.{thing}",
                    "type": "/hub/{kind}",
                    "name": "call",
                    "method": "POST",
                    "path": "/rpc/{kind}/{rest...}",
                    "variables": {"thing": {"body": "/id"}},
                    "operation": "invoke",
                    "node": "{rest}",
                    "body": "json",
                    "value": {"body": "/value"},
                },
                {
                    "name": "all",
                    "method": "GET",
                    "path": "/api/{user}/events",
                    "type": "/lamps",
                    "operation": "subscribe",
                    "everything": True,
                    "lasting": True,
                },
            ],
        }
    )
)
MAPPED = Case(
    lambda: RestDecoder(EVERY_PLACE, "things", AUTHORITY, _registry(), MOST),
    [
        request("PUT", f"/api/{TOKEN}/lamps/3/state?transition=4", {"on": True, "bri": 100}),
        request("GET", f"/api/{TOKEN}/lamps/3"),
        request("POST", "/rpc/light/toggle/now", {"id": "kitchen", "value": 1.50}),
        request("GET", f"/api/{TOKEN}/events"),
    ],
    examples=150,
)

_HARDLY_KNOWN = MappingDocument.model_validate(
    {
        "name": "Hardly known yet",
        "learning": True,
        "routes": [{"name": "a", "method": "GET", "path": "/a", "service": "a", "type": "/a", "operation": "get"}],
    }
)
LEARNING = Case(
    lambda: RestDecoder(_HARDLY_KNOWN, "things", AUTHORITY, _registry(), MOST),
    [
        request("GET", "/a"),
        request("PUT", "/zones/3/target?force=1", {"celsius": 21.5, "name": "a"}, x_floor="2"),
        request("GET", "/events", accept="text/event-stream", cookie="theme=dark"),
    ],
)

_FORM = {"contentType": "application/json"}
THING = {
    "@context": "https://www.w3.org/2022/wot/td/v1.1",
    "title": "Lamp",
    "@type": "Light",
    "securityDefinitions": {"bearer": {"scheme": "bearer"}},
    "security": "bearer",
    "properties": {
        "level": {"type": "integer", "minimum": 0, "maximum": 100, "forms": [{"href": "/lamp/properties/level"}]},
    },
    "actions": {"blink": {"input": {"type": "integer"}, "forms": [{"href": "/lamp/actions/blink", **_FORM}]}},
}


def _thing() -> Decoder:
    place = Place("http", frozenset({"198.51.100.11"}), 8081)
    compiled = compile_things([Source("lamp.td.json", json.dumps(THING).encode())], place)
    return RestDecoder(compiled.mapping, "things", AUTHORITY, _registry(), MOST)


COMPILED = Case(
    _thing,
    [
        request("GET", "/lamp/properties/level", authorization=f"Bearer {TOKEN}"),
        request("PUT", "/lamp/properties/level", 50, authorization=f"Bearer {TOKEN}"),
        request("POST", "/lamp/actions/blink", 3, authorization=f"Bearer {TOKEN}"),
    ],
)


def _shipped(file: Path) -> Case:
    """A shipped mapping, with the requests of its examples."""
    mapping = load_mapping(file)
    examples = yaml.safe_load((SHIPPED / "examples" / file.name).read_text(encoding="utf-8"))
    return Case(
        lambda: RestDecoder(mapping, "things", AUTHORITY, _registry(), MOST),
        [_example(each["request"]) for each in examples],
    )


def _example(given: dict[str, Any]) -> Request:
    body = given.get("body") or b""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body else b""
    headers = {name.lower(): str(value) for name, value in (given.get("headers") or {}).items()}
    fields = tuple({"host": "access-point", **headers}.items())
    return Request(method=given.get("method", "GET"), target=given["target"], headers=fields, body=content)


CASES = {
    "vsl": VSL,
    "every-place": MAPPED,
    "thing": COMPILED,
    "learning": LEARNING,
    **{file.stem: _shipped(file) for file in sorted(SHIPPED.glob("*.yaml"))},
}
BASIC = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
