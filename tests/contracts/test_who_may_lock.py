"""Whoever was seen doing something harmless with a device may not do something else with it: one trial per mapping.

Requests are decoded by the shipped mappings, and blocked by the shipped threshold. Each pair has a caller, of a type of
its own, that made the first request of it all night, and then makes the second one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from policy.rehearsal import rehearse
from policy.scenario import Scenario
from proxy.decoders.rest.decoder import RestDecoder
from proxy.decoders.rest.examples import SENDER, ExampleRequest, decoder_for
from proxy.decoders.rest.loading import load_mapping
from proxy.decoders.rest.mapping import MappingDocument
from proxy.decoders.rest.thing_description import Source
from proxy.decoders.rest.thing_forms import Place
from proxy.decoders.rest.things import compile_things

SHIPPED = Path(__file__).parents[2] / "config" / "decoders"
PLACE = Place("http", frozenset({"192.0.2.2"}), 8080)


class Asked(NamedTuple):
    """A request; a body is JSON where it is no text."""

    method: str
    target: str
    body: Any = None


def _service(domain: str, action: str, **fields: Any) -> Asked:
    return Asked("POST", f"/api/services/{domain}/{action}", fields)


def _procedure(name: str, **parameters: Any) -> Asked:
    return Asked("POST", f"/rpc/{name}", parameters)


def _command(text: str) -> Asked:
    return Asked("GET", "/cm?cmnd=" + text.replace(" ", "%20"))


PAIRS: dict[str, list[tuple[Asked, Asked]]] = {
    "home-assistant": [
        (_service("lock", "lock", entity_id="lock.front"), _service("lock", "unlock", entity_id="lock.front")),
        (
            _service("alarm_control_panel", "alarm_arm_away", entity_id="alarm_control_panel.home"),
            _service("alarm_control_panel", "alarm_disarm", entity_id="alarm_control_panel.home"),
        ),
        (_service("siren", "turn_off", entity_id="siren.hall"), _service("siren", "turn_on", entity_id="siren.hall")),
        (_service("homeassistant", "check_config"), _service("homeassistant", "stop")),
        (_service("hassio", "addon_start", addon="a"), _service("hassio", "host_shutdown")),
        (_service("hassio", "addon_start", addon="a"), _service("hassio", "addon_start", addon="b")),
        (_service("notify", "mobile_app_x", message="hello"), _service("notify", "command_line", message="hello")),
        (
            _service("mqtt", "publish", topic="lamp/set", payload="ON"),
            _service("mqtt", "publish", topic="lock/front/set", payload="UNLOCK"),
        ),
        (_service("script", "good_night"), _service("script", "open_gate")),
        (_service("shell_command", "list_files"), _service("shell_command", "remove_files")),
        (Asked("POST", "/api/events/doorbell", {}), Asked("POST", "/api/events/alarm_off", {})),
        (
            _service("notify", "mobile_app_x", message="hello"),
            _service("notify", "mobile_app_x", message="command_flashlight"),
        ),
    ],
    "hue-v1": [
        (
            Asked("PUT", "/api/0123456789/lights/3/state", {"on": True}),
            Asked("PUT", "/api/0123456789/lights/3/state", {"alert": "lselect"}),
        ),
        (Asked("PUT", "/api/0123456789/lights/3/state", {"on": True}), Asked("DELETE", "/api/0123456789/lights/3")),
        (
            Asked("PUT", "/api/0123456789/config", {"swupdate2": {"checkforupdate": True}}),
            Asked("PUT", "/api/0123456789/config", {"swupdate2": {"install": True}}),
        ),
    ],
    "openhab": [
        (Asked("POST", "/rest/rules/tidy/runnow"), Asked("POST", "/rest/rules/open-gate/runnow")),
        (
            Asked("POST", "/rest/actions/mqtt:broker:1/mqtt.publishMQTT", {"topic": "lamp", "value": "ON"}),
            Asked("POST", "/rest/actions/mqtt:broker:1/mqtt.publishMQTT", {"topic": "lock", "value": "UNLOCK"}),
        ),
        (
            Asked("POST", "/rest/actions/mail:smtp:1/mail.send"),
            Asked("POST", "/rest/actions/mail:smtp:1/mail.sendHtml"),
        ),
        (
            Asked("PUT", "/rest/services/org.openhab.i18n/config", {}),
            Asked("PUT", "/rest/services/org.openhab.restauth/config", {}),
        ),
    ],
    "shelly-gen1": [
        (Asked("GET", "/ota?update=true"), Asked("GET", "/ota?beta=true")),
        (Asked("GET", "/self_test"), Asked("GET", "/mute")),
        (Asked("GET", "/roller/0?go=close"), Asked("GET", "/roller/0?go=open")),
        (Asked("GET", "/ota?url=http://192.0.2.8/x.zip"), Asked("GET", "/ota?url=http://203.0.113.9/x.zip")),
    ],
    "shelly-gen2": [
        (_procedure("Cover.Close", id=0), _procedure("Cover.Open", id=0)),
        (_procedure("Wifi.Scan"), _procedure("Mqtt.SetConfig", config={"server": "192.0.2.66"})),
        (_procedure("Sys.SetTime", unixtime=1), _procedure("Wifi.SetConfig", config={})),
        (_procedure("Shelly.PutUserCA", data=""), _procedure("Shelly.SetAuth", user="admin", realm="x", ha1=None)),
        (_procedure("Script.GetCode", id=1), _procedure("Script.Start", id=1)),
        (_procedure("KVS.Get", key="a"), _procedure("KVS.Set", key="a", value="b")),
        (_procedure("Shelly.Update", stage="stable"), _procedure("Shelly.Update", url="http://203.0.113.9/x.zip")),
        (_procedure("HTTP.GET", url="http://192.0.2.8/on"), _procedure("HTTP.GET", url="http://203.0.113.9/on")),
        (
            _procedure("Webhook.Create", cid=0, event="switch.on", urls=["http://192.0.2.8/on"]),
            _procedure("Webhook.Create", cid=0, event="switch.on", urls=["http://203.0.113.9/on"]),
        ),
    ],
    "tasmota": [(_command("shutterclose1"), _command("shutteropen1"))],
    "things": [
        (Asked("POST", "/door/actions/lock"), Asked("POST", "/door/actions/open")),
        (Asked("PUT", "/door/properties/light", True), Asked("PUT", "/door/properties/unlocked", True)),
    ],
}
DOOR = {
    "title": "Door",
    "@type": "saref:DoorLock",
    "properties": {
        name: {"type": "boolean", "forms": [{"href": f"/door/properties/{name}"}]} for name in ("light", "unlocked")
    },
    "actions": {name: {"forms": [{"href": f"/door/actions/{name}"}]} for name in ("lock", "open")},
}


def _mapping(name: str) -> MappingDocument:
    if name == "things":
        return compile_things([Source("door", json.dumps(DOOR).encode())], PLACE).mapping
    return load_mapping(SHIPPED / f"{name}.yaml")


def _deed(decoder: RestDecoder, asked: Asked) -> dict[str, Any]:
    """Return the access of a request as a scenario has it."""
    fields = {} if asked.body is None else {"content-type": "application/json"}
    body = "" if asked.body is None else json.dumps(asked.body)
    request = ExampleRequest(method=asked.method, target=asked.target, headers=fields, body=body)
    decoded = decoder.decode(request.as_sent(), SENDER, 0, None)
    assert decoded.refusal is None, decoded.refusal
    (access,) = decoded.accesses
    return {
        "type": access.destination_type,
        "address": access.destination,
        "does": access.operation,
        "node": access.node.removeprefix(access.destination).lstrip("/") or None,
        "data_type": access.data_type,
        "value": access.value,
    }


def _scenario(mapping: str) -> Scenario:
    decoder = decoder_for(_mapping(mapping))
    services: dict[str, Any] = {}
    training, steps = [], []
    for number, (harmless, harmful) in enumerate(PAIRS[mapping]):
        caller = f"caller{number}"
        services[caller] = {"address": f"/house/{caller}", "type": f"/{caller}", "location": "Hall"}
        deeds = []
        for each in (harmless, harmful):
            deed = _deed(decoder, each)
            called = deed["whom"] = deed.pop("address")
            services[called] = {"address": called, "type": deed.pop("type"), "location": "Hall"}
            deeds.append({"who": caller, **deed})
        training.append({**deeds[0], "every": "20m", "lasting": "12h"})
        steps.append({**deeds[0], "wait": "1m", "expect": {"action": "forward"}})
        steps.append({**deeds[1], "wait": "1m", "expect": {"action": "block", "reason": "anomalous"}})
    # Without quarantine, which the second request earns as well: it would only hide the reason.
    policy = {"mode": "enforce", "thresholds": {"quarantine": None}}
    return Scenario.model_validate(
        {"description": mapping, "policy": policy, "services": services, "training": training, "steps": steps}
    )


@pytest.mark.parametrize("mapping", sorted(PAIRS))
def test_who_was_seen_doing_one_thing_may_not_do_the_other(mapping: str) -> None:
    assert [(each.step, each.deed, each.sentence) for each in rehearse(_scenario(mapping))] == []


def test_every_shipped_mapping_is_tried() -> None:
    assert set(PAIRS) - {"things"} == {path.stem for path in SHIPPED.glob("*.yaml")}
