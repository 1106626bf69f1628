"""What comes with alleyes for other middleware does what its examples say, and says where it is from."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from proxy.decoders.rest.examples import SENDER, ExampleRequest, decoder_for, differences, load_examples
from proxy.decoders.rest.loading import load_mapping

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config" / "decoders"
EXAMPLES = SHIPPED / "examples"
MAPPINGS = sorted(SHIPPED.glob("*.yaml"))
FEWEST = 12

each_mapping = pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.stem)


def test_the_middleware_that_is_promised_is_there() -> None:
    promised = {"home-assistant", "hue-v1", "openhab", "shelly-gen1", "shelly-gen2", "tasmota"}
    assert {path.stem for path in MAPPINGS} == promised == {path.stem for path in EXAMPLES.glob("*.yaml")}


@each_mapping
def test_examples_become_what_they_should(path: Path) -> None:
    examples = load_examples(EXAMPLES / path.name)
    assert list(differences(load_mapping(path), examples)) == []
    assert len(examples) >= FEWEST
    assert len(Counter(example.refusal for example in examples)) >= 3, "some are refused, for several reasons"


@each_mapping
def test_every_kind_of_route_is_reached_by_an_example(path: Path) -> None:
    """A kind is what is done to which type: a mapping that loses `/ota` must not stay green."""
    mapping = load_mapping(path)
    decoder = decoder_for(mapping)
    reached = {decoder.route_of(example.request.as_sent()) for example in load_examples(EXAMPLES / path.name)}
    kinds: dict[tuple[str, str], set[str]] = {}
    for route in mapping.routes:
        kinds.setdefault((route.operation, route.type), set()).add(route.name)
    assert [kind for kind, names in kinds.items() if reached.isdisjoint(names)] == []


@each_mapping
def test_names_of_routes_tell_them_apart(path: Path) -> None:
    names = Counter(route.name for route in load_mapping(path).routes)
    assert [name for name, times in names.items() if times > 1] == []


@each_mapping
def test_source_and_gaps_are_told(path: Path) -> None:
    assert load_mapping(path).source.startswith("https://")
    document = (ROOT / "docs" / "middleware.md").read_text()
    assert f"`config/decoders/{path.name}`, from " in document


@pytest.mark.parametrize(
    ("mapping", "types"),
    [
        ("hue-v1", ["/hue/users", "/hue/link-button", "/hue/firmware", "/hue/search", "/hue/all-lights"]),
        ("shelly-gen1", ["/shelly/firmware", "/shelly/restart", "/shelly/mode", "/shelly/listener"]),
        (
            "shelly-gen2",
            [
                *("/shelly/firmware", "/shelly/reset", "/shelly/restart", "/shelly/login", "/shelly/network/{module}"),
                *("/shelly/code", "/shelly/scripts", "/shelly/webhooks", "/shelly/schedules", "/shelly/calls"),
                "/shelly/configuration/{component}",
            ],
        ),
        ("tasmota", ["/tasmota/restart", "/tasmota/all-outputs"]),
        (
            "home-assistant",
            [
                *("/ha/template", "/ha/fired-events", "/ha/states", "/ha/webhooks", "/ha/system/{system}"),
                *("/ha/system/script", "/ha/system/automation", "/ha/system/mqtt", "/ha/system/conversation"),
            ],
        ),
        ("openhab", ["/openhab/rule-code", "/openhab/addon-code", "/openhab/transformation-code", "/openhab/firmware"]),
    ],
)
def test_what_is_dangerous_shares_its_type_with_nothing_usual(mapping: str, types: list[str]) -> None:
    """A model that has seen somebody use a device must not take their reprogramming it for the same."""
    routes = load_mapping(SHIPPED / f"{mapping}.yaml").routes
    usual = {"/hue/light", "/hue/bridge", "/shelly/device", "/shelly/{component}", "/openhab/item", "/ha/{domain}"}
    assert set(types) <= {route.type for route in routes if route.operation != "get"}
    assert usual.isdisjoint(types)
    assert usual & {route.type for route in routes} or mapping == "tasmota"


SECRET = "Sd41xQ8z"


@pytest.mark.parametrize(
    ("mapping", "method", "target", "body"),
    [
        ("hue-v1", "GET", f"/api/{SECRET}/lights", None),
        ("hue-v1", "GET", f"/API/{SECRET}/lights", None),
        ("hue-v1", "DELETE", f"/api/0123/config/whitelist/{SECRET}", None),
        ("hue-v1", "POST", "/api", {"devicetype": "app#phone", "username": SECRET}),
        (
            "hue-v1",
            "POST",
            f"/api/{SECRET}/schedules",
            {"command": {"address": f"/api/{SECRET}/lights/1/state", "method": "PUT", "body": {}}, "localtime": "x"},
        ),
        (
            "hue-v1",
            "PUT",
            f"/api/{SECRET}/schedules/1",
            {"command": {"address": f"/api/{SECRET}/config", "method": "PUT", "body": {}}},
        ),
        ("home-assistant", "GET", f"/api/camera_proxy/camera.door?token={SECRET}", None),
        ("home-assistant", "GET", f"/api/camera_proxy_stream/camera.door?token={SECRET}", None),
        ("home-assistant", "GET", f"/api/image_proxy/image.door?token={SECRET}", None),
        ("home-assistant", "GET", f"/api/states/light.hall?authSig={SECRET}", None),
        ("home-assistant", "POST", f"/api/webhook/{SECRET}", {}),
        ("home-assistant", "PUT", f"/api/webhook/{SECRET}", {}),
        ("home-assistant", "POST", "/api/services/lock/unlock", {"entity_id": "lock.front", "code": SECRET}),
        (
            "home-assistant",
            "POST",
            "/api/services/zwave_js/set_lock_usercode",
            {"entity_id": "lock.a", "usercode": SECRET},
        ),
        ("home-assistant", "POST", "/api/services/backup/create", {"password": SECRET}),
        ("openhab", "GET", f"/rest/items/KitchenLight?accessToken={SECRET}", None),
        ("openhab", "GET", f"/rest/items/KitchenLight?accesstoken={SECRET}", None),
        ("openhab", "PUT", "/rest/things/mail:smtp:1/config", {"password": SECRET}),
        ("openhab", "PUT", "/rest/services/org.openhab.mail/config", {"password": SECRET}),
        ("openhab", "POST", "/rest/things", {"configuration": {"password": SECRET}}),
        ("shelly-gen1", "GET", f"/settings?mqtt_pass={SECRET}", None),
        ("shelly-gen1", "GET", f"/settings/login?enabled=1&username=a&password={SECRET}", None),
        ("shelly-gen1", "GET", f"/settings/sta?enabled=1&ssid=x&key={SECRET}", None),
        ("shelly-gen1", "GET", f"/settings/sta?enabled=1&ssid=x&pass={SECRET}", None),
        ("shelly-gen2", "POST", "/rpc/Wifi.SetConfig", {"config": {"sta": {"ssid": "x", "pass": SECRET}}}),
        ("shelly-gen2", "POST", "/rpc/Shelly.SetAuth", {"user": "admin", "realm": "x", "ha1": SECRET}),
        ("shelly-gen2", "POST", "/rpc", {"id": 1, "method": "KVS.Set", "params": {"key": "a", "value": SECRET}}),
        ("tasmota", "GET", f"/cm?user=admin&password={SECRET}&cmnd=Power%20on", None),
        ("tasmota", "GET", f"/cm?cmnd=WebPassword%20{SECRET}", None),
        ("tasmota", "GET", f"/cm?cmnd=Password1%20{SECRET}", None),
        ("tasmota", "GET", f"/cm?cmnd=Backlog%20MqttPassword%20{SECRET}%3BRestart%201", None),
    ],
)
def test_no_secret_is_written_down(mapping: str, method: str, target: str, body: dict[str, Any] | None) -> None:
    decoder = decoder_for(load_mapping(SHIPPED / f"{mapping}.yaml"))
    fields = {} if body is None else {"content-type": "application/json"}
    example = ExampleRequest(
        method=method, target=target, headers=fields, body="" if body is None else json.dumps(body)
    )
    decoded = decoder.decode(example.as_sent(), SENDER, 0, None)
    written = [decoder.in_words(f"{method} {target}"), "" if decoded.refusal is None else decoded.refusal.detail]
    written += [f"{access.node} {access.value}" for access in decoded.accesses]
    assert [text for text in written if SECRET.lower() in text.lower()] == []
    outbound = decoded.outbound
    assert outbound is not None
    assert SECRET in outbound.target or SECRET.encode() in outbound.body, "it goes on where it was"
