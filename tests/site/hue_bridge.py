"""A Hue bridge, API v1 (source: https://developers.meethue.com/develop/hue-api/, written anew).

Errors come with status 200, as a list: `[{"error": {"type", "address", "description"}}]`; so do successes, one entry
for each parameter. Which name a user has is the secret: it is a segment of the path.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tests.site.rest_device import RestDevice, answer_json

UNAUTHORIZED = 1
INVALID_JSON = 2
NOT_AVAILABLE = 3
METHOD_NOT_AVAILABLE = 4
MISSING_PARAMETERS = 5
PARAMETER_NOT_AVAILABLE = 6
INVALID_VALUE = 7
LINK_BUTTON = 101
DEVICE_OFF = 201

_RANGES: Mapping[str, tuple[int, int]] = {"bri": (1, 254), "hue": (0, 65_535), "sat": (0, 254), "ct": (153, 500)}
_WORDS: Mapping[str, tuple[str, ...]] = {"alert": ("none", "select", "lselect"), "effect": ("none", "colorloop")}
_EVEN_WHEN_OFF = frozenset({"on", "transitiontime", "alert", "scene"})
_STATE = frozenset(
    {*_RANGES, *_WORDS, "on", "xy", "transitiontime", "bri_inc", "sat_inc", "hue_inc", "ct_inc", "xy_inc"}
)

type Entry = dict[str, Any]
type Resources = dict[str, Entry]


class HueBridge(RestDevice):
    """Three lights in two rooms, a scene, a motion sensor."""

    def __init__(self, username: str) -> None:
        """Begin with one user, whose name is `username`, and the link button not pressed."""
        super().__init__()
        self.link_button_pressed = False
        self.whitelist: dict[str, str] = {username: "panel#wall"}
        """Device type by user name."""
        self.lights: Resources = {str(number): _light(f"Hue lamp {number}") for number in (1, 2, 3)}
        self.groups: Resources = {
            "1": _group("Living room", ["1", "2"]),
            "2": _group("Kitchen", ["3"]),
        }
        self.scenes: Resources = {
            "4e1c6b20e-on-0": {"name": "Evening", "type": "GroupScene", "group": "1", "lights": ["1", "2"]}
        }
        self.sensors: Resources = {
            "5": {"name": "Hall motion", "type": "ZLLPresence", "state": {"presence": False}, "config": {"on": True}}
        }

    async def answer(self, request: web.Request, body: bytes) -> web.Response:
        """Answer as the bridge does: nearly always with status 200."""
        segments = request.path.strip("/").split("/")
        if segments[0] != "api":
            return web.Response(body=b"", status=404)
        return answer_json(self._api(request.method, segments[1:], body))

    def _api(self, method: str, segments: list[str], body: bytes) -> object:
        try:
            content = json.loads(body) if body else {}
        except ValueError:
            return _error(INVALID_JSON, "/", "body contains invalid json")
        if not segments:
            if method != "POST":
                return _error(METHOD_NOT_AVAILABLE, "/", f"method, {method}, not available for resource, /")
            return self._new_user(content)
        username, *path = segments
        if path == ["config"] and method == "GET" and username not in self.whitelist:
            return self._short_config()
        if segments == ["config"] and method == "GET":
            return self._short_config()
        address = "/" + "/".join(path)
        if username not in self.whitelist:
            return _error(UNAUTHORIZED, address, "unauthorized user")
        return self._resource(method, address, path, content)

    def _resource(self, method: str, address: str, path: list[str], content: Any) -> object:
        handlers: Mapping[str, Callable[[str, str, list[str], Any], object]] = {
            "GET": self._read,
            "PUT": self._write,
            "POST": self._create,
            "DELETE": self._delete,
        }
        if method not in handlers:
            return _error(METHOD_NOT_AVAILABLE, address, f"method, {method}, not available for resource, {address}")
        return handlers[method](method, address, path, content)

    def _everything(self) -> Mapping[str, Any]:
        return {
            "lights": self.lights,
            "groups": self.groups,
            "scenes": self.scenes,
            "sensors": self.sensors,
            "schedules": {},
            "rules": {},
            "resourcelinks": {},
            "config": {**self._short_config(), "linkbutton": self.link_button_pressed, "whitelist": self._users()},
        }

    def _users(self) -> Mapping[str, Entry]:
        return {user: {"name": name} for user, name in self.whitelist.items()}

    def _short_config(self) -> Entry:
        return {
            "name": "Philips hue",
            "apiversion": "1.65.0",
            "bridgeid": "ECB5FAFFFE000001",
            "mac": "ec:b5:fa:00:00:01",
            "modelid": "BSB002",
            "swversion": "1965111030",
            "factorynew": False,
        }

    def _new_user(self, content: Any) -> object:
        if "devicetype" not in content:
            return _error(MISSING_PARAMETERS, "/", "invalid/missing parameters in body")
        if not self.link_button_pressed:
            return _error(LINK_BUTTON, "", "link button not pressed")
        username = secrets.token_urlsafe(30)
        self.whitelist[username] = content["devicetype"]
        return [{"success": {"username": username}}]

    def _read(self, method: str, address: str, path: list[str], content: Any) -> object:
        found: Any = self._everything()
        for segment in path:
            if not isinstance(found, dict) or segment not in found:
                return _not_available(address)
            found = found[segment]
        return found

    def _write(self, method: str, address: str, path: list[str], content: Any) -> object:
        match path:
            case ["lights", number, "state"] if number in self.lights:
                return _set_state(address, self.lights[number]["state"], content)
            case ["groups", number, "action"] if number in {*self.groups, "0"}:
                return self._act(address, number, content)
            case ["lights" | "groups" | "sensors" as kind, number] if number in self._everything()[kind]:
                self._everything()[kind][number].update(content)
                return [{"success": {f"{address}/{name}": value}} for name, value in content.items()]
            case ["config"]:
                self.link_button_pressed = content.get("linkbutton", self.link_button_pressed)
                return [{"success": {f"{address}/{name}": value}} for name, value in content.items()]
            case _:
                return _not_available(address)

    def _act(self, address: str, number: str, content: Any) -> object:
        members = list(self.lights) if number == "0" else self.groups[number]["lights"]
        if "scene" in content and content["scene"] not in self.scenes:
            return _error(INVALID_VALUE, f"{address}/scene", f"invalid value, {content['scene']}, for parameter, scene")
        for member in members:
            _set_state(address, self.lights[member]["state"], content)
        return [{"success": {f"{address}/{name}": value}} for name, value in content.items()]

    def _create(self, method: str, address: str, path: list[str], content: Any) -> object:
        match path:
            case ["lights"] | ["sensors"]:
                return [{"success": {address: f"Searching for new {'devices'}"}}]
            case ["groups"]:
                number = str(len(self.groups) + 1)
                self.groups[number] = _group(content.get("name", ""), content.get("lights", []))
                return [{"success": {"id": number}}]
            case _:
                return _error(METHOD_NOT_AVAILABLE, address, f"method, POST, not available for resource, {address}")

    def _delete(self, method: str, address: str, path: list[str], content: Any) -> object:
        match path:
            case ["config", "whitelist", user] if user in self.whitelist:
                del self.whitelist[user]
            case ["lights" | "groups" | "scenes" as kind, number] if number in self._everything()[kind]:
                del self._everything()[kind][number]
            case _:
                return _not_available(address)
        return [{"success": f"{address} deleted."}]


def _light(name: str) -> Entry:
    state = {"on": False, "bri": 254, "ct": 366, "alert": "none", "reachable": True}
    return {"state": state, "type": "Color temperature light", "name": name, "modelid": "LTW010"}


def _group(name: str, lights: list[str]) -> Entry:
    return {"name": name, "lights": lights, "type": "Room", "action": {"on": False, "bri": 254}}


def _set_state(address: str, state: Entry, content: Any) -> list[Entry]:
    results: list[Entry] = []
    on = content.get("on", state["on"])
    for name, value in content.items():
        problem = _problem(address, name, value, on=on)
        if problem is None:
            state[name] = value
            results.append({"success": {f"{address}/{name}": value}})
        else:
            results += problem
    return results


def _problem(address: str, name: str, value: Any, *, on: bool) -> list[Entry] | None:
    where = f"{address}/{name}"
    if name not in _STATE and name != "scene":
        return _error(PARAMETER_NOT_AVAILABLE, where, f"parameter, {name}, not available")
    low, high = _RANGES.get(name, (None, None))
    wrong = (
        (low is not None and high is not None and not (isinstance(value, int) and low <= value <= high))
        or (name in _WORDS and value not in _WORDS[name])
        or (name == "on" and not isinstance(value, bool))
    )
    if wrong:
        return _error(INVALID_VALUE, where, f"invalid value, {value}, for parameter, {name}")
    if not on and name not in _EVEN_WHEN_OFF:
        return _error(DEVICE_OFF, where, f"parameter, {name}, is not modifiable. Device is set to off.")
    return None


def _not_available(address: str) -> list[Entry]:
    return _error(NOT_AVAILABLE, address, f"resource, {address}, not available")


def _error(kind: int, address: str, description: str) -> list[Entry]:
    return [{"error": {"type": kind, "address": address, "description": description}}]
